// Walks the secrets below a directory that a caller may see, for listings with pages. Thread-safe
// (no state).
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "vault/path.h"
#include "vault/vault.h"
#include "vault/walker.h"

namespace keyturn {

// Called with each secret and its whole path; false ends the walk before it.
using SecretFn =
    absl::FunctionRef<absl::StatusOr<bool>(const std::string& path, const Uuid& secret)>;

// As Walk, of which it goes into the directories that are visible. A directory that is not there
// has nothing.
absl::StatusOr<bool> WalkVisible(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                 const SecretPath& directory, VisibleFn visible,
                                 WalkPosition* position, SecretFn fn);

}  // namespace keyturn
