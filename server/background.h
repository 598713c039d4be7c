// The tasks of the janitor. Thread-safe (values).
#pragma once

#include <functional>
#include <vector>

#include "audit/refusals.h"
#include "server/janitor.h"
#include "server/lifecycle.h"
#include "server/rooms.h"
#include "server/streams.h"

namespace keyturn {

// All outlive the tasks.
struct BackgroundParts {
  Rooms& rooms;
  const Lifecycle& lifecycle;
  RefusalLimiter& refusals;
  StreamRegistry& watchers;
  Clock& clock;
  bool anchor = false;                                // an anchor file is configured
  std::function<absl::Status()> reload_certificates;  // as at SIGHUP
};
std::vector<Janitor::Task> BackgroundTasks(const BackgroundParts& parts);

}  // namespace keyturn
