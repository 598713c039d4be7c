// Which secrets hold keys whose public halves everybody may fetch: a small table, so that the
// published set is made without a look at all secrets. It may name what is gone by now, or is not
// to be listed any more. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/jwt.pb.h"
#include "storage/store.h"

namespace keyturn {

// Inside an update: the secret is in the table from then on, if its keys have public halves.
absl::Status ListKey(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                     const v1::JwtKeySettings& settings, Batch& batch);
void UnlistKey(const KeyringSnapshot& keys, const Uuid& secret, Batch& batch);

// What the keys of the table's records in family index begin with, for who follows commits.
std::string ListedKeysPrefix(const KeyringSnapshot& keys);

// In order of the table's keys.
absl::StatusOr<std::vector<Uuid>> ListedKeys(const KeyringSnapshot& keys, const Snapshot& snapshot);

}  // namespace keyturn
