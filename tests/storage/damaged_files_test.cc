// What an open or a read does with RocksDB's own files when they are not as they were written, and
// the options that are there for it. Nothing here may open with less than what was acknowledged.
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/status_macros.h"
#include "storage/rocks_db.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class DamagedFilesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(Open()); }

  absl::Status Open() {
    db_.reset();
    ASSIGN_OR_RETURN(db_, RocksDb::Open({.directory = directory_}));
    return absl::OkStatus();
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    rocksdb::WriteOptions options;
    options.sync = true;
    ASSERT_OK(FromRocks(db_->db().Put(options, db_->family(family), key, value)));
  }
  // What only the log holds goes to a table file, and the family's next writes to a new log.
  void Flush(Family family) {
    ASSERT_OK(FromRocks(db_->db().Flush(rocksdb::FlushOptions(), db_->family(family))));
  }
  std::string Get(Family family, const std::string& key) {
    const absl::StatusOr<std::optional<std::string>> value =
        db_->Get(rocksdb::ReadOptions(), family, key);
    return value.ok() ? value->value_or("(absent)") : value.status().ToString();
  }

  // Files with this extension, oldest first.
  std::vector<std::string> Files(const std::string& extension) const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().extension() == extension) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static void FlipABit(const std::string& path, uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    ASSERT_NE(byte, EOF) << path;
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 0x10));
  }

  const TempDir dir_;
  const std::string directory_ = dir_.File("store");
  std::shared_ptr<RocksDb> db_;
};

// Neither stopping before the damage nor leaving out what is damaged would do: both would open.
TEST_F(DamagedFilesTest, ABitInTheMiddleOfTheLogIsRefused) {
  for (int i = 0; i < 100; ++i) Put(Family::kRecords, std::to_string(i), std::string(100, 'v'));
  db_.reset();
  const std::vector<std::string> logs = Files(".log");
  ASSERT_EQ(logs.size(), 1u);
  FlipABit(logs[0], std::filesystem::file_size(logs[0]) / 2);
  EXPECT_CODE(Open(), kDataLoss);
  FlipABit(logs[0], std::filesystem::file_size(logs[0]) / 2);
  ASSERT_OK(Open());  // and a refused open took nothing away
  EXPECT_EQ(Get(Family::kRecords, "99"), std::string(100, 'v'));
}

TEST_F(DamagedFilesTest, AMissingLogIsRefused) {
  Put(Family::kIndex, "kept", "in the first log");
  Put(Family::kRecords, "a", "1");
  Flush(Family::kRecords);
  Put(Family::kRecords, "b", "2");  // its sync notes the first log in the MANIFEST
  db_.reset();
  const std::vector<std::string> logs = Files(".log");
  ASSERT_EQ(logs.size(), 2u);
  const std::string aside = dir_.File("aside");
  std::filesystem::rename(logs[0], aside);
  EXPECT_CODE(Open(), kDataLoss);
  std::filesystem::rename(aside, logs[0]);
  ASSERT_OK(Open());
  EXPECT_EQ(Get(Family::kIndex, "kept"), "in the first log");
}

TEST_F(DamagedFilesTest, ABitInATableFileIsNotReadOver) {
  Put(Family::kRecords, "a", std::string(1000, 'v'));
  Flush(Family::kRecords);
  db_.reset();
  const std::vector<std::string> tables = Files(".sst");
  ASSERT_EQ(tables.size(), 1u);
  FlipABit(tables[0], 500);  // within the value
  ASSERT_OK(Open());
  EXPECT_EQ(Get(Family::kRecords, "a").substr(0, 9), "DATA_LOSS");
}

TEST_F(DamagedFilesTest, AMissingOrShortTableFileIsRefused) {
  Put(Family::kRecords, "a", "1");
  Flush(Family::kRecords);
  db_.reset();
  const std::vector<std::string> tables = Files(".sst");
  ASSERT_EQ(tables.size(), 1u);
  const std::string aside = dir_.File("aside");
  std::filesystem::rename(tables[0], aside);
  EXPECT_CODE(Open(), kDataLoss);
  std::filesystem::copy_file(aside, tables[0]);
  std::filesystem::resize_file(tables[0], std::filesystem::file_size(aside) - 1);
  EXPECT_CODE(Open(), kDataLoss);
  std::filesystem::rename(aside, tables[0]);
  ASSERT_OK(Open());
  EXPECT_EQ(Get(Family::kRecords, "a"), "1");
}

TEST_F(DamagedFilesTest, ABitInTheManifestIsRefused) {
  Put(Family::kRecords, "a", "1");
  Flush(Family::kRecords);
  db_.reset();
  std::string manifest;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (entry.path().filename().string().rfind("MANIFEST-", 0) == 0) manifest = entry.path();
  }
  ASSERT_NE(manifest, "");
  FlipABit(manifest, std::filesystem::file_size(manifest) / 2);
  EXPECT_CODE(Open(), kDataLoss);
}

// Faults of memory and of RocksDB itself cannot be made from outside: the options against them are
// read back.
TEST_F(DamagedFilesTest, ChecksAreOnForEveryFamily) {
  const rocksdb::DBOptions database = db_->db().GetDBOptions();
  EXPECT_TRUE(database.paranoid_checks);
  EXPECT_TRUE(database.track_and_verify_wals_in_manifest);
  EXPECT_TRUE(database.flush_verify_memtable_count);
  EXPECT_EQ(database.wal_recovery_mode, rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords);
  EXPECT_EQ(database.recycle_log_file_num, 0u);
  EXPECT_FALSE(database.allow_data_in_errors);
  for (size_t i = 0; i < kFamilies; ++i) {
    const rocksdb::Options family = db_->db().GetOptions(db_->family(static_cast<Family>(i)));
    EXPECT_TRUE(family.paranoid_file_checks) << i;
    EXPECT_EQ(family.memtable_protection_bytes_per_key, 8u) << i;
    EXPECT_EQ(family.compression, rocksdb::kNoCompression) << i;
  }
}

}  // namespace
}  // namespace keyturn
