// Destroying versions so that not even the store's files keep what would open them: the wrapped
// data keys are taken out of tables and logs, and the files are searched for them. Thread-safe.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vault/vault.h"

namespace keyturn {

// Destroys as Vault::Destroy, purges, and searches. While a reader of an older state keeps any of
// it, it purges again after `wait`; when that is not OK, FAILED_PRECONDITION, reason
// OLD_STATE_READ. Every error after the versions were destroyed says that they are. On success no
// wrapped key of them is in any file, nor one that was replaced or deleted before.
absl::StatusOr<EraseResult> EraseVersions(Vault& vault, Store& store, Updater& updater,
                                          const v1::DestroyRequest& request, ProgressFn progress,
                                          absl::FunctionRef<absl::Status()> wait);

}  // namespace keyturn
