// When a rotation that is due may start: room for one more version, the secrets that must be
// rotated before, the windows.
#include <algorithm>

#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/policy.h"
#include "rotation/status.h"
#include "rotation/worker.h"
#include "vault/path.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

// When one of the versions that work has to end; far ahead if none has.
absl::Time FirstGraceEnd(const SecretMetadata& metadata) {
  absl::Time first = absl::InfiniteFuture();
  for (const VersionRecord& version : metadata.versions()) {
    if (!IsState(version, v1::VERSION_STATE_GRACE)) continue;
    first = std::min(first, absl::FromUnixMillis(version.grace_end_ms()));
  }
  return first;
}

}  // namespace

absl::StatusOr<absl::Time> Worker::AllowedFrom(const Look& look) const {
  const record::v1::RotationState& rotation = look.secret.metadata.rotation();
  const absl::Time now = context_.clock.Now();
  const absl::Time last = absl::FromUnixMillis(rotation.deadline_ms()) +
                          absl::Seconds(limits::kRotationOrderWaitSeconds);
  absl::Time from = absl::InfinitePast();
  if (LiveVersions(look.secret.metadata) >= MaxLiveVersions(rotation.policy())) {
    from = FirstGraceEnd(look.secret.metadata);  // whatever the deadline
  }
  absl::Time ordered = absl::InfinitePast();
  for (const v1::RotationOrder& order : rotation.policy().after()) {
    ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(order.path()));
    const View& view = context_.store.Newest();
    ASSIGN_OR_RETURN(const std::optional<Located> located, FindSecret(*look.keys, view, path));
    if (!located.has_value()) continue;  // nothing to wait for any more
    const absl::StatusOr<std::optional<RotatingSecret>> other =
        LoadRotating(*look.keys, view, located->secret);
    // One that does not open is told of when its own turn comes.
    if (absl::IsDataLoss(other.status())) continue;
    RETURN_IF_ERROR(other.status());
    if (!other->has_value()) continue;
    const record::v1::RotationState& its = (*other)->metadata.rotation();
    const bool under_way =
        its.open_run() != 0 || its.due_ms() == 0 || absl::FromUnixMillis(its.due_ms()) <= now;
    ordered = std::max(ordered, under_way ? now + absl::Minutes(1)
                                          : absl::FromUnixMillis(its.promoted_ms()) +
                                                absl::Seconds(order.offset_seconds()));
  }
  return std::max(from, std::min(ordered, last));
}

// The next opening, when the windows are closed and the policy does not start outside of them yet:
// what was held or late comes when it comes.
absl::Time Worker::OpenFrom(const Look& look) const {
  const record::v1::RotationState& rotation = look.secret.metadata.rotation();
  const absl::Time now = context_.clock.Now();
  const absl::Time deadline = absl::FromUnixMillis(rotation.deadline_ms());
  const bool soft = rotation.policy().enforcement() == v1::RotationPolicy::SOFT;
  const WindowSet windows = WindowsOf(rotation.policy()).value_or(WindowSet());
  if (windows.IsOpen(now) || (!soft && now >= deadline)) return absl::InfinitePast();
  const std::optional<Interval> next = windows.NextOpen(now);
  if (!next.has_value()) return soft ? absl::InfinitePast() : deadline;
  return soft ? next->begin : std::min(next->begin, deadline);
}

absl::StatusOr<bool> Worker::StartIsDue(const Uuid& secret, absl::Time now) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::StatusOr<std::optional<RotatingSecret>> found =
      LoadRotating(*keys, context_.store.Newest(), secret);
  if (absl::IsDataLoss(found.status())) return false;
  RETURN_IF_ERROR(found.status());
  if (!found->has_value()) return false;
  const SecretMetadata& metadata = (*found)->metadata;
  const record::v1::RotationState& rotation = metadata.rotation();
  if ((*found)->run.has_value() || !MayStart(metadata, now)) return false;
  if (absl::FromUnixMillis(rotation.hold_until_ms()) > now) return false;
  if (rotation.due_ms() != 0) return absl::FromUnixMillis(rotation.due_ms()) <= now;
  return rotation.promoted_ms() != 0 && DueTimeOf(*keys, metadata).due <= now;  // not planned yet
}

absl::Status Worker::Start(const Look& look) const {
  ASSIGN_OR_RETURN(absl::Time from, AllowedFrom(look));
  from = std::max(from, OpenFrom(look));
  if (from <= context_.clock.Now()) from = storm_.TakeTurn(context_.clock.Now());
  if (from > context_.clock.Now()) {
    from = std::min(from, context_.clock.Now() + absl::Hours(24));
    return Settle(look, [from](RotatingSecret& secret) {
      secret.metadata.mutable_rotation()->set_hold_until_ms(absl::ToUnixMillis(from));
    });
  }
  return MakesValues(look.secret.metadata) ? Generate(look, true) : Ask(look);
}

}  // namespace keyturn
