// Which secrets hold keys whose public halves everybody may fetch: a small table, so that the
// published set is made without a look at all secrets. It may name what is gone by now, and in an
// older store what is not to be listed. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/jwt.pb.h"
#include "storage/store.h"

namespace keyturn {

// Whether everybody may fetch the public halves of keys with these settings.
// REQUIRES: CheckJwtSettings(settings).ok().
bool IsListed(const v1::JwtKeySettings& settings);

// Inside an update: the secret is in the table from then on if IsListed(settings), else it is not.
absl::Status ListKey(const KeyringSnapshot& keys, const View& view, const Uuid& secret,
                     const v1::JwtKeySettings& settings, Batch& batch);
void UnlistKey(const KeyringSnapshot& keys, const Uuid& secret, Batch& batch);

// What the keys of the table's records in family index begin with, for who follows commits.
std::string ListedKeysPrefix(const KeyringSnapshot& keys);

// In order of the table's keys.
absl::StatusOr<std::vector<Uuid>> ListedKeys(const KeyringSnapshot& keys, const Snapshot& snapshot);

// RESOURCE_EXHAUSTED (reason TOO_MANY_LISTED_KEYS) when one more secret would be more than
// limits::kJwtKeysListedMax, so that one of them would not be published. Counts the table; when it
// is full, looks at each secret that it names, some milliseconds, for what is gone is none.
absl::Status CheckListHasRoom(const KeyringSnapshot& keys, const Snapshot& snapshot);

}  // namespace keyturn
