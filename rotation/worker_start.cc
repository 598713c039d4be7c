// When a rotation that is due may start, and its start.
#include <algorithm>

#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/policy.h"
#include "rotation/start_time.h"
#include "rotation/transitions.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/path.h"
#include "vault/tree.h"

namespace keyturn {

absl::StatusOr<absl::Time> Worker::AllowedFrom(const Look& look) const {
  const record::v1::RotationState& rotation = look.secret.metadata.rotation();
  const absl::Time now = context_.clock.Now();
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
    ordered =
        std::max(ordered, OrderFrom((*other)->metadata.rotation(), order.offset_seconds(), now));
  }
  // Room is waited for whatever the deadline.
  return std::max(RoomFrom(look.secret.metadata, now), std::min(ordered, LastOrderWait(rotation)));
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

Worker::Acted Worker::Start(const Look& look) const {
  ASSIGN_OR_RETURN(absl::Time from, AllowedFrom(look));
  from = std::max(from, WindowFrom(look.secret.metadata.rotation(), context_.clock.Now()));
  if (from <= context_.clock.Now()) from = storm_.TakeTurn(context_.clock.Now());
  if (from > context_.clock.Now()) {
    const absl::Time now = context_.clock.Now();
    from = std::min(from, now + absl::Hours(24));
    return Settle(look, [from, now](RotatingSecret& secret) {
      const bool room = RoomFrom(secret.metadata, now) <= now;
      WaitUntil(from, room ? WaitsFor::kOther : WaitsFor::kRoom, &secret.metadata);
    });
  }
  return MakesValues(look.secret.metadata) ? Generate(look, true) : Ask(look);
}

}  // namespace keyturn
