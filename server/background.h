// The tasks of the janitor. Thread-safe (values).
#pragma once

#include <vector>

#include "audit/refusals.h"
#include "server/janitor.h"
#include "server/lifecycle.h"
#include "server/rooms.h"
#include "server/streams.h"
#include "server/tls_files.h"

namespace keyturn {

// All outlive the tasks.
struct BackgroundParts {
  Rooms& rooms;
  const Lifecycle& lifecycle;
  RefusalLimiter& refusals;
  StreamRegistry& watchers;
  TlsFiles& tls;
  Clock& clock;
  bool anchor = false;  // an anchor file is configured
};
std::vector<Janitor::Task> BackgroundTasks(const BackgroundParts& parts);

}  // namespace keyturn
