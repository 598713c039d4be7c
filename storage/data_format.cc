#include "storage/data_format.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "storage/file_system.h"
#include "storage/rocks_db.h"
#include "storage/schema.h"

namespace keyturn {

absl::Status CheckDataFormat(const std::string& directory, uint64_t found) {
  if (found == kDataFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      directory, " has data format ", found, ", this program reads format ", kDataFormat,
      found > kDataFormat ? "; use the newer keyturnd that wrote it"
                          : "; use the older keyturnd that wrote it"));
}

absl::StatusOr<uint64_t> ReadDataFormat(const std::string& directory) {
  if (!rocksdb::Env::Default()->FileExists(directory + "/CURRENT").ok()) {
    const absl::Status seen = FileSystem::Posix().List(directory).status();
    if (!seen.ok() && !absl::IsNotFound(seen)) return seen;
    return absl::NotFoundError(absl::StrCat("there is no store in ", directory));
  }
  // A newer program's store may have families that this one does not know.
  std::vector<std::string> names;
  RETURN_IF_ERROR(
      FromRocks(rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), directory, &names)));
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  RETURN_IF_ERROR(FromRocks(
      rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), directory, families, &handles, &opened)));
  const std::unique_ptr<rocksdb::DB> db(opened);
  const absl::Cleanup close = [&] {
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  };
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != schema::FamilyName(Family::kMeta)) continue;
    std::string value;
    RETURN_IF_ERROR(FromRocks(
        db->Get(rocksdb::ReadOptions(), handles[i], ToSlice(schema::kFormatKey), &value)));
    absl::string_view rest = value;
    const std::optional<uint64_t> format = ReadBigEndian64(&rest);
    if (format.has_value()) return *format;
  }
  return absl::DataLossError(absl::StrCat(directory, " does not say which data format it has"));
}

}  // namespace keyturn
