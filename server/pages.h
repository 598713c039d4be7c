// The pages of the metrics listener: /metrics, /health and /ready; and those of the HTTPS listener:
// /.well-known/jwks.json.
#pragma once

#include "server/http_listener.h"
#include "server/lifecycle.h"
#include "server/metrics.h"
#include "server/rooms.h"

namespace keyturn {

// /health is 200 while the process can answer at all; /ready is 503 while it is sealed, its audit
// log fails or its store has stopped. All outlive the routes.
HttpListener::Routes Pages(Rooms& rooms, const Lifecycle& lifecycle, Metrics& metrics);

// The public keys of tokens, for everybody (RFC 7517 section 5), to be kept as long as the page
// says; 503 while the vault is sealed. `rooms` outlives the routes.
HttpListener::Routes PublicPages(Rooms& rooms);

}  // namespace keyturn
