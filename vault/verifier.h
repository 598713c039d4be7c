// Opens everything: each name must lead to metadata, each live version to data that opens, and no
// record may be without a name. Complements the accumulators of Store::Verify, which say that the
// records are those that were written. Thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "vault/context.h"
#include "vault/reader.h"

namespace keyturn {

absl::StatusOr<std::vector<StoreProblem>> VerifyVault(const VaultContext& context,
                                                      ProgressFn progress);

}  // namespace keyturn
