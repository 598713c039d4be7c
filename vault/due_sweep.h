// The hints of what falls due, rebuilt: a version whose hint was lost would never be purged.
#pragma once

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "vault/context.h"
#include "vault/vault.h"

namespace keyturn {

// Reads the metadata of all secrets and writes the hints of family due that are missing; how many.
// A secret that does not open is passed over: Verify tells of it. Thread-safe.
absl::StatusOr<int> SweepDue(const VaultContext& context, Updater& updater, ProgressFn progress);

}  // namespace keyturn
