// Destroying versions so that not even the store's files keep what would open them: the wrapped
// data keys are taken out of tables and logs, and the files are searched for them. Thread-safe.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vault/vault.h"

namespace keyturn {

// Destroys as Vault::Destroy, purges, and searches, again as long as an older state of the store
// keeps a key in some file: before each further round `wait` is called, and anything but OK is
// FAILED_PRECONDITION, reason OLD_STATE_READ: the versions are destroyed, but not erased.
absl::StatusOr<EraseResult> EraseVersions(Vault& vault, Store& store, Updater& updater,
                                          const v1::DestroyRequest& request, ProgressFn progress,
                                          absl::FunctionRef<absl::Status()> wait);

}  // namespace keyturn
