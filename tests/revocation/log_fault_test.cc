// The revocation log on a disk that fails at any of its operations, tears what it writes, and loses
// its power: nothing that was acknowledged is lost, and of what was not, the order holds. Mutants
// show that the check sees what it is for. KEYTURN_SEED runs the same chance again,
// KEYTURN_POWER_CYCLES runs longer.
#include <thread>

#include "absl/strings/match.h"
#include "tests/revocation/fault_world.h"

namespace keyturn {
namespace {

using ClientKind = RevocationClient::Kind;

class LogFaultTest : public ListFaultFixture {
 protected:
  // A stream of changes by one after another, with hours that pass and are dropped. Ends when the
  // list takes no more. Sweeps take snapshots, a part each.
  void Stream(int steps) {
    for (int step = 0; step < steps; ++step) {
      if (step % 10 == 9) clock_.AdvanceTime(absl::Minutes(35));
      // A sweep that meets the fault fails; what it drops next time is the same.
      if (step % 5 == 4 && !world_->list->Sweep().ok()) {
        EXPECT_TRUE(disk_->fault_hit());
      }
      if (!clients_[static_cast<size_t>(step) % clients_.size()]->Step(*world_->list).ok()) break;
    }
    WaitForAll();
  }
  // Until all is durable, or has failed and is undone.
  void WaitForAll() {
    auto transaction =
        world_->list->Begin(std::make_shared<RevocationWriter>(), world_->list->Now());
    const uint64_t newest = transaction.ok() ? (*transaction)->Commit() : UINT64_MAX;
    world_->list->WaitFor(newest).IgnoreError();
  }

  // Several at once, until the power goes.
  void StreamOfMany() {
    std::vector<std::thread> threads;
    for (const auto& client : clients_) {
      threads.emplace_back([this, &client] {
        int after_fault = 0;
        while (client->Step(*world_->list).ok()) {
          if (disk_->fault_hit() && ++after_fault > 50) return;
        }
      });
    }
    threads.emplace_back([this] {
      while (!disk_->fault_hit() && world_->list->Sweep().ok()) {
      }
    });
    for (std::thread& thread : threads) thread.join();
  }

  // Until the power goes, perhaps while it starts. What it finds wrong at its start, "" for
  // nothing.
  std::string Live(bool sync) {
    disk_->FailAt(1 + random_() % 200, DiskFault::kPowerOff);
    std::string problem;
    if (const absl::Status started = Start(sync); started.ok()) {
      problem = Look();
      if (problem.empty()) StreamOfMany();
    } else if (!disk_->fault_hit()) {
      problem = started.ToString();
    }
    LosePower();
    return problem;
  }
  std::string FirstProblem(bool sync, int lives) {
    for (int i = 0; i < lives; ++i) {
      std::string problem = Live(sync);
      if (!problem.empty()) return problem;
    }
    return Check();
  }
};

TEST_F(LogFaultTest, AFaultAtAnyOperationLosesNothingThatWasAcknowledged) {
  int faults = 0, refused = 0, at_start = 0;
  uint64_t snapshots = 0;
  for (const DiskFault fault : kDiskFaults) {
    NewDisk(ClientKind::kReal);
    for (uint64_t n = 1;; n += kSanitized ? 7 : 1) {
      disk_->FailAt(n, fault);
      const absl::Status started = Start();
      if (started.ok()) Stream(24);
      const bool hit = disk_->fault_hit();
      if (!started.ok()) {
        ++at_start;
        ASSERT_TRUE(hit) << started;
      } else if (world_->list->stats().failed) {
        ++refused;
        ASSERT_TRUE(hit);
        for (const auto& client : clients_) {
          EXPECT_CODE(client->Step(*world_->list), kUnavailable);
          client->ExpectRevokedStaysRevoked(*world_->list);
        }
      }
      if (started.ok()) snapshots += world_->list->stats().snapshots;
      disk_->ClearFault();
      if (fault == DiskFault::kPowerOff || n % 2 == 0) {
        LosePower();
      }
      const std::string problem = Check();
      ASSERT_EQ(problem, "") << "fault " << static_cast<int>(fault) << " at operation " << n;
      if (!hit) break;
      ++faults;
    }
  }
  std::printf(
      "%d faults, %d of them while starting, %d after which no change was taken; %llu snapshots\n",
      faults, at_start, refused, static_cast<unsigned long long>(snapshots));
  EXPECT_GT(refused, faults / 3);
  EXPECT_GT(snapshots, static_cast<uint64_t>(faults) / 4);
}

TEST_F(LogFaultTest, WhatWasAcknowledgedToManySurvivesAnyPowerCut) {
  const int cycles = TestCount("KEYTURN_POWER_CYCLES", kSanitized ? 20 : 120);
  ASSERT_EQ(FirstProblem(true, cycles), "");
  std::printf("%d lives, %llu changes acknowledged\n", cycles,
              static_cast<unsigned long long>(Acknowledged()));
  EXPECT_GT(Acknowledged(), static_cast<uint64_t>(cycles));
}

TEST_F(LogFaultTest, MutantStoreThatDoesNotSyncIsFound) { EXPECT_NE(FirstProblem(false, 50), ""); }

TEST_F(LogFaultTest, MutantDiskThatLiesIsFound) {
  disk_->LieAboutSyncs();
  EXPECT_NE(FirstProblem(true, 50), "");
}

TEST_F(LogFaultTest, MutantThatAcknowledgesBeforeTheDiskIsFound) {
  NewDisk(ClientKind::kTooEarly);
  EXPECT_NE(FirstProblem(true, 50), "");
}

// The power goes while a group is being synced, and of its bytes so many survive.
TEST_F(LogFaultTest, ATornLastGroupIsThereWholeOrNotAtAll) {
  const auto writer = std::make_shared<RevocationWriter>();
  const auto put = [&](absl::string_view name) {
    auto transaction = *world_->list->Begin(writer, world_->list->Now());
    // Of two hours, so that the group has two records.
    EXPECT_OK(
        transaction->Put(absl::StrCat(name, " 1"), "odd", world_->list->Now().now_ms + 10'000'000));
    EXPECT_OK(transaction->Put(absl::StrCat(name, " 2"), "1", kNoExpiry));
    return world_->list->WaitFor(transaction->Commit());
  };
  bool whole = false;
  for (uint64_t keep = 0; !whole; keep += kSanitized ? 40 : 5) {
    NewDisk(ClientKind::kReal);
    ASSERT_OK(Start());
    ASSERT_OK(put("before"));
    disk_->FailAt(2, DiskFault::kPowerOff);  // 1 is the append, 2 its sync
    EXPECT_CODE(put("torn"), kUnavailable);
    const uint64_t unsynced = disk_->unsynced_bytes();
    ASSERT_GT(unsynced, 100U);
    whole = keep >= unsynced;
    Stop();
    disk_->PowerOnKeeping(keep);
    ASSERT_OK(Start());
    const ListTime now = world_->list->Now();
    for (const char* const half : {" 1", " 2"}) {
      EXPECT_TRUE(world_->list->Exists(absl::StrCat("before", half), now)) << keep;
      EXPECT_EQ(world_->list->Exists(absl::StrCat("torn", half), now), whole) << keep;
    }
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace keyturn
