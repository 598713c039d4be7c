// What has fallen due is done by several threads, each on several secrets.
#include <atomic>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

// Works for all. A hook is called by each Apply, without a lock.
class HookedTarget : public Driver {
 public:
  absl::StatusOr<bool> Probe(const DriverCall&, const SecretBytes&) override { return false; }
  absl::Status Apply(const DriverCall& call, const SecretBytes&, const SecretBytes&) override {
    {
      const absl::MutexLock lock(&mu);
      ++applied[call.path];
    }
    return hook ? hook(call.path) : absl::OkStatus();
  }
  absl::Status Test(const DriverCall&, const SecretBytes&) override { return absl::OkStatus(); }
  absl::Status ArmExpiry(const DriverCall&, const SecretBytes&, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status Disarm(const DriverCall&, const SecretBytes&) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall&, const SecretBytes&) override {
    return 0;
  }
  absl::Status Retire(const DriverCall&, const SecretBytes&) override { return absl::OkStatus(); }
  absl::StatusOr<bool> VerifyDead(const DriverCall&, const SecretBytes&) override { return true; }

  std::function<absl::Status(const std::string& path)> hook;
  absl::Mutex mu;
  absl::flat_hash_map<std::string, int> applied ABSL_GUARDED_BY(mu);
};

class RotationWorkersTest : public RotationFixture {
 protected:
  static constexpr int kSecrets = 8;

  RotationWorkersTest() {
    workers_ = 4;
    target_ = &hooked_;
    Open();
    absl::Time next;
    EXPECT_OK(rotation_->RunDue(&next));
    for (int i = 0; i < kSecrets; ++i) {
      EXPECT_OK(Put(Path(i), "first", v1::KIND_API_KEY));
      EXPECT_OK(SetPolicy(Path(i), Exact()));
    }
    EXPECT_OK(RunDue());
    Pass(Days(90) - absl::Hours(1));
    clock_.AdvanceTime(absl::Hours(1));  // all of them are due
  }
  static std::string Path(int i) { return absl::StrCat("d/k", i); }
  int Count(const std::string& event) {
    const absl::MutexLock lock(&events_mu_);
    return static_cast<int>(std::count_if(events_.begin(), events_.end(), [&](const auto& line) {
      return absl::StartsWith(line, event + " ");
    }));
  }

  HookedTarget hooked_;
};

TEST_F(RotationWorkersTest, SeveralSecretsAreWorkedOnAtOnce) {
  absl::Mutex mu;
  int inside = 0;
  hooked_.hook = [&](const std::string&) {
    const absl::MutexLock lock(&mu);
    ++inside;
    const bool met = mu.AwaitWithTimeout(absl::Condition(
                                             +[](int* there) { return *there >= 4; }, &inside),
                                         absl::Seconds(60));
    return met ? absl::OkStatus() : absl::InternalError("alone");
  };
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  EXPECT_EQ(Count("rotation_blocked"), 0);
  ExpectClean();
}

TEST_F(RotationWorkersTest, WhatAWorkerChangesIsWrittenTogether) {
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  const absl::MutexLock lock(&events_mu_);
  EXPECT_EQ(together_, static_cast<size_t>(kSecrets / workers_));
}

// Of those that are written together one is another by then: it alone is looked at again.
TEST_F(RotationWorkersTest, OneThatIsChangedMeanwhileHoldsUpNoOther) {
  std::atomic<bool> changes{true};
  hooked_.hook = [&](const std::string& path) {
    if (changes.exchange(false)) EXPECT_OK(Cancel(path));
    return absl::OkStatus();
  };
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_applied"), kSecrets - 1);
  EXPECT_EQ(Count("rotation_promoted"), kSecrets - 1);
  EXPECT_EQ(Count("rotation_failed"), 0);
  clock_.AdvanceTime(Days(1));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  ExpectClean();
}

TEST_F(RotationWorkersTest, NothingIsDoneTwice) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_OK(RunDue());
    Pass(Days(89));
    clock_.AdvanceTime(Days(1));
  }
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets * 6);
  EXPECT_EQ(Count("rotation_started"), kSecrets * 6);
  const absl::MutexLock lock(&hooked_.mu);
  for (const auto& [path, times] : hooked_.applied) EXPECT_EQ(times, 6) << path;
}

TEST_F(RotationWorkersTest, ASecretThatSomebodyElseWorksOnIsLeftToThem) {
  std::atomic<bool> meets{true};
  std::thread other;
  hooked_.hook = [&](const std::string& path) {
    if (!meets.exchange(false)) return absl::OkStatus();
    // While its rotation is under way, somebody asks for it: that is the same one.
    other = std::thread([this, path] { EXPECT_OK(Rotate(path).status()); });
    other.join();
    return absl::OkStatus();
  };
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
}

// The schedule sees a change as soon as it is durable. Who asked for it gets the answer of after
// it is done, also if it is not the one who does it.
TEST_F(RotationWorkersTest, WhoAsksWhileTheScheduleIsAtItIsAnsweredWhenItIsDone) {
  ASSERT_OK(RunDue());
  target_ = nullptr;
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> ends{false};
    std::thread schedule([this, &ends] {
      while (!ends) EXPECT_OK(RunDue());
    });
    for (int i = 0; i < kSecrets; ++i) {
      const auto status = Rotate(Path(i));
      EXPECT_OK(status);
      if (!status.ok()) continue;
      EXPECT_EQ(status->current_version(), 3u + static_cast<uint64_t>(round)) << i;
      EXPECT_FALSE(status->has_open_run()) << i;
    }
    ends = true;
    schedule.join();
    clock_.AdvanceTime(Days(8));
    ASSERT_OK(RunDue());
  }
}

TEST_F(RotationWorkersTest, OneThatFailsHoldsUpNoOther) {
  const std::string bad = schema::SecretMetadataKey(IdOf(Path(3)));
  const std::string before = **store_->Newest().Get(Family::kRecords, bad);
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, bad, "no record");
    return absl::OkStatus();
  }));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets - 1);
  EXPECT_EQ(rotation_->stats().secrets_failing, 1u);
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, bad, before);
    return absl::OkStatus();
  }));
  clock_.AdvanceTime(absl::Hours(2));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  EXPECT_EQ(rotation_->stats().secrets_failing, 0u);
}

TEST_F(RotationWorkersTest, AnErrorOfTheMachineEndsTheRound) {
  die_at_ = 5;
  absl::Time next;
  EXPECT_TRUE(absl::IsUnavailable(rotation_->RunDue(&next).status()));
  EXPECT_EQ(rotation_->stats().secrets_failing, 0u) << "it is of no secret";
  dead_ = false;
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  ExpectClean();
}

TEST_F(RotationWorkersTest, ASealInTheMiddleLeavesTheRestForTheNextUnseal) {
  std::atomic<int> calls{0};
  hooked_.hook = [&](const std::string&) {
    if (calls.fetch_add(1) == 2) {
      store_->SetRecordHasher(nullptr);
      rotation_->OnSealed();
      keyring_->Seal();
    }
    return absl::OkStatus();
  };
  absl::Time next;
  EXPECT_FALSE(rotation_->RunDue(&next).ok());
  EXPECT_LT(Count("rotation_promoted"), kSecrets);
  hooked_.hook = nullptr;
  ASSERT_OK(keyring_->UnsealWithPassphrase(*SecretBytes::CopyOf(kTestPassphrase),
                                           store_->LastRevision()));
  Open();
  ASSERT_OK(RunDue());
  EXPECT_EQ(Count("rotation_promoted"), kSecrets);
  EXPECT_EQ(Count("rotation_started"), kSecrets) << "what was begun goes on";
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
