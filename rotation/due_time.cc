#include "rotation/due_time.h"

#include <algorithm>

#include "base/limits.h"

namespace keyturn {
namespace {

// `hash` as whole seconds below `length`; 0 when that is less than one.
absl::Duration Share(uint64_t hash, absl::Duration length) {
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(length));
  return absl::Seconds(static_cast<int64_t>(hash % static_cast<uint64_t>(seconds)));
}

absl::Time DeadlineOf(const RotationTimers& timers) {
  const bool before = timers.grace_mode == GraceMode::kBefore;
  absl::Duration lifetime = timers.period - (before ? timers.grace : absl::ZeroDuration());
  if (timers.max_credential_age.has_value()) {
    lifetime = std::min(lifetime, *timers.max_credential_age - timers.grace);
  }
  return timers.promoted_at + std::max(lifetime, absl::Seconds(limits::kRotationRestSecondsMin));
}

// What a start may be brought forward to.
absl::Time EarliestOf(const RotationTimers& timers, absl::Time deadline) {
  const absl::Duration rest = std::max({absl::Seconds(limits::kRotationRestSecondsMin),
                                        timers.grace, (deadline - timers.promoted_at) / 2});
  return std::min(timers.promoted_at + rest, deadline);
}

}  // namespace

DueTime ComputeDueTime(const RotationTimers& timers, const WindowSet& windows) {
  const absl::Time deadline = DeadlineOf(timers);
  const absl::Time earliest = EarliestOf(timers, deadline);
  const absl::Duration jitter = Share(timers.hash, timers.jitter_max + absl::Seconds(1));
  const absl::Time wanted = std::max(deadline - jitter, earliest);
  if (windows.IsOpen(wanted)) return {wanted, deadline, false};
  std::optional<Interval> fits = windows.LatestFitting(earliest, wanted);
  if (!fits.has_value()) fits = windows.LatestFitting(wanted, deadline);
  if (fits.has_value()) {
    return {fits->begin + Share(timers.hash, fits->end - fits->begin), deadline, false};
  }
  if (timers.window_mode == WindowMode::kSoft) {
    const std::optional<Interval> next = windows.NextOpen(deadline);
    if (next.has_value()) return {next->begin, deadline, false};
  }
  return {deadline, deadline, !windows.IsOpen(deadline)};
}

Lateness LatenessAt(absl::Time now, const DueTime& due, absl::Duration grace) {
  if (now > due.deadline + grace) return Lateness::kCritical;
  if (now > due.deadline) return Lateness::kOverdue;
  return now >= due.due ? Lateness::kDue : Lateness::kNone;
}

}  // namespace keyturn
