// Runs as they are stored: a sealed record each, numbered for each secret. The open one is named by
// the secret's metadata; of the others the newest limits::kRotationRunsKept stay. Thread-safe (no
// state). Errors: DATA_LOSS for a record that does not open.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "keyring/envelope.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/rotation.pb.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

absl::StatusOr<v1::RotationRun> ParseRun(const OpenedRecord& opened);
absl::StatusOr<std::optional<v1::RotationRun>> ReadRun(const KeyringSnapshot& keys,
                                                       const View& view, const Uuid& secret,
                                                       uint64_t number);
// The one that metadata.rotation names.
absl::StatusOr<std::optional<v1::RotationRun>> ReadOpenRun(const KeyringSnapshot& keys,
                                                           const View& view,
                                                           const SecretMetadata& metadata);

// A new run of the secret, open in its metadata; deletes the oldest ones beyond those kept.
// REQUIRES: no other is open.
v1::RotationRun OpenRun(SecretMetadata* metadata, v1::RotationRun::Cause cause, absl::Time now,
                        Batch& batch);
// Closed in the metadata. `state` is DONE or CANCELLED.
void CloseRun(SecretMetadata* metadata, v1::RotationRun* run, v1::RotationRun::State state,
              absl::Time now);

absl::Status WriteRun(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                      const v1::RotationRun& run, Batch& batch);
// With the generation after the one that it replaces, which is known; the record.
absl::StatusOr<std::string> WriteRunAs(const KeyringSnapshot& keys, const Uuid& secret,
                                       const v1::RotationRun& run, uint64_t generation,
                                       Batch& batch);

}  // namespace keyturn
