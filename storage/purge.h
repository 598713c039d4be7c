// Taking deleted records out of the store's files, and looking whether they are gone. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "storage/rocks_db.h"
#include "storage/store.h"

namespace keyturn {

// As Store::Purge and Store::SearchFiles say.
absl::Status PurgeFamily(const RocksDb& db, Family family);
absl::StatusOr<FileSearch> SearchStoreFiles(const RocksDb& db,
                                            absl::Span<const std::string> needles,
                                            ProgressFn progress);

}  // namespace keyturn
