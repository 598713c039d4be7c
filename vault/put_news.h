// What others may be told of a value that was put. The vault does not know whom to tell.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/vault.pb.h"
#include "storage/store.h"

namespace keyturn {

// A secret that rotates has a new current version, which somebody put. Not of its first one, which
// replaces nothing.
struct PutNews {
  absl::string_view path;
  absl::Time time;
  const record::v1::SecretMetadata& metadata;  // as they are afterwards
  uint64_t former;                             // the version that was current; 0: there was none
};

// Writes into the update of the put who is to be told of it. Pure, as that update is; an error
// makes the put fail.
using PutTeller = std::function<absl::Status(const PutNews& news, const KeyringSnapshot& keys,
                                             const View& view, Batch& batch)>;

}  // namespace keyturn
