#include "rotation/clock_guard.h"

#include "base/limits.h"

namespace keyturn {

bool ClockGuard::Observe(absl::Time wall, int64_t monotonic_nanos) {
  const absl::Duration tolerance = absl::Seconds(limits::kRotationClockJumpSeconds);
  bool wrong = known_.has_value() && wall < *known_ - tolerance;
  bool renew = !wall_.has_value();
  if (wall_.has_value()) {
    const absl::Duration went = wall - *wall_;
    const absl::Duration should = absl::Nanoseconds(monotonic_nanos - monotonic_nanos_);
    wrong = wrong || absl::AbsDuration(went - should) > tolerance;
    renew = wrong || should >= absl::Seconds(limits::kRotationClockStepsSeconds);
  }
  if (wrong) {
    distrusted_until_nanos_ = monotonic_nanos + limits::kRotationClockAgreeSeconds * 1'000'000'000;
  } else if (distrusted_until_nanos_.has_value() && monotonic_nanos >= *distrusted_until_nanos_) {
    distrusted_until_nanos_.reset();
  }
  if (trusted()) known_.reset();
  if (renew) {
    wall_ = wall;
    monotonic_nanos_ = monotonic_nanos;
  }
  return wrong;
}

void ClockGuard::Accept() {
  distrusted_until_nanos_.reset();
  known_.reset();
}

}  // namespace keyturn
