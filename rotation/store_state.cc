#include "rotation/store_state.h"

#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/next_action.h"
#include "rotation/policy.h"
#include "rotation/runs.h"
#include "vault/directories.h"
#include "vault/rotation_rules.h"

namespace keyturn {

void PlanIfNeeded(const KeyringSnapshot& keys, SecretMetadata* metadata) {
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  if (rotation.due_ms() != 0 || rotation.promoted_ms() == 0) return;
  const DueTime due = DueTimeOf(keys, *metadata);
  rotation.set_due_ms(absl::ToUnixMillis(due.due));
  rotation.set_deadline_ms(absl::ToUnixMillis(due.deadline));
}

absl::Status Moved() { return WithReason(absl::AbortedError("moved"), "MOVED"); }

bool IsMoved(const absl::Status& status) { return ReasonOf(status) == "MOVED"; }

absl::StatusOr<std::optional<RotatingSecret>> LoadRotating(const KeyringSnapshot& keys,
                                                           const View& view, const Uuid& secret) {
  ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata, ReadMetadata(keys, view, secret));
  if (!metadata.has_value() || !metadata->has_rotation()) return std::optional<RotatingSecret>();
  RotatingSecret out;
  out.id = secret;
  ASSIGN_OR_RETURN(out.run, ReadOpenRun(keys, view, *metadata));
  out.hinted_ms = metadata->rotation().next_ms();
  out.metadata = *std::move(metadata);
  return std::optional<RotatingSecret>(std::move(out));
}

absl::Status SaveRotating(const KeyringSnapshot& keys, const View& view, absl::Time now,
                          RotatingSecret* secret, const v1::RotationRun* run, Batch& batch) {
  SecretMetadata& metadata = secret->metadata;
  std::optional<v1::RotationRun> open;
  if (run != nullptr) {
    RETURN_IF_ERROR(WriteRun(keys, view, secret->id, *run, batch));
    if (metadata.rotation().open_run() == run->number()) open = *run;
  } else if (metadata.rotation().open_run() != 0) {
    open = secret->run;
  }
  if (!metadata.has_rotation()) {
    MoveRotationHint(secret->id, secret->hinted_ms, metadata, batch);
    return WriteMetadata(keys, secret->id, now, &metadata, batch);
  }
  PlanIfNeeded(keys, &metadata);  // with it, most changes need no second look
  const Action next = NextAction(metadata, open, now, false);
  const absl::Time when = next.kind == Action::Kind::kNone ? next.when : now;
  const int64_t next_ms = when == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(when);
  metadata.mutable_rotation()->set_next_ms(next_ms);
  MoveRotationHint(secret->id, secret->hinted_ms, metadata, batch);
  return WriteMetadata(keys, secret->id, now, &metadata, batch);
}

absl::Status TellOf(const KeyringSnapshot& keys, const View& view, const RotatingSecret& secret,
                    v1::WatchResponse::Type type, uint64_t version, absl::Time now, Batch& batch) {
  ASSIGN_OR_RETURN(const std::string path, PathOf(keys, view, secret.metadata));
  return WriteChange(keys, type, path, "", version, now, batch);
}

}  // namespace keyturn
