#include "storage/rocks_db.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <sys/stat.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "storage/data_format.h"
#include "storage/file_system.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

constexpr size_t kBlockCacheBytes = 64 << 20;
// Of 16 MiB each: filters and indexes of a large table are one block of a MiB or more each, and
// with the default, a MiB a shard, none of them stays.
constexpr int kBlockCacheShardBits = 2;
constexpr size_t kMemtableBytes = 16 << 20;

// Values are ciphertext: compression and data in error messages would only cost.
rocksdb::ColumnFamilyOptions FamilyOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = kMemtableBytes;
  options.max_write_buffer_number = 2;
  // Most keys that a change writes are new: a look for what they replace ends at this filter.
  options.memtable_prefix_bloom_size_ratio = 0.01;
  options.memtable_whole_key_filtering = true;
  options.paranoid_file_checks = true;
  options.memtable_protection_bytes_per_key = 8;
  return options;
}

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.flush_verify_memtable_count = true;
  // A torn tail is what a crash leaves; anything else that does not read is damage. The default
  // (kPointInTimeRecovery) would open without the acknowledged writes behind the damage.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.recycle_log_file_num = 0;
  options.allow_data_in_errors = false;
  options.max_open_files = 512;
  options.max_background_jobs = 2;
  // A compaction reads tables from their beginning to their end.
  options.compaction_readahead_size = 2 << 20;
  options.db_write_buffer_size = 64 << 20;
  options.max_total_wal_size = 128 << 20;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 4 << 20;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  return options;
}

bool IsKnownFamily(const std::string& name) {
  if (name == rocksdb::kDefaultColumnFamilyName) return true;
  for (size_t i = 0; i < kFamilies; ++i) {
    if (name == schema::FamilyName(static_cast<Family>(i))) return true;
  }
  return false;
}

// Before it is opened, which changes files: whether all families are those of this format. One that
// is missing is what a crash left of the first start.
absl::Status CheckFamilies(rocksdb::Env& env, const std::string& directory) {
  if (!env.FileExists(directory + "/CURRENT").ok()) return absl::OkStatus();
  rocksdb::DBOptions options;
  options.env = &env;
  std::vector<std::string> names;
  // What does not read is for the open to tell.
  if (!rocksdb::DB::ListColumnFamilies(options, directory, &names).ok()) return absl::OkStatus();
  for (const std::string& name : names) {
    if (IsKnownFamily(name)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " has records of a kind (", name,
                     ") that this program does not know; use the newer keyturnd that wrote it"));
  }
  return absl::OkStatus();
}

absl::Status OpenError(const rocksdb::Status& status, const std::string& directory) {
  if (status.IsIOError() && absl::StrContains(status.ToString(), "lock")) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " is in use by another process; stop it first"));
  }
  absl::Status mapped = FromRocks(status);
  return absl::Status(mapped.code(),
                      absl::StrCat("cannot open ", directory, ": ", mapped.message()));
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("storage: ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsInvalidArgument()) return absl::FailedPreconditionError(message);
  return absl::UnavailableError(message);
}

absl::StatusOr<std::shared_ptr<RocksDb>> RocksDb::Open(const RocksStoreOptions& options) {
  const std::shared_ptr<RocksDb> out(new RocksDb);
  rocksdb::Env* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  if (options.in_memory) {
    out->memory_env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    env = out->memory_env_.get();
  } else if (options.env == nullptr) {
    RETURN_IF_ERROR(FileSystem::Posix().CreateDirectory(options.directory, 0700));
  }
  const std::shared_ptr<rocksdb::Cache> cache =
      rocksdb::NewLRUCache(kBlockCacheBytes, kBlockCacheShardBits);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(cache));
  for (size_t i = 0; i < kFamilies; ++i) {
    descriptors.emplace_back(std::string(schema::FamilyName(static_cast<Family>(i))),
                             FamilyOptions(cache));
  }
  if (!options.in_memory) RETURN_IF_ERROR(CheckFamilies(*env, options.directory));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(DatabaseOptions(env), options.directory, descriptors, &handles, &db);
  if (!status.ok()) return OpenError(status, options.directory);
  out->db_.reset(db);
  db->DestroyColumnFamilyHandle(handles[0]);
  for (size_t i = 0; i < kFamilies; ++i) out->families_[i] = handles[i + 1];

  ASSIGN_OR_RETURN(const std::optional<std::string> format,
                   out->Get(rocksdb::ReadOptions(), Family::kMeta, schema::kFormatKey));
  if (format.has_value()) {
    absl::string_view rest = *format;
    RETURN_IF_ERROR(CheckDataFormat(options.directory, ReadBigEndian64(&rest).value_or(0)));
  }
  if (!format.has_value()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    RETURN_IF_ERROR(FromRocks(db->Put(write, out->family(Family::kMeta),
                                      ToSlice(schema::kFormatKey), BigEndian64(kDataFormat))));
  }
  return out;
}

RocksDb::~RocksDb() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle);
  }
  db_->Close();
}

absl::StatusOr<std::optional<std::string>> RocksDb::Get(const rocksdb::ReadOptions& options,
                                                        Family family,
                                                        absl::string_view key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(options, this->family(family), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  RETURN_IF_ERROR(FromRocks(status));
  return std::optional<std::string>(std::move(value));
}

std::vector<rocksdb::LiveFileMetaData> RocksDb::LiveTables() const {
  std::vector<rocksdb::LiveFileMetaData> tables;
  db_->GetLiveFilesMetaData(&tables);
  return tables;
}

}  // namespace keyturn
