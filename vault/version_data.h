// The data of one version: a payload, and the key that opens it. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "keyring/envelope.h"
#include "storage/store.h"

namespace keyturn {

// Both halves from one view, opened. NOT_FOUND when either is gone.
absl::StatusOr<SecretBytes> ReadVersionData(const KeyringSnapshot& keys, const View& view,
                                            const VersionPlace& place);

void DeleteVersionData(const Uuid& secret, SecretVersion version, Batch& batch);

}  // namespace keyturn
