// Walks the names below a directory in a stable order that can be taken up again. A directory of up
// to limits::kListSortedMax names is walked in the order of names (a directory's name ends in '/');
// a larger one in the order of its index keys, since sorting it would take unbounded memory.
// Recursive walks are depth first, a directory before what is in it. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "storage/store.h"
#include "vault/records.h"

namespace keyturn {

// Where a walk stopped: the display names from the top directory down to the last entry seen, and
// for each whether its directory was walked in key order. Empty: the start.
struct WalkPosition {
  struct Level {
    std::string name;
    bool by_key = false;
  };
  std::vector<Level> levels;
};

enum class WalkStep { kInto, kOver, kStop };

// Called with each entry and its path relative to the top ("a/b", or "a/" for a directory). kInto
// goes into a directory (and is kOver for a secret); kStop ends the walk before this entry is done.
using WalkFn =
    absl::FunctionRef<absl::StatusOr<WalkStep>(const Entry& entry, const std::string& relative)>;

// Walks after `*position` and leaves it at the last entry that was not stopped at. Returns whether
// the walk came to its end. After limits::kListScanMax entries it stops by itself.
absl::StatusOr<bool> Walk(const KeyringSnapshot& keys, const Snapshot& snapshot, const Uuid& top,
                          WalkPosition* position, WalkFn fn);

// Whether any secret is at or below a directory. Looks at no more than `*budget` directories and
// counts them off; true when that does not suffice to say no.
absl::StatusOr<bool> HasSecrets(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                const Uuid& directory, size_t* budget);

// How far the tree below a directory reaches: segments and bytes of the longest relative paths.
struct TreeSize {
  size_t entries = 0;
  size_t segments = 0;
  size_t bytes = 0;  // with a '/' before each segment
};
// Stops once `entries` is over `limit`.
absl::StatusOr<TreeSize> Measure(const KeyringSnapshot& keys, const Snapshot& snapshot,
                                 const Uuid& top, size_t limit);

}  // namespace keyturn
