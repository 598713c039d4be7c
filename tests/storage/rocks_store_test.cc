#include "storage/rocks_store.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/coding.h"
#include "base/limits.h"
#include "storage/schema.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

// Unkeyed: what the store does with hashes does not depend on their quality.
class SumHasher : public RecordHasher {
 public:
  std::array<uint64_t, 4> Hash(Family family, absl::string_view key,
                               absl::string_view value) const override {
    const uint64_t h = std::hash<std::string>()(std::string(1, static_cast<char>(family)) +
                                                std::string(key) + "|" + std::string(value));
    return {h, h * 3, h * 5, h * 7};
  }
};

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
    auto problems = store_->Verify([](uint64_t, uint64_t) {});
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

TEST_F(RocksStoreTest, FailingFunctionLeavesNothing) {
  const auto result = store_->Update([](const View&, Batch& batch) {
    batch.Put(Family::kRecords, "a", "1");
    return absl::AbortedError("lost");
  });
  EXPECT_CODE(result, kAborted);
  EXPECT_EQ(Get("a"), "(absent)");
  EXPECT_EQ(store_->LastRevision(), Revision(0));
  EXPECT_TRUE(Verify().empty());
}

TEST_F(RocksStoreTest, EmptyBatchTakesNoRevision) {
  ASSERT_OK(Put("a", "1"));
  const auto result = store_->Update([](const View&, Batch&) { return absl::OkStatus(); });
  EXPECT_EQ(result.value(), Revision(1));
}

TEST_F(RocksStoreTest, ConcurrentIncrementsAllCountAndShareSyncs) {
  constexpr int kThreads = 32;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < kEach; ++i) {
        ASSERT_OK(store_->Update([](const View& view, Batch& batch) -> absl::Status {
          const auto old = view.Get(Family::kRecords, "counter");
          if (!old.ok()) return old.status();
          const int value = old->has_value() ? std::stoi(**old) : 0;
          batch.Put(Family::kRecords, "counter", std::to_string(value + 1));
          return absl::OkStatus();
        }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get("counter"), std::to_string(kThreads * kEach));
  const StoreStats stats = store_->Stats();
  EXPECT_EQ(stats.commits, static_cast<uint64_t>(kThreads * kEach));
  EXPECT_LT(stats.groups, stats.commits);
  EXPECT_EQ(stats.syncs, stats.groups);
  EXPECT_TRUE(Verify().empty());
}

TEST_F(RocksStoreTest, OneFailureInAGroupDoesNotTouchTheOthers) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([this, t] {
      const auto result = store_->Update([t](const View&, Batch& batch) {
        batch.Put(Family::kRecords, absl::StrCat("k", t), "v");
        return t % 2 == 0 ? absl::OkStatus() : absl::InternalError("no");
      });
      EXPECT_EQ(result.ok(), t % 2 == 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 16; ++t) {
    EXPECT_EQ(Get(absl::StrCat("k", t)), t % 2 == 0 ? "v" : "(absent)");
  }
  EXPECT_EQ(store_->LastRevision(), Revision(8));
}

TEST_F(RocksStoreTest, ListenerHearsEveryCommitInOrderBeforeTheAnswer) {
  std::atomic<uint64_t> heard{0};
  store_->SetCommitListener([&](absl::Span<const CommittedUpdate> group) {
    for (const CommittedUpdate& update : group) {
      EXPECT_EQ(update.revision.value(), heard.load() + 1);
      EXPECT_EQ(update.operations->size(), 1u);
      heard.store(update.revision.value());
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto revision = Put("k", "v");
        ASSERT_OK(revision);
        EXPECT_GE(heard.load(), revision->value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store_->SetCommitListener(nullptr);
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

TEST_F(RocksStoreTest, RefusesTooLargeChanges) {
  const auto many = store_->Update([](const View&, Batch& batch) {
    for (size_t i = 0; i <= limits::kBatchKeysMax; ++i) {
      batch.Put(Family::kRecords, absl::StrCat(i), "");
    }
    return absl::OkStatus();
  });
  EXPECT_CODE(many, kInvalidArgument);
  EXPECT_EQ(many.status().message(), "a change of 101 records; at most 100 fit in one");
  EXPECT_CODE(Put("a", std::string(limits::kBatchBytesMax, 'x')), kInvalidArgument);
  EXPECT_TRUE(Verify().empty());
}

TEST_F(RocksStoreTest, CoveredFamiliesNeedAHasher) {
  store_->SetRecordHasher(nullptr);
  for (const Family family : {Family::kRecords, Family::kDeks, Family::kIndex, Family::kDue}) {
    EXPECT_CODE(Put("a", "1", family), kFailedPrecondition);
  }
  EXPECT_OK(Put("a", "1", Family::kAuditTail));
  EXPECT_CODE(store_->Verify([](uint64_t, uint64_t) {}), kFailedPrecondition);
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

TEST(RocksStoreClock, WaitForEndsAtTheRevisionOrTheDeadline) {
  SimulatedClock clock;
  auto opened = OpenRocksStore({.directory = "/mem", .in_memory = true}, clock);
  ASSERT_OK(opened);
  Store& store = **opened;
  std::thread waiter([&] { EXPECT_OK(store.WaitFor(Revision(1), absl::InfiniteFuture())); });
  ASSERT_OK(store.Update([](const View&, Batch& batch) {
    batch.Put(Family::kChanges, "k", "v");
    return absl::OkStatus();
  }));
  waiter.join();
  EXPECT_OK(store.WaitFor(Revision(1), clock.Now()));
  EXPECT_CODE(store.WaitFor(Revision(2), clock.Now()), kDeadlineExceeded);
}

}  // namespace
}  // namespace keyturn
