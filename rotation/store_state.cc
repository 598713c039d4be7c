#include "rotation/store_state.h"

#include "base/reason.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/next_action.h"
#include "rotation/policy.h"
#include "rotation/runs.h"
#include "storage/schema.h"
#include "vault/rotation_rules.h"

namespace keyturn {

namespace {

// The secret whose metadata these are, and its run.
absl::StatusOr<std::optional<RotatingSecret>> Open(const KeyringSnapshot& keys, const View& view,
                                                   const Uuid& secret, std::string sealed) {
  RotatingSecret out;
  out.id = secret;
  ASSIGN_OR_RETURN(out.metadata, OpenMetadata(keys, secret, sealed));
  if (!out.metadata.has_rotation()) return std::optional<RotatingSecret>();
  out.hinted_ms = out.metadata.rotation().next_ms();
  out.sealed_metadata = std::move(sealed);
  if (const uint64_t number = out.metadata.rotation().open_run(); number != 0) {
    const std::string key = schema::RotationRunKey(secret, number);
    ASSIGN_OR_RETURN(std::optional<std::string> run, view.Get(Family::kRecords, key));
    if (!run.has_value()) return absl::DataLossError("the open rotation run is missing");
    ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kRotationRun, key, *run));
    ASSIGN_OR_RETURN(out.run, ParseRun(opened));
    out.run_generation = opened.generation;
    out.read_run = number;
    out.sealed_run = *std::move(run);
  }
  return std::optional<RotatingSecret>(std::move(out));
}

// The generation is known of the run that was read with the secret.
absl::Status SaveRun(const KeyringSnapshot& keys, const View& view, RotatingSecret* secret,
                     const v1::RotationRun& run, Batch& batch) {
  const std::string key = schema::RotationRunKey(secret->id, run.number());
  uint64_t generation = secret->run_generation + 1;
  if (secret->run_generation == 0 || secret->read_run != run.number()) {
    ASSIGN_OR_RETURN(generation,
                     NextGeneration(keys, view, Family::kRecords, Purpose::kRotationRun, key));
  }
  ASSIGN_OR_RETURN(secret->sealed_run, WriteRunAs(keys, secret->id, run, generation, batch));
  secret->run_generation = generation;
  secret->read_run = run.number();
  return absl::OkStatus();
}

}  // namespace

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
  ASSIGN_OR_RETURN(std::optional<std::string> sealed,
                   view.Get(Family::kRecords, schema::SecretMetadataKey(secret)));
  if (!sealed.has_value()) return std::optional<RotatingSecret>();
  return Open(keys, view, secret, *std::move(sealed));
}

absl::StatusOr<bool> IsStill(const RotatingSecret& known, const View& view) {
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   view.Get(Family::kRecords, schema::SecretMetadataKey(known.id)));
  if (sealed != known.sealed_metadata) return false;
  const uint64_t number = known.metadata.rotation().open_run();
  if (number == 0) return true;
  ASSIGN_OR_RETURN(const std::optional<std::string> run,
                   view.Get(Family::kRecords, schema::RotationRunKey(known.id, number)));
  return run == known.sealed_run;
}

absl::StatusOr<std::optional<RotatingSecret>> ReloadRotating(const KeyringSnapshot& keys,
                                                             const View& view,
                                                             const RotatingSecret& known) {
  ASSIGN_OR_RETURN(const bool same, IsStill(known, view));
  if (same) return std::optional<RotatingSecret>(known);
  return LoadRotating(keys, view, known.id);
}

absl::Status SaveRotating(const KeyringSnapshot& keys, const View& view, absl::Time now,
                          RotatingSecret* secret, const v1::RotationRun* run, Batch& batch) {
  SecretMetadata& metadata = secret->metadata;
  std::optional<v1::RotationRun> open;
  if (run != nullptr) {
    RETURN_IF_ERROR(SaveRun(keys, view, secret, *run, batch));
    if (metadata.rotation().open_run() == run->number()) open = *run;
  } else if (metadata.rotation().open_run() != 0) {
    open = secret->run;
  }
  if (metadata.has_rotation()) {
    PlanIfNeeded(keys, &metadata);  // with it, most changes need no second look
    const Action next = NextAction(metadata, open, now, false);
    const absl::Time when = next.kind == Action::Kind::kNone ? next.when : now;
    const int64_t next_ms = when == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(when);
    metadata.mutable_rotation()->set_next_ms(next_ms);
  }
  MoveRotationHint(secret->id, secret->hinted_ms, metadata, batch);
  secret->hinted_ms = metadata.rotation().next_ms();
  secret->run = std::move(open);
  if (!secret->run.has_value()) secret->sealed_run.clear();
  ASSIGN_OR_RETURN(secret->sealed_metadata, SealMetadata(keys, secret->id, now, &metadata));
  batch.Put(Family::kRecords, schema::SecretMetadataKey(secret->id), secret->sealed_metadata);
  return absl::OkStatus();
}

absl::Status TellOf(const RotationContext& context, const KeyringSnapshot& keys, const View& view,
                    absl::Time now, absl::string_view event, absl::string_view path,
                    const SecretMetadata& metadata, const v1::RotationRun* run, Batch& batch) {
  if (event.empty() || context.tell == nullptr) return absl::OkStatus();
  return context.tell({event, path, now, metadata, run}, keys, view, batch);
}

absl::Status SaveAndTell(const RotationContext& context, const KeyringSnapshot& keys,
                         const View& view, absl::Time now, absl::string_view event,
                         absl::string_view path, RotatingSecret* secret, Batch& batch) {
  const std::optional<v1::RotationRun> run = secret->run;  // which may be closed by now
  const v1::RotationRun* const written = run.has_value() ? &*run : nullptr;
  RETURN_IF_ERROR(SaveRotating(keys, view, now, secret, written, batch));
  return TellOf(context, keys, view, now, event, path, secret->metadata, written, batch);
}

absl::Status CloseAnnounced(RotatingSecret* secret, const KeyringSnapshot& keys, const View& view,
                            absl::Time now, Batch& batch) {
  using Run = v1::RotationRun;
  if (!secret->run.has_value() || secret->run->step() < Run::ANNOUNCE) return absl::OkStatus();
  CloseRun(&secret->metadata, &*secret->run, Run::DONE, now);
  RETURN_IF_ERROR(WriteRun(keys, view, secret->id, *secret->run, batch));
  secret->run.reset();
  return absl::OkStatus();
}

}  // namespace keyturn
