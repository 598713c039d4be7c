#include "storage/rocks_store.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/coding.h"
#include "storage/schema.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class RocksStoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> store =
        OpenRocksStore({.directory = dir_.File("db")}, clock_);
    ASSERT_OK(store);
    store_ = *std::move(store);
    store_->SetRecordHasher(std::make_shared<SumHasher>());
  }

  absl::StatusOr<Revision> Put(const std::string& key, const std::string& value,
                               Family family = Family::kRecords) {
    return store_->Update([&](const View&, Batch& batch) {
      batch.Put(family, key, value);
      return absl::OkStatus();
    });
  }

  std::string Get(const std::string& key, Family family = Family::kRecords) {
    const auto value = store_->GetSnapshot()->Get(family, key);
    return !value.ok() ? value.status().ToString() : value->value_or("(absent)");
  }

  std::vector<StoreProblem> Verify() {
    auto problems = store_->Verify(NoProgress);
    EXPECT_TRUE(problems.ok()) << problems.status();
    return problems.value_or(std::vector<StoreProblem>{});
  }

  TempDir dir_;
  Clock& clock_ = Clock::Real();
  std::unique_ptr<Store> store_;
};

TEST_F(RocksStoreTest, NumbersChangesFromOneAndKeepsThemOverReopening) {
  EXPECT_EQ(store_->LastRevision(), Revision(0));
  EXPECT_EQ(Put("a", "1").value(), Revision(1));
  EXPECT_EQ(Put("b", "2").value(), Revision(2));
  Open();
  EXPECT_EQ(store_->LastRevision(), Revision(2));
  EXPECT_EQ(store_->GetSnapshot()->revision(), Revision(2));
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Put("c", "3").value(), Revision(3));
}

TEST_F(RocksStoreTest, SnapshotShowsNothingThatTheListenerHasNotHeardOf) {
  std::atomic<uint64_t> heard{0};
  std::atomic<bool> stop{false};
  // Each commit stays between written and told for a while, so that somebody looks at it.
  store_->SetCommitListener([&](absl::Span<const CommittedUpdate> group) {
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    heard = group.back().revision.value();
  });
  uint64_t ahead = 0;
  std::thread reader([&] {
    while (!stop) {
      const uint64_t shown = store_->GetSnapshot()->revision().value();
      if (shown > heard) ++ahead;
    }
  });
  for (int i = 0; i < 200; ++i) EXPECT_OK(Put("k", std::to_string(i)));
  stop = true;
  reader.join();
  store_->SetCommitListener(nullptr);
  EXPECT_EQ(ahead, 0u);
}

TEST_F(RocksStoreTest, VerifyNeedsAHasher) {
  ASSERT_OK(Put("a", "1"));
  store_->SetRecordHasher(nullptr);
  EXPECT_EQ(store_->Verify(NoProgress).status(),
            absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal"));
}

TEST_F(RocksStoreTest, VerifyFollowsOverwritesAndDeletes) {
  ASSERT_OK(Put("a", "1"));
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(store_->Update([](const View&, Batch& batch) {
    batch.Put(Family::kDeks, "a", "x");
    batch.Put(Family::kDeks, "a", "y");
    batch.Delete(Family::kRecords, "a");
    batch.Delete(Family::kRecords, "never");
    return absl::OkStatus();
  }));
  EXPECT_TRUE(Verify().empty());
  Open();
  EXPECT_TRUE(Verify().empty());
}

TEST_F(RocksStoreTest, VerifyFollowsInsertsOfNewKeys) {
  const auto insert = [](const View&, Batch& batch) {
    batch.Insert(Family::kRecords, "a", "1");
    batch.Insert(Family::kDue, "a", "2");
    return absl::OkStatus();
  };
  ASSERT_OK(store_->Update(insert));
  EXPECT_EQ(Get("a"), "1");
  EXPECT_TRUE(Verify().empty());
  ASSERT_OK(Put("a", "3"));
  EXPECT_TRUE(Verify().empty());
  Open();
  EXPECT_TRUE(Verify().empty());
}

TEST_F(RocksStoreTest, VerifyReportsAnInsertOfAKeyThatWasThere) {
  ASSERT_OK(Put("a", "1"));
  ASSERT_OK(Put("b", "1"));
  ASSERT_OK(store_->Update([](const View&, Batch& batch) {
    batch.Insert(Family::kRecords, "a", "2");
    return absl::OkStatus();
  }));
  const std::vector<StoreProblem> problems = Verify();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].what,
            "records whose keys start with byte 97 are not those that were written: one was "
            "changed, removed, added or brought back");
}

// Changes a record behind the store's back.
void Tamper(const std::string& directory,
            const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& fn) {
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, directory, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names)
    descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open({}, directory, descriptors, &handles, &raw).ok());
  const std::unique_ptr<rocksdb::DB> db(raw);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle->GetName() == "records") fn(*db, handle);
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
}

TEST_F(RocksStoreTest, VerifyFindsWhatWasChangedBehindItsBack) {
  const std::vector<std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>> crimes = {
      [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* h) { db.Put({}, h, "a", "changed"); },
      [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* h) { db.Delete({}, h, "a"); },
      [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* h) { db.Put({}, h, "added", "x"); },
      [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* h) { db.Put({}, h, "a", "old"); },
  };
  for (const auto& crime : crimes) {
    ASSERT_OK(Put("a", "old"));
    ASSERT_OK(Put("a", "1"));
    ASSERT_OK(Put("b", "2"));
    ASSERT_TRUE(Verify().empty());
    store_.reset();
    Tamper(dir_.File("db"), crime);
    Open();
    EXPECT_EQ(Verify().size(), 1u);
    store_.reset();
    std::filesystem::remove_all(dir_.File("db"));
    Open();
  }
}

TEST_F(RocksStoreTest, OneProcessAtATime) {
  const auto second = OpenRocksStore({.directory = dir_.File("db")}, clock_);
  EXPECT_CODE(second, kFailedPrecondition);
  EXPECT_NE(second.status().message().find("in use by another process"), std::string::npos);
}

TEST_F(RocksStoreTest, RefusesANewerFormat) {
  ASSERT_OK(Put(std::string(schema::kFormatKey), BigEndian64(9), Family::kMeta));
  store_.reset();
  const auto reopened = OpenRocksStore({.directory = dir_.File("db")}, clock_);
  EXPECT_CODE(reopened, kFailedPrecondition);
  EXPECT_NE(reopened.status().message().find("has data format 9"), std::string::npos);
}

TEST_F(RocksStoreTest, SnapshotsDoNotMove) {
  ASSERT_OK(Put("a", "1"));
  const auto snapshot = store_->GetSnapshot();
  ASSERT_OK(Put("a", "2"));
  EXPECT_EQ(snapshot->Get(Family::kRecords, "a")->value(), "1");
  EXPECT_EQ(snapshot->revision(), Revision(1));
  EXPECT_EQ(store_->Newest().Get(Family::kRecords, "a")->value(), "2");
}

TEST_F(RocksStoreTest, ScansARange) {
  for (const char* key : {"a", "ab", "b", "ba", "c"}) ASSERT_OK(Put(key, key));
  std::string seen;
  ASSERT_OK(store_->GetSnapshot()->Scan(Family::kRecords, "ab", "c",
                                        [&](absl::string_view key, absl::string_view value) {
                                          EXPECT_EQ(key, value);
                                          absl::StrAppend(&seen, key, ",");
                                          return key != "ba";
                                        }));
  EXPECT_EQ(seen, "ab,b,ba,");
}

}  // namespace
}  // namespace keyturn
