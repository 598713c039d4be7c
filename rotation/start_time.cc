#include "rotation/start_time.h"

#include <algorithm>

#include "base/limits.h"
#include "rotation/policy.h"
#include "rotation/status.h"
#include "vault/rotation_rules.h"

namespace keyturn {

absl::Time RoomFrom(const SecretMetadata& metadata, absl::Time now) {
  if (LiveVersions(metadata) < MaxLiveVersions(metadata.rotation().policy())) {
    return absl::InfinitePast();
  }
  absl::Time first = absl::InfiniteFuture();
  for (const VersionRecord& version : metadata.versions()) {
    if (IsState(version, v1::VERSION_STATE_GRACE)) {
      first = std::min(first, absl::FromUnixMillis(version.grace_end_ms()));
    }
    // It works until its target has ended it, which may fail again.
    if (IsState(version, v1::VERSION_STATE_RETIRING)) {
      first = std::min(
          first, std::max(absl::FromUnixMillis(version.retire_next_ms()), now + absl::Seconds(1)));
    }
  }
  return first;
}

bool IsUnderWay(const record::v1::RotationState& its, absl::Time now) {
  return its.open_run() != 0 || its.due_ms() == 0 || absl::FromUnixMillis(its.due_ms()) <= now;
}

absl::Time OrderFrom(const record::v1::RotationState& its, int64_t offset_seconds, absl::Time now) {
  return IsUnderWay(its, now)
             ? now + absl::Seconds(limits::kRotationOrderPollSeconds)
             : absl::FromUnixMillis(its.promoted_ms()) + absl::Seconds(offset_seconds);
}

absl::Time LastOrderWait(const record::v1::RotationState& rotation) {
  return absl::FromUnixMillis(rotation.deadline_ms()) +
         absl::Seconds(limits::kRotationOrderWaitSeconds);
}

absl::Time WindowFrom(const record::v1::RotationState& rotation, absl::Time now) {
  const absl::Time deadline = absl::FromUnixMillis(rotation.deadline_ms());
  const bool soft = rotation.policy().enforcement() == v1::RotationPolicy::SOFT;
  const WindowSet windows = WindowsOf(rotation.policy()).value_or(WindowSet());
  if (windows.IsOpen(now) || (!soft && now >= deadline)) return absl::InfinitePast();
  const std::optional<Interval> next = windows.NextOpen(now);
  if (!next.has_value()) return soft ? absl::InfinitePast() : deadline;
  return soft ? next->begin : std::min(next->begin, deadline);
}

}  // namespace keyturn
