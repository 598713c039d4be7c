#include "rotation/runs.h"

#include "base/limits.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "keyring/envelope.h"
#include "storage/schema.h"

namespace keyturn {

absl::StatusOr<v1::RotationRun> ParseRun(const OpenedRecord& opened) {
  return ParseRecord<v1::RotationRun>(opened, "a rotation run");
}

absl::StatusOr<std::optional<v1::RotationRun>> ReadRun(const KeyringSnapshot& keys,
                                                       const View& view, const Uuid& secret,
                                                       uint64_t number) {
  const std::string key = schema::RotationRunKey(secret, number);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<v1::RotationRun>();
  ASSIGN_OR_RETURN(const OpenedRecord opened,
                   OpenRecord(keys, Purpose::kRotationRun, key, *sealed));
  ASSIGN_OR_RETURN(v1::RotationRun run, ParseRun(opened));
  return std::optional<v1::RotationRun>(std::move(run));
}

absl::StatusOr<std::optional<v1::RotationRun>> ReadOpenRun(const KeyringSnapshot& keys,
                                                           const View& view,
                                                           const SecretMetadata& metadata) {
  const uint64_t number = metadata.rotation().open_run();
  if (number == 0) return std::optional<v1::RotationRun>();
  ASSIGN_OR_RETURN(const Uuid secret, Uuid::FromBytes(metadata.uuid()));
  ASSIGN_OR_RETURN(std::optional<v1::RotationRun> run, ReadRun(keys, view, secret, number));
  if (!run.has_value()) return absl::DataLossError("the open rotation run is missing");
  return run;
}

v1::RotationRun OpenRun(SecretMetadata* metadata, v1::RotationRun::Cause cause, absl::Time now,
                        Batch& batch) {
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  v1::RotationRun run;
  run.set_number(rotation.newest_run() + 1);
  run.set_cause(cause);
  run.set_step(v1::RotationRun::GENERATE);
  run.set_state(v1::RotationRun::RUNNING);
  run.set_previous_version(metadata->current_version());
  *run.mutable_start_time() = ToTimestamp(now);
  rotation.set_newest_run(run.number());
  rotation.set_open_run(run.number());
  if (rotation.oldest_run() == 0) rotation.set_oldest_run(run.number());
  while (rotation.newest_run() - rotation.oldest_run() >= limits::kRotationRunsKept) {
    const absl::StatusOr<Uuid> secret = Uuid::FromBytes(metadata->uuid());
    if (!secret.ok()) break;
    batch.Delete(Family::kRecords, schema::RotationRunKey(*secret, rotation.oldest_run()));
    rotation.set_oldest_run(rotation.oldest_run() + 1);
  }
  return run;
}

void CloseRun(SecretMetadata* metadata, v1::RotationRun* run, v1::RotationRun::State state,
              absl::Time now) {
  run->set_state(state);
  run->set_step(v1::RotationRun::FINISHED);
  run->clear_next_attempt_time();
  *run->mutable_end_time() = ToTimestamp(now);
  metadata->mutable_rotation()->set_open_run(0);
  if (state == v1::RotationRun::CANCELLED) metadata->mutable_rotation()->set_emergency(false);
}

absl::Status WriteRun(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                      const v1::RotationRun& run, Batch& batch) {
  return PutRecord(keys, view, Family::kRecords, Purpose::kRotationRun,
                   schema::RotationRunKey(secret, run.number()), run.SerializeAsString(), batch);
}

absl::StatusOr<std::string> WriteRunAs(const KeyringSnapshot& keys, const Uuid& secret,
                                       const v1::RotationRun& run, uint64_t generation,
                                       Batch& batch) {
  const std::string key = schema::RotationRunKey(secret, run.number());
  ASSIGN_OR_RETURN(std::string sealed, SealRecord(keys, {Purpose::kRotationRun, key, generation},
                                                  run.SerializeAsString()));
  batch.Put(Family::kRecords, key, sealed);
  return sealed;
}

}  // namespace keyturn
