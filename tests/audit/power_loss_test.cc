// Store and audit log on one disk that loses power: a change and its entry are there together or
// not at all, an entry that a read waited for is there, and the chain is whole. The seed is
// printed; KEYTURN_SEED runs it again, KEYTURN_POWER_CYCLES runs longer.
#include <atomic>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "audit/audit_log.h"
#include "base/log.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "tests/support/fault_env.h"
#include "tests/support/fault_files.h"
#include "tests/support/keys.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr int kChangers = 4;
constexpr int kReaders = 3;
constexpr uint64_t kSegmentBytes = 20'000;  // some segments begin in each cycle
constexpr uint64_t kOperationsPerCycle = 400;

enum class Program { kReal, kReadsNotSynced };

class AuditPowerLossTest : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    SetLogFd(-1);
    disk_ = std::make_unique<FaultDisk>(random_());
    env_ = NewFaultEnv(*disk_);
    files_ = NewFaultFileSystem(*disk_);
  }
  void TearDown() override {
    Close();
    SetLogFd(2);
  }

  void Close() {
    if (store_ != nullptr) store_->SetCommitListener(nullptr);
    log_.reset();
    store_.reset();
  }

  absl::Status Open(Program program = Program::kReal) {
    Close();
    auto store = OpenRocksStore({.directory = "/db", .env = env_.get()}, Clock::Real());
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    store_->SetRecordHasher(NewRecordHasher(*keys_));
    const AuditLogOptions options = {.directory = "/audit",
                                     .sync_reads = program == Program::kReal,
                                     .segment_bytes_max = kSegmentBytes,
                                     .accept_rollback = ""};
    auto log = AuditLog::Open(options, *files_, *store_, Clock::Real());
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    log_->SetKeys(keys_);
    store_->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { log_->OnCommitted(group); });
    return absl::OkStatus();
  }

  AuditEvent Event(const std::string& resource) {
    AuditEvent event;
    event.time = Clock::Real().Now();
    event.event = "test";
    event.resource = resource;
    return event;
  }

  absl::Status Change(const std::string& resource) {
    const AuditEvent event = Event(resource);
    AuditedUpdater updater(*store_, *log_, event);
    return updater
        .Update([&](const View&, Batch& batch) {
          batch.Put(Family::kRecords, resource, "changed");
          return absl::OkStatus();
        })
        .status();
  }

  // Changes and reads until one is refused. RocksDB takes a file that it cannot delete in the
  // background for no error: then `again` comes at the next operation.
  void Work(std::optional<DiskFault> again = std::nullopt) {
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < kChangers + kReaders; ++t) {
      threads.emplace_back([this, t, life = life_, again, &over] {
        const bool changes = t < kChangers;
        int since_fault = 0;
        for (int n = 0; !over.load(); ++n) {
          const std::string resource =
              absl::StrCat(changes ? "change/" : "read/", life, "/", t, "/", n);
          if (!(changes ? Change(resource) : log_->Append(Event(resource))).ok()) {
            over.store(true);
            return;
          }
          if (again.has_value() && disk_->fault_hit() && ++since_fault > 100) {
            disk_->FailAt(1, *again);
            since_fault = 0;
          }
          const absl::MutexLock lock(&mu_);
          acknowledged_.push_back(resource);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void Live(Program program) {
    ++life_;
    disk_->FailAt(1 + random_() % kOperationsPerCycle, DiskFault::kPowerOff);
    const absl::Status opened = Open(program);
    if (opened.ok()) Work();
    EXPECT_TRUE(opened.ok() || disk_->fault_hit()) << opened;
    disk_->PowerOff();
    Close();
    disk_->PowerOn();
  }

  std::vector<std::string> Check() {
    if (const absl::Status opened = Open(); !opened.ok()) return {opened.ToString()};
    std::vector<std::string> problems;
    std::map<std::string, int> entries;
    const absl::Status read = log_->Read(1, [&](const AuditRecord& record) {
      ++entries[record.event.resource];
      return true;
    });
    if (!read.ok()) problems.push_back(read.ToString());
    {
      const absl::MutexLock lock(&mu_);
      for (const std::string& resource : acknowledged_) {
        if (entries.count(resource) == 0) problems.push_back("acknowledged and lost: " + resource);
      }
    }
    std::set<std::string> changed;
    const absl::Status scanned = store_->GetSnapshot()->Scan(
        Family::kRecords, "", "", [&](absl::string_view key, absl::string_view) {
          changed.emplace(key);
          return true;
        });
    if (!scanned.ok()) problems.push_back(scanned.ToString());
    for (const std::string& resource : changed) {
      if (entries.count(resource) == 0) problems.push_back("changed, no entry: " + resource);
    }
    for (const auto& [resource, count] : entries) {
      if (count != 1) problems.push_back(absl::StrCat(count, " entries of ", resource));
      if (absl::StartsWith(resource, "change/") && changed.count(resource) == 0) {
        problems.push_back("an entry, no change: " + resource);
      }
    }
    const auto verified = log_->Verify();
    if (!verified.ok()) return {verified.status().ToString()};
    problems.insert(problems.end(), verified->problems.begin(), verified->problems.end());
    return problems;
  }

  std::mt19937_64 random_;
  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  std::unique_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> log_;
  int life_ = 0;
  absl::Mutex mu_;
  std::vector<std::string> acknowledged_ ABSL_GUARDED_BY(mu_);
};

TEST_F(AuditPowerLossTest, AChangeAndItsEntryAreThereTogether) {
  const int cycles = TestCount("KEYTURN_POWER_CYCLES", kSanitized ? 15 : 60);
  for (int cycle = 0; cycle < cycles; ++cycle) {
    for (uint64_t lives = 1 + random_() % 3; lives > 0; --lives) Live(Program::kReal);
    const std::vector<std::string> problems = Check();
    ASSERT_TRUE(problems.empty()) << "cycle " << cycle << ": " << problems.size()
                                  << " problems, the first: " << problems[0];
  }
  const absl::MutexLock lock(&mu_);
  std::printf("%d cycles, %zu acknowledged changes and reads, %zu segments\n", cycles,
              acknowledged_.size(), files_->List("/audit")->size());
  EXPECT_GT(acknowledged_.size(), static_cast<size_t>(cycles));
}

TEST_F(AuditPowerLossTest, MutantThatAnswersReadsBeforeTheSyncIsFound) {
  std::vector<std::string> problems;
  for (int cycle = 0; cycle < 50 && problems.empty(); ++cycle) {
    Live(Program::kReadsNotSynced);
    problems = Check();
  }
  ASSERT_FALSE(problems.empty());
  EXPECT_TRUE(absl::StartsWith(problems[0], "acknowledged and lost: read/")) << problems[0];
}

// An error at each operation in turn: no call goes unaudited after it.
TEST_F(AuditPowerLossTest, AfterAnErrorCallsAreRefusedUntilItIsOpenedAgain) {
  for (const DiskFault fault : kDiskErrors) {
    for (uint64_t n = 1; n <= (kSanitized ? 8 : 30); ++n) {
      ++life_;
      ASSERT_OK(Open());
      disk_->FailAt(n, fault);
      Work(fault);
      disk_->ClearFault();
      EXPECT_CODE(Change("refused"), kUnavailable);
      // A store that stopped leaves reads, which are audited still.
      EXPECT_EQ(log_->Append(Event(absl::StrCat("read/last/", life_))).ok(), !log_->failing());
      if (n % 2 == 0) {
        disk_->PowerOff();
        Close();
        disk_->PowerOn();
      }
      const std::vector<std::string> problems = Check();
      ASSERT_TRUE(problems.empty()) << "operation " << n << ": " << problems[0];
    }
  }
}

}  // namespace
}  // namespace keyturn
