// Checks the revocation log as it is in the store: that a start could read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "keyring/keyring_snapshot.h"
#include "storage/store.h"

namespace keyturn {

struct VerifiedLog {
  uint64_t read = 0;  // tokens of the snapshot, and changes
  // What a start would say of it, which reads no further; std::nullopt when all is well.
  std::optional<StoreProblem> problem = std::nullopt;
};

// Reads all of it and keeps nothing. Beside whoever writes; what `progress` is told of is `read`.
absl::StatusOr<VerifiedLog> VerifyRevocationLog(const Snapshot& snapshot,
                                                const KeyringSnapshot& keys, int64_t now_ms,
                                                ProgressFn progress);

}  // namespace keyturn
