// The store on RocksDB: one node, the default. Options follow the integrity advice of RocksDB's
// wiki: paranoid checks, a tracked and verified log, checksums of memtable entries, and a recovery
// mode that tolerates only a torn tail (the default mode would silently drop acknowledged writes).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}

namespace keyturn {

struct RocksStoreOptions {
  // Made with mode 0700 if absent. Ignored but still a name when `in_memory`.
  std::string directory;
  // Nothing reaches a disk: --dev and tests.
  bool in_memory = false;
  // For fault tests; not owned, outlives the store. nullptr: the machine's.
  rocksdb::Env* env = nullptr;
  // False acknowledges before fdatasync. Only the mutant of the crash suite sets it.
  bool sync = true;
};

// FAILED_PRECONDITION when another process has the directory open; DATA_LOSS when a file is bad
// (nothing is repaired silently); UNAVAILABLE for other I/O errors. `clock` outlives the store.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const RocksStoreOptions& options,
                                                      Clock& clock);

}  // namespace keyturn
