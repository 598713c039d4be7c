// Opens everything that is sealed but the revocation log: each name must lead to metadata, each
// live version to data that opens, no record may be without a name, and those of other rooms must
// open as well. Names what does not. Complements the accumulators of Store::Verify, which say that
// the records are those that were written. Thread-safe.
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
