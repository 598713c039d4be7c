// A secret as the engine reads and writes it: its metadata with its open run, as of one moment, and
// back into a batch with the hint of what comes next. Thread-safe (no state).
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/rotation.pb.h"
#include "keyturn/v1/secret_service.pb.h"
#include "rotation/context.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

struct RotatingSecret {
  Uuid id;
  SecretMetadata metadata;
  std::optional<v1::RotationRun> run;  // the open one
  int64_t hinted_ms = 0;               // rotation.next_ms as it is stored
  // As they were read: bytes that are there still need not be opened again. Empty: not known.
  std::string sealed_metadata, sealed_run;
  uint64_t read_run = 0, run_generation = 0;  // which run that is; 0: not known
};

// std::nullopt when there is no such secret (any more), or it does not rotate.
absl::StatusOr<std::optional<RotatingSecret>> LoadRotating(const KeyringSnapshot& keys,
                                                           const View& view, const Uuid& secret);

// Whether the store has `known`, which was read or saved before, as it is.
absl::StatusOr<bool> IsStill(const RotatingSecret& known, const View& view);
// As LoadRotating, where it may be what `known` is: then nothing is opened.
absl::StatusOr<std::optional<RotatingSecret>> ReloadRotating(const KeyringSnapshot& keys,
                                                             const View& view,
                                                             const RotatingSecret& known);

// When the next rotation starts, if that is to be known and is not: due_ms and deadline_ms.
void PlanIfNeeded(const KeyringSnapshot& keys, SecretMetadata* metadata);

// Writes the metadata and `run` (the open one or one that was closed just now), and moves the hint
// to where NextAction says. `*secret` is then what LoadRotating would give.
absl::Status SaveRotating(const KeyringSnapshot& keys, const View& view, absl::Time now,
                          RotatingSecret* secret, const v1::RotationRun* run, Batch& batch);

// Writes who is to be told of `event` ("": nobody) on `path`, of a secret that SaveRotating has
// written with `run`, in the same batch.
absl::Status TellOf(const RotationContext& context, const KeyringSnapshot& keys, const View& view,
                    absl::Time now, absl::string_view event, absl::string_view path,
                    const SecretMetadata& metadata, const v1::RotationRun* run, Batch& batch);
// Writes the secret as a change has left it, with its run if it has one, and who is to be told.
absl::Status SaveAndTell(const RotationContext& context, const KeyringSnapshot& keys,
                         const View& view, absl::Time now, absl::string_view event,
                         absl::string_view path, RotatingSecret* secret, Batch& batch);

// An open run whose version is the current one already has nothing more to lose: it is written as
// done, and open no more.
absl::Status CloseAnnounced(RotatingSecret* secret, const KeyringSnapshot& keys, const View& view,
                            absl::Time now, Batch& batch);

// The secret is not any more what an action was decided on: look again. Told apart from errors that
// callers see.
absl::Status Moved();
bool IsMoved(const absl::Status& status);

}  // namespace keyturn
