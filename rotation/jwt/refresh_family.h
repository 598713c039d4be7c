// Families of refresh tokens as they are stored: a sealed record each, and a hint of when it is
// over. Inside updates. Thread-safe (no state). Errors: DATA_LOSS for a record that does not open.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/jwt.pb.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace keyturn {

absl::StatusOr<std::optional<record::v1::RefreshFamily>> ReadFamily(const KeyringSnapshot& keys,
                                                                    const View& view,
                                                                    const Uuid& family);
absl::Status WriteFamily(const KeyringSnapshot& keys, const View& view, const Uuid& family,
                         const record::v1::RefreshFamily& record, Batch& batch);

// Of a new family. It is not moved with each token: what is found not to be over then is looked at
// again.
void HintFamily(const Uuid& family, const record::v1::RefreshFamily& record, Batch& batch);

// No token of it is good any more. One that is gone stays gone.
absl::Status EndFamily(const KeyringSnapshot& keys, const View& view, const Uuid& family,
                       Batch& batch);

// Takes the family of a hint away if it is over, else sets the hint anew.
absl::Status PurgeFamily(const KeyringSnapshot& keys, const View& view, const schema::DueItem& item,
                         absl::Time now, Batch& batch);

}  // namespace keyturn
