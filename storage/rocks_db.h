// The open database and its families, shared by the store, its committer and its snapshots: whoever
// holds it last closes it. Thread-safe.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/rocks_store.h"
#include "storage/store.h"

namespace keyturn {

inline rocksdb::Slice ToSlice(absl::string_view view) { return {view.data(), view.size()}; }
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// NOT_FOUND never leaves the room: absence is std::nullopt. Messages hold no keys or values
// (allow_data_in_errors is off).
absl::Status FromRocks(const rocksdb::Status& status);

class RocksDb {
 public:
  // As OpenRocksStore says.
  static absl::StatusOr<std::shared_ptr<RocksDb>> Open(const RocksStoreOptions& options);
  ~RocksDb();
  RocksDb(const RocksDb&) = delete;
  RocksDb& operator=(const RocksDb&) = delete;

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return families_[static_cast<size_t>(family)];
  }

  absl::StatusOr<std::optional<std::string>> Get(const rocksdb::ReadOptions& options, Family family,
                                                 absl::string_view key) const;
  // The table files that make up the newest state.
  std::vector<rocksdb::LiveFileMetaData> LiveTables() const;

 private:
  RocksDb() = default;

  std::unique_ptr<rocksdb::Env> memory_env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families_{};
};

}  // namespace keyturn
