// What a target answers: one JSON object, which docs/ROTATION.md describes. Thread-safe (no state).
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

struct TargetAnswer {
  absl::Status
      status;  // as rotation/driver.h takes it; its message and RetryAfterOf are the target's own
  std::optional<bool> works;
  std::optional<int> sessions;
};

// UNKNOWN, that is, ambiguous, for anything but an object with a known result: what a target did
// that answers like that is not known.
TargetAnswer ReadAnswer(absl::string_view text);

}  // namespace keyturn
