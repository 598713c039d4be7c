#include "storage/committer.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/fault_env.h"

namespace keyturn {
namespace {

void InThreads(int threads, const std::function<void(int)>& fn) {
  std::vector<std::thread> running;
  running.reserve(threads);
  for (int t = 0; t < threads; ++t) running.emplace_back([&fn, t] { fn(t); });
  for (std::thread& thread : running) thread.join();
}

class CommitterTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(db_, RocksDb::Open({.directory = "/mem", .in_memory = true}));
    ASSERT_OK(Start());
  }

  absl::Status Start(bool sync = true) {
    committer_.reset();
    auto started = Committer::Start(db_, sync, clock_);
    if (!started.ok()) return started.status();
    committer_ = *std::move(started);
    committer_->SetHasher(std::make_shared<SumHasher>());
    return absl::OkStatus();
  }

  std::string Stored(absl::string_view key) {
    const auto value = db_->Get(rocksdb::ReadOptions(), Family::kRecords, key);
    return value.ok() ? value->value_or("(absent)") : value.status().ToString();
  }

  SimulatedClock clock_;
  std::shared_ptr<RocksDb> db_;
  std::unique_ptr<Committer> committer_;
};

TEST_F(CommitterTest, ConcurrentIncrementsAllCountAndShareSyncs) {
  constexpr int kThreads = 32;
  constexpr int kEach = 50;
  InThreads(kThreads, [this](int) {
    for (int i = 0; i < kEach; ++i) {
      ASSERT_OK(committer_->Update([](const View& view, Batch& batch) -> absl::Status {
        const auto old = view.Get(Family::kRecords, "counter");
        if (!old.ok()) return old.status();
        const int value = old->has_value() ? std::stoi(**old) : 0;
        batch.Put(Family::kRecords, "counter", std::to_string(value + 1));
        return absl::OkStatus();
      }));
    }
  });
  EXPECT_EQ(Stored("counter"), std::to_string(kThreads * kEach));
  const StoreStats stats = committer_->Stats();
  EXPECT_EQ(stats.commits, static_cast<uint64_t>(kThreads * kEach));
  EXPECT_LT(stats.groups, stats.commits);
  EXPECT_EQ(stats.syncs, stats.groups);
  EXPECT_EQ(stats.queue_length, 0u);
}

TEST_F(CommitterTest, OneFailureInAGroupDoesNotTouchTheOthers) {
  InThreads(16, [this](int t) {
    const auto result = committer_->Update([t](const View&, Batch& batch) {
      batch.Put(Family::kRecords, absl::StrCat("k", t), "v");
      return t % 2 == 0 ? absl::OkStatus() : absl::InternalError("no");
    });
    EXPECT_EQ(result.status(), t % 2 == 0 ? absl::OkStatus() : absl::InternalError("no"));
  });
  for (int t = 0; t < 16; ++t) {
    EXPECT_EQ(Stored(absl::StrCat("k", t)), t % 2 == 0 ? "v" : "(absent)");
  }
  EXPECT_EQ(committer_->last_revision(), Revision(8));
}

TEST_F(CommitterTest, SeveralOfOneCallerSeeEachOtherAndShareASync) {
  const auto append = [](const View& view, Batch& batch) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<std::string> old, view.Get(Family::kRecords, "k"));
    batch.Put(Family::kRecords, "k", old.value_or("") + std::to_string(batch.revision().value()));
    return absl::OkStatus();
  };
  const auto fails = [](const View&, Batch&) { return absl::AbortedError("no"); };
  std::vector<Updater::Asked> asked = {{append}, {fails}, {append}, {append}};
  committer_->UpdateEach(absl::MakeSpan(asked));
  EXPECT_EQ(asked[0].result.value(), Revision(1));
  EXPECT_EQ(asked[1].result.status(), absl::AbortedError("no"));
  EXPECT_EQ(asked[2].result.value(), Revision(2));
  EXPECT_EQ(asked[3].result.value(), Revision(3));
  EXPECT_EQ(Stored("k"), "123");
  EXPECT_EQ(committer_->Stats().groups, 1u);
  committer_->UpdateEach({});
}

TEST_F(CommitterTest, ManyOfSeveralCallersAreEachAnswered) {
  constexpr size_t kEach = 3 * limits::kCommitGroupMax + 1;
  InThreads(4, [this](int t) {
    const auto put = [t](const View&, Batch& batch) {
      batch.Put(Family::kRecords, absl::StrCat("k", t), std::to_string(batch.revision().value()));
      return absl::OkStatus();
    };
    std::vector<Updater::Asked> asked(kEach, {put});
    committer_->UpdateEach(absl::MakeSpan(asked));
    for (size_t i = 1; i < kEach; ++i) {
      ASSERT_OK(asked[i].result);
      EXPECT_GT(*asked[i].result, *asked[i - 1].result);
    }
    EXPECT_EQ(Stored(absl::StrCat("k", t)), std::to_string(asked.back().result->value()));
  });
  EXPECT_EQ(committer_->last_revision(), Revision(4 * kEach));
}

TEST_F(CommitterTest, WhatFindsNoPlaceInTheQueueIsRefusedAndNothingElse) {
  std::vector<Updater::Asked> asked(limits::kCommitQueueMax + 2, {Putting("k", "v")});
  committer_->UpdateEach(absl::MakeSpan(asked));
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(asked[i].result.ok(), i < limits::kCommitQueueMax) << i;
  }
  EXPECT_CODE(asked.back().result.status(), kResourceExhausted);
  EXPECT_EQ(asked.back().result.status().message(),
            "4096 changes are waiting to be written; try again");
}

TEST_F(CommitterTest, ListenerHearsEveryCommitInOrderBeforeTheAnswer) {
  std::atomic<uint64_t> heard{0};
  committer_->SetListener([&](absl::Span<const CommittedUpdate> group) {
    for (const CommittedUpdate& update : group) {
      EXPECT_EQ(update.revision.value(), heard.load() + 1);
      EXPECT_EQ(update.operations->size(), 1u);
      heard.store(update.revision.value());
    }
  });
  InThreads(8, [&](int) {
    for (int i = 0; i < 25; ++i) {
      const auto revision = committer_->Update(Putting("k", "v"));
      ASSERT_OK(revision);
      EXPECT_GE(heard.load(), revision->value());
    }
  });
  EXPECT_EQ(heard.load(), 200u);
}

TEST_F(CommitterTest, WaitForEndsAtTheRevisionOrTheDeadline) {
  std::thread waiter([&] { EXPECT_OK(committer_->WaitFor(Revision(1), absl::InfiniteFuture())); });
  ASSERT_OK(committer_->Update(Putting("k", "v")));
  waiter.join();
  EXPECT_OK(committer_->WaitFor(Revision(1), clock_.Now()));
  EXPECT_EQ(committer_->WaitFor(Revision(2), clock_.Now()),
            absl::DeadlineExceededError("revision 2 was not reached in time; the newest is 1"));
}

TEST_F(CommitterTest, FunctionsThatTakeTooLongAreCounted) {
  for (const int64_t nanos : {limits::kUpdateNanosMax, limits::kUpdateNanosMax + 1}) {
    ASSERT_OK(committer_->Update([&](const View&, Batch& batch) {
      clock_.AdvanceTime(absl::Nanoseconds(nanos));
      batch.Put(Family::kRecords, "k", "v");
      return absl::OkStatus();
    }));
  }
  EXPECT_EQ(committer_->Stats().slow_updates, 1u);
}

TEST_F(CommitterTest, CountsNoSyncsWhenItMakesNone) {
  ASSERT_OK(Start(/*sync=*/false));
  ASSERT_OK(committer_->Update(Putting("k", "v")));
  EXPECT_EQ(committer_->Stats().groups, 1u);
  EXPECT_EQ(committer_->Stats().syncs, 0u);
}

// At seal the keys go: no function may be in the middle of using them.
TEST_F(CommitterTest, TakingTheHasherAwayWaitsForWhatRuns) {
  std::atomic<bool> taken{false};
  std::thread sealer;
  EXPECT_OK(committer_->Update([&](const View&, Batch& batch) {
    sealer = std::thread([&] {
      committer_->SetHasher(nullptr);
      taken = true;
    });
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    EXPECT_FALSE(taken);
    batch.Put(Family::kRecords, "k", "v");
    return absl::OkStatus();
  }));
  sealer.join();
  EXPECT_EQ(committer_->hasher(), nullptr);
  EXPECT_EQ(committer_->Update(Putting("k", "w")).status(),
            absl::FailedPreconditionError("the vault is sealed; run: keyturn operator unseal"));
}

TEST_F(CommitterTest, ContinuesWhereTheLastOneEnded) {
  ASSERT_OK(committer_->Update(Putting("k", "v")));
  ASSERT_OK(Start());
  EXPECT_EQ(committer_->last_revision(), Revision(1));
  EXPECT_EQ(committer_->Update(Putting("k", "w")).value(), Revision(2));
}

TEST_F(CommitterTest, DoesNotStartOnBadBookkeeping) {
  const std::string accumulator = schema::AccumulatorKey(3);
  ASSERT_OK(committer_->Update(Putting(accumulator, "short", Family::kMeta)));
  EXPECT_EQ(Start(), absl::DataLossError("storage: an accumulator is cut short"));
  ASSERT_TRUE(db_->db().Put({}, db_->family(Family::kMeta), "revision", "short").ok());
  EXPECT_EQ(Start(), absl::DataLossError("storage: the revision is cut short"));
}

// Nobody knows what the disk holds after a failed write, so nothing is built on it.
TEST(CommitterFault, AFailedWriteStopsItForGood) {
  SetLogFd(-1);
  FaultDisk disk(1);
  const std::unique_ptr<rocksdb::Env> env = NewFaultEnv(disk);
  SimulatedClock clock;
  {
    ASSERT_OK_AND_ASSIGN(auto db, RocksDb::Open({.directory = "/db", .env = env.get()}));
    ASSERT_OK_AND_ASSIGN(const auto committer, Committer::Start(std::move(db), true, clock));
    committer->SetHasher(std::make_shared<SumHasher>());
    int heard = 0;
    committer->SetListener([&](absl::Span<const CommittedUpdate>) { ++heard; });
    ASSERT_OK(committer->Update(Putting("k", "v")));
    disk.FailAt(1, DiskFault::kError);
    const absl::Status stopped = committer->Update(Putting("k", "w")).status();
    ASSERT_TRUE(disk.fault_hit());
    EXPECT_CODE(stopped, kUnavailable);
    EXPECT_TRUE(absl::StartsWith(stopped.message(), "the store stopped after a failed write ("));
    EXPECT_TRUE(absl::EndsWith(stopped.message(), "); free the cause and restart keyturnd"));
    disk.ClearFault();
    bool ran = false;
    EXPECT_EQ(committer
                  ->Update([&](const View&, Batch&) {
                    ran = true;
                    return absl::OkStatus();
                  })
                  .status(),
              stopped);
    EXPECT_FALSE(ran);
    EXPECT_TRUE(committer->Stats().stopped);
    EXPECT_EQ(committer->Stats().commits, 1u);
    EXPECT_EQ(committer->last_revision(), Revision(1));
    EXPECT_EQ(heard, 1);
  }
  SetLogFd(2);
}

}  // namespace
}  // namespace keyturn
