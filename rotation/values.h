// Values of versions, for the engine: the data of one as it is, and a new one, sealed for the
// version that comes next. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "keyring/envelope.h"
#include "rotation/context.h"
#include "rotation/store_state.h"

namespace keyturn {

// In stored form. NOT_FOUND when its data is gone.
absl::StatusOr<SecretBytes> ReadVersionData(const KeyringSnapshot& keys, const View& view,
                                            const RotatingSecret& secret, uint64_t version);

// A version that is not written yet: number newest + 1 of the metadata as they were read.
struct PreparedVersion {
  VersionRecord record;  // PENDING; of a key that signs STAGED
  SealedVersion sealed;
};

// Whether values can be made by a policy, as far as it alone says.
absl::Status TryToMake(const RotationContext& context, const v1::RotationPolicy& policy,
                       v1::Kind kind);

// A new value by the secret's policy, put over the current version's other fields. Errors of making
// one name what the policy asks for.
absl::StatusOr<PreparedVersion> PrepareVersion(const RotationContext& context,
                                               const KeyringSnapshot& keys, const View& view,
                                               const RotatingSecret& secret, absl::Time now);

}  // namespace keyturn
