// Purging a family, and the search that shows it: see tests/vault/eraser_test.cc for wrapped keys.
#include "storage/purge.h"

#include <random>

#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class PurgeTest : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    ASSERT_OK_AND_ASSIGN(db_, RocksDb::Open({.directory = dir_.File("store")}));
  }
  std::string RandomText(size_t size) {
    std::string text(size, '\0');
    for (char& byte : text) byte = static_cast<char>(random_());
    return text;
  }
  void Put(const std::string& key, const std::string& value) {
    rocksdb::WriteOptions options;
    options.sync = true;
    ASSERT_OK(FromRocks(db_->db().Put(options, db_->family(Family::kDeks), key, value)));
  }
  size_t FilesWith(const std::string& needle) {
    const std::vector<std::string> needles = {needle};
    const auto search = SearchStoreFiles(*db_, needles, NoProgress);
    EXPECT_OK(search);
    return search->found.size();
  }

  std::mt19937_64 random_;
  const TempDir dir_;
  std::shared_ptr<RocksDb> db_;
};

TEST_F(PurgeTest, WhatWasReplacedOrDeletedIsInNoFileAfterwards) {
  const std::string replaced = RandomText(120), deleted = RandomText(120), kept = RandomText(120);
  Put("a", replaced);
  Put("b", deleted);
  ASSERT_OK(FromRocks(db_->db().Flush({}, db_->family(Family::kDeks))));
  Put("a", kept);
  ASSERT_OK(FromRocks(db_->db().Delete({}, db_->family(Family::kDeks), "b")));
  EXPECT_GE(FilesWith(replaced), 1u);  // a table, and perhaps a log that is not removed yet
  EXPECT_GE(FilesWith(deleted), 1u);
  ASSERT_OK(PurgeFamily(*db_, Family::kDeks));
  EXPECT_EQ(FilesWith(replaced), 0u);
  EXPECT_EQ(FilesWith(deleted), 0u);
  EXPECT_EQ(FilesWith(kept), 1u);
  EXPECT_EQ(*db_->Get({}, Family::kDeks, "a"), kept);
}

// What a search for the newest bytes does not see: the older state that a reader keeps.
TEST_F(PurgeTest, SaysWhenAReaderKeepsAnOlderState) {
  Put("a", RandomText(100));
  const rocksdb::Snapshot* const snapshot = db_->db().GetSnapshot();
  ASSERT_OK(FromRocks(db_->db().Delete({}, db_->family(Family::kDeks), "a")));
  EXPECT_CODE(PurgeFamily(*db_, Family::kDeks), kFailedPrecondition);
  db_->db().ReleaseSnapshot(snapshot);
  ASSERT_OK(PurgeFamily(*db_, Family::kDeks));
  // A scan without a snapshot holds on to the table that it reads.
  Put("b", RandomText(100));
  ASSERT_OK(PurgeFamily(*db_, Family::kDeks));
  std::unique_ptr<rocksdb::Iterator> scan(db_->db().NewIterator({}, db_->family(Family::kDeks)));
  scan->SeekToFirst();
  ASSERT_TRUE(scan->Valid());
  ASSERT_OK(FromRocks(db_->db().Delete({}, db_->family(Family::kDeks), "b")));
  EXPECT_CODE(PurgeFamily(*db_, Family::kDeks), kFailedPrecondition);
  scan.reset();
  Put("c", "c");
  EXPECT_OK(PurgeFamily(*db_, Family::kDeks));
}

// A log cuts records at its blocks of 32 KiB, and the search reads a megabyte at a time.
TEST_F(PurgeTest, FindsANeedleWhereverItLies) {
  std::vector<std::string> needles;
  for (int i = 0; i < 300; ++i) {
    needles.push_back(RandomText(112));
    Put(std::to_string(i), needles.back() + RandomText(random_() % 9'000));
  }
  for (const std::string& needle : needles) EXPECT_GE(FilesWith(needle), 1u);
  EXPECT_EQ(FilesWith(RandomText(112)), 0u);
  EXPECT_EQ(FilesWith(needles[0].substr(0, 15)), 0u) << "shorter than a group";
}

TEST_F(PurgeTest, TheSearchTellsHowFarItIsAndStops) {
  Put("a", RandomText(100));
  const std::vector<std::string> needles = {RandomText(32)};
  EXPECT_CODE(SearchStoreFiles(*db_, needles,
                               [](uint64_t bytes, uint64_t) {
                                 EXPECT_GT(bytes, 0u);
                                 return absl::CancelledError("enough");
                               }),
              kCancelled);
}

}  // namespace
}  // namespace keyturn
