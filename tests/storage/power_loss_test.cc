// Concurrent writers, and a disk that loses power at a random operation: what was acknowledged is
// there, nothing is there by half. Mutants show that the check sees what it is for. The seed is
// printed; KEYTURN_SEED runs it again, KEYTURN_POWER_CYCLES runs longer.
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "base/log.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/support/fault_env.h"
#include "tests/support/keys.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr int kWriters = 6;
constexpr uint64_t kKept = 20;  // an update takes out the one this many before it
constexpr uint64_t kOperationsPerCycle = 300;

enum class Program { kReal, kUnsynced, kTwoUpdatesForOne };

// What one writer knows.
struct Writer {
  uint64_t acknowledged = 0;
  uint64_t attempted = 0;
};

std::string CounterKey(int writer) { return absl::StrCat("counter/", writer); }
std::string RecordKey(int writer, uint64_t n) { return absl::StrCat(writer, "/", n); }
// Of sizes that start, end and cross blocks of the log.
std::string Value(Family family, int writer, uint64_t n) {
  const std::string seed = absl::StrCat(static_cast<int>(family), ":", writer, ":", n, ";");
  const size_t size = n % 16 == 0 ? 20'000 + n : 40 + n % 300;
  std::string value = seed;
  while (value.size() < size) value += seed;
  return value;
}

class PowerLossTest : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    SetLogFd(-1);  // each loss is an error worth a line, and there are thousands
    NewDisk();
  }
  void TearDown() override { SetLogFd(2); }

  void NewDisk() {
    store_.reset();
    env_.reset();
    disk_ = std::make_unique<FaultDisk>(random_());
    env_ = NewFaultEnv(*disk_);
    writers_.assign(kWriters, {});
  }

  absl::Status Open(bool sync = true) {
    store_.reset();
    absl::StatusOr<std::unique_ptr<Store>> store =
        OpenRocksStore({.directory = "/db", .env = env_.get(), .sync = sync}, Clock::Real());
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    store_->SetRecordHasher(hasher_);
    return absl::OkStatus();
  }

  uint64_t Counter(const View& view, int writer) {
    const auto stored = view.Get(Family::kIndex, CounterKey(writer));
    uint64_t value = 0;
    if (!stored.ok() || !stored->has_value()) return 0;
    EXPECT_TRUE(absl::SimpleAtoi(**stored, &value));
    return value;
  }

  // The n-th change of a writer: two records and a counter come, two records go.
  absl::Status WriteOne(int writer, uint64_t n, Program program) {
    const auto records = [&](Batch& batch) {
      batch.Put(Family::kRecords, RecordKey(writer, n), Value(Family::kRecords, writer, n));
      batch.Put(Family::kIndex, CounterKey(writer), absl::StrCat(n));
    };
    const auto rest = [&](Batch& batch) {
      batch.Put(Family::kDeks, RecordKey(writer, n), Value(Family::kDeks, writer, n));
      if (n <= kKept) return;
      batch.Delete(Family::kRecords, RecordKey(writer, n - kKept));
      batch.Delete(Family::kDeks, RecordKey(writer, n - kKept));
    };
    if (program == Program::kTwoUpdatesForOne) {
      const auto first = store_->Update([&](const View&, Batch& batch) {
        records(batch);
        return absl::OkStatus();
      });
      if (!first.ok()) return first.status();
      return store_
          ->Update([&](const View&, Batch& batch) {
            rest(batch);
            return absl::OkStatus();
          })
          .status();
    }
    return store_
        ->Update([&](const View&, Batch& batch) {
          records(batch);
          rest(batch);
          return absl::OkStatus();
        })
        .status();
  }

  // Writes until the store takes no more.
  void RunWriters(Program program) {
    std::vector<std::thread> threads;
    for (int w = 0; w < kWriters; ++w) {
      threads.emplace_back([this, w, program] {
        Writer& writer = writers_[w];
        int after_fault = 0;
        for (uint64_t n = Counter(store_->Newest(), w) + 1;; ++n) {
          writer.attempted = std::max(writer.attempted, n);
          if (!WriteOne(w, n, program).ok()) return;
          writer.acknowledged = n;
          // A fault in what nobody depends on, such as deleting a file that is over, stops nothing.
          if (disk_->fault_hit() && ++after_fault > 100) return;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // One life of the machine: it starts, works and loses power, perhaps while it starts.
  void Live(Program program) {
    disk_->FailAt(1 + random_() % kOperationsPerCycle, DiskFault::kPowerOff);
    const absl::Status opened = Open(program != Program::kUnsynced);
    if (opened.ok()) {
      RunWriters(program);
    } else {
      ++lost_while_opening_;
      EXPECT_TRUE(disk_->fault_hit()) << opened;
    }
    disk_->PowerOff();
    store_.reset();
    disk_->PowerOn();
  }

  // Everything that is there, and everything that should be.
  std::vector<std::string> Check() {
    std::vector<std::string> problems;
    if (const absl::Status opened = Open(); !opened.ok()) return {opened.ToString()};
    std::map<std::string, std::string> expected[kFamilies];
    for (int w = 0; w < kWriters; ++w) {
      const uint64_t newest = Counter(store_->Newest(), w);
      Writer& writer = writers_[w];
      if (newest < writer.acknowledged) {
        problems.push_back(absl::StrCat("writer ", w, ": ", writer.acknowledged,
                                        " was acknowledged, ", newest, " is the newest"));
      }
      if (newest > writer.attempted) problems.push_back("a write that nobody made");
      writer.acknowledged = newest;
      for (uint64_t n = newest > kKept ? newest - kKept + 1 : 1; n <= newest; ++n) {
        for (const Family family : {Family::kRecords, Family::kDeks}) {
          expected[static_cast<size_t>(family)][RecordKey(w, n)] = Value(family, w, n);
        }
      }
    }
    for (const Family family : {Family::kRecords, Family::kDeks}) {
      Compare(family, expected[static_cast<size_t>(family)], &problems);
    }
    const auto verified = store_->Verify(NoProgress);
    if (!verified.ok()) problems.push_back(verified.status().ToString());
    for (const StoreProblem& problem : verified.value_or(std::vector<StoreProblem>{})) {
      problems.push_back(problem.what);
    }
    return problems;
  }

  void Compare(Family family, std::map<std::string, std::string> expected,
               std::vector<std::string>* problems) {
    const absl::Status scanned = store_->GetSnapshot()->Scan(
        family, "", "", [&](absl::string_view key, absl::string_view value) {
          const auto it = expected.find(std::string(key));
          if (it == expected.end()) {
            problems->push_back(absl::StrCat("half or too much: ", key));
          } else if (it->second != value) {
            problems->push_back(absl::StrCat("a wrong value: ", key));
          }
          if (it != expected.end()) expected.erase(it);
          return true;
        });
    if (!scanned.ok()) problems->push_back(scanned.ToString());
    for (const auto& [key, value] : expected) {
      problems->push_back(absl::StrCat("half or lost: ", key));
    }
  }

  // Lives and losses until the check complains; "" if it never did.
  std::string FirstProblem(Program program, int cycles) {
    for (int i = 0; i < cycles; ++i) {
      Live(program);
      const std::vector<std::string> problems = Check();
      if (!problems.empty()) return problems[0];
    }
    return "";
  }

  std::mt19937_64 random_;
  const std::shared_ptr<const RecordHasher> hasher_ = NewRecordHasher(*TestKeys());
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Store> store_;
  std::vector<Writer> writers_;
  int lost_while_opening_ = 0;
};

TEST_F(PowerLossTest, WhatWasAcknowledgedIsThereAndNothingIsHalf) {
  const int cycles = TestCount("KEYTURN_POWER_CYCLES", kSanitized ? 20 : 120);
  for (int cycle = 0; cycle < cycles; ++cycle) {
    // Some losses follow on one another before anyone looks, so that recovery is hit as well.
    for (uint64_t lives = 1 + random_() % 3; lives > 0; --lives) Live(Program::kReal);
    const std::vector<std::string> problems = Check();
    ASSERT_TRUE(problems.empty()) << "cycle " << cycle << ": " << problems[0];
  }
  uint64_t written = 0;
  for (const Writer& writer : writers_) written += writer.acknowledged;
  std::printf("%d cycles, %llu writes, %d losses while the store was opened\n", cycles,
              static_cast<unsigned long long>(written), lost_while_opening_);
  EXPECT_GT(written, static_cast<uint64_t>(cycles));
}

TEST_F(PowerLossTest, MutantThatDoesNotSyncIsFound) {
  const std::string problem = FirstProblem(Program::kUnsynced, 50);
  EXPECT_TRUE(absl::StrContains(problem, "was acknowledged")) << problem;
}

TEST_F(PowerLossTest, MutantOnADiskThatLiesIsFound) {
  disk_->LieAboutSyncs();
  EXPECT_NE(FirstProblem(Program::kReal, 50), "");
}

TEST_F(PowerLossTest, MutantThatWritesOneChangeAsTwoIsFound) {
  const std::string problem = FirstProblem(Program::kTwoUpdatesForOne, 50);
  EXPECT_TRUE(absl::StrContains(problem, "half")) << problem;
}

// An error that passes, at each operation in turn: the store stops at it and stays stopped.
TEST_F(PowerLossTest, AfterAnErrorTheStoreStopsAndReopensWithEveryAcknowledgedWrite) {
  int rounds = 0, stopped = 0;
  for (const DiskFault fault : kDiskErrors) {
    for (uint64_t n = 1; n <= (kSanitized ? 8 : 30); ++n) {
      ASSERT_OK(Open());
      disk_->FailAt(n, fault);
      RunWriters(Program::kReal);
      ASSERT_TRUE(disk_->fault_hit());
      disk_->ClearFault();
      ++rounds;
      if (store_->Stats().stopped) {
        ++stopped;
        EXPECT_CODE(WriteOne(0, writers_[0].attempted, Program::kReal), kUnavailable);
      }
      if (n % 2 == 0) {
        disk_->PowerOff();
        store_.reset();
        disk_->PowerOn();
      }
      const std::vector<std::string> problems = Check();
      ASSERT_TRUE(problems.empty()) << "operation " << n << ": " << problems[0];
    }
  }
  EXPECT_GT(stopped, rounds * 3 / 4);
}

class TornRecordTest : public PowerLossTest {
 protected:
  // Loses the power in the sync of a record of `size` bytes, of which `keep` survive with what else
  // the log has of it, and looks. Returns whether all of it survived.
  bool CutAt(size_t size, uint64_t keep) {
    const std::string value(size, 'x');
    const auto write = [&](const std::string& key) {
      return store_->Update([&](const View&, Batch& batch) {
        batch.Put(Family::kRecords, key, value);
        return absl::OkStatus();
      });
    };
    NewDisk();
    EXPECT_OK(Open());
    EXPECT_OK(write("before"));
    disk_->FailAt(2, DiskFault::kPowerOff);  // 1 is the append, 2 its sync
    EXPECT_CODE(write("torn"), kUnavailable);
    const uint64_t unsynced = disk_->unsynced_bytes();
    EXPECT_GT(unsynced, size);
    const bool whole = keep >= unsynced;
    store_.reset();
    disk_->PowerOnKeeping(keep);
    EXPECT_OK(Open());
    EXPECT_EQ(*store_->Newest().Get(Family::kRecords, "before"), value);
    const auto torn = store_->Newest().Get(Family::kRecords, "torn");
    EXPECT_OK(torn);
    EXPECT_EQ(torn.ok() && torn->has_value(), whole) << keep;
    EXPECT_TRUE(store_->Verify(NoProgress)->empty()) << keep;
    return whole;
  }
};

// The last record of the log, cut at every byte: it is there whole or not at all.
TEST_F(TornRecordTest, ATornLastRecordIsNotThere) {
  uint64_t keep = 0;
  while (!CutAt(20, keep) && !HasFailure()) keep += kSanitized ? 16 : 1;
  EXPECT_GT(keep, 20u);
}

// One of two blocks of the log, cut in large steps.
TEST_F(TornRecordTest, ATornLastRecordOfSeveralBlocksIsNotThere) {
  uint64_t keep = 0;
  while (!CutAt(40'000, keep) && !HasFailure()) keep += kSanitized ? 8192 : 512;
  EXPECT_GT(keep, 40'000u);
}

}  // namespace
}  // namespace keyturn
