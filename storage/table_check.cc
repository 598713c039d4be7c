#include "storage/table_check.h"

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

// A compaction may have taken the table away before it was opened.
bool IsLive(const RocksDb& db, const std::string& name) {
  const std::vector<rocksdb::LiveFileMetaData> tables = db.LiveTables();
  return std::any_of(tables.begin(), tables.end(),
                     [&name](const auto& table) { return table.name == name; });
}

}  // namespace

absl::Status CheckTables(const RocksDb& db, absl::FunctionRef<absl::Status()> next,
                         std::vector<StoreProblem>* problems) {
  for (const rocksdb::LiveFileMetaData& table : db.LiveTables()) {
    RETURN_IF_ERROR(next());
    rocksdb::SstFileReader reader(db.db().GetOptions());
    rocksdb::Status status = reader.Open(table.db_path + table.name);
    if (status.ok()) status = reader.VerifyChecksum();
    if (status.ok() || !IsLive(db, table.name)) continue;
    problems->push_back(
        {absl::StrCat("table file ", table.name.substr(1), ": ", FromRocks(status).message())});
  }
  return absl::OkStatus();
}

}  // namespace keyturn
