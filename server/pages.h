// The pages of the metrics listener: /metrics, /health and /ready.
#pragma once

#include "server/http_listener.h"
#include "server/lifecycle.h"
#include "server/metrics.h"
#include "server/rooms.h"

namespace keyturn {

// /health is 200 while the process can answer at all; /ready is 503 while it is sealed, its audit
// log fails or its store has stopped. All outlive the routes.
HttpListener::Routes Pages(Rooms& rooms, const Lifecycle& lifecycle, Metrics& metrics);

}  // namespace keyturn
