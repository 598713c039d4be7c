// Where directories hang: from a uuid up to the root. Index entries lead from a name down to a uuid
// and cannot be followed back; what the server does by itself (rotation) knows a secret by its uuid
// and must tell its path. Thread-safe (no state).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

// With the index entry of the directory, in the same batch: of one that is made now, and of one
// that is moved.
absl::Status InsertDirectory(const KeyringSnapshot& keys, const Uuid& directory, const Uuid& parent,
                             absl::string_view name, Batch& batch);
absl::Status WriteDirectory(const KeyringSnapshot& keys, const View& view, const Uuid& directory,
                            const Uuid& parent, absl::string_view name, Batch& batch);

struct DirectoryPlace {
  Uuid parent;
  std::string name;
};
// std::nullopt for one from before directories had records: AddMissingDirectories.
absl::StatusOr<std::optional<DirectoryPlace>> ReadDirectory(const KeyringSnapshot& keys,
                                                            const View& view,
                                                            const Uuid& directory);

// The path of a secret, and what it was read from.
struct ResolvedPath {
  std::string path;
  std::string parent, name;                                  // in the secret's metadata
  std::vector<std::pair<std::string, std::string>> records;  // of directories: keys, as sealed
};
// Of the secret with these metadata. FAILED_PRECONDITION (reason DIRECTORY_UNKNOWN) when a
// directory above has no record; DATA_LOSS when the records lead nowhere.
absl::StatusOr<ResolvedPath> ResolvePath(const KeyringSnapshot& keys, const View& view,
                                         const SecretMetadata& metadata);
absl::StatusOr<std::string> PathOf(const KeyringSnapshot& keys, const View& view,
                                   const SecretMetadata& metadata);
// Whether the secret is at `known` still: it is in the same directory, and the records are the same
// bytes, which need not be opened again. false may also mean that one was only written anew.
absl::StatusOr<bool> IsStillAt(const ResolvedPath& known, const View& view,
                               const SecretMetadata& metadata);

// Writes the records that directories of an older vault do not have; how many.
absl::StatusOr<int> AddMissingDirectories(const KeyringSnapshot& keys, const Store& store,
                                          Updater& updater);

}  // namespace keyturn
