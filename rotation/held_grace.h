// The end of a grace that went on only because somebody used the version. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "rotation/context.h"

namespace keyturn {

// Ends the grace of each version that is held (VersionRecord::held) and that nobody uses any more,
// each by a change of its own; how many. What follows is the worker's.
absl::StatusOr<int> ReleaseHeld(const RotationContext& context, const Uuid& secret);

}  // namespace keyturn
