// The real keyturnd, written to by several clients at once and killed with SIGKILL at a random
// moment, again and again: every write that was acknowledged is there with its value and its audit
// entry, none is there by half, and the vault's own checks find nothing; and renames, deletions,
// policies, tokens and the key-encryption key are as after the last that was acknowledged, or the
// one under way. The seed is printed; KEYTURN_SEED runs it again (the moments stay the
// scheduler's), KEYTURN_CRASH_CYCLES runs longer.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/crash/crash_world.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

constexpr int kCyclesPerVault = 100;  // the checks read the whole vault

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    random_.seed(TestSeed());
    NewVault();
    ASSERT_TRUE(world_->process().available()) << "KEYTURN_BIN must name keyturnd's directory";
  }
  // A directory that shows a fault is worth a look.
  void TearDown() override {
    if (!HasFailure()) return;
    const std::string kept = dir_->path() + "-failed";
    std::error_code ignored;
    world_->process().Kill();
    std::filesystem::rename(dir_->path(), kept, ignored);
    std::printf("the vault is in %s\n", kept.c_str());
  }

  void NewVault() {
    world_.reset();
    dir_ = std::make_unique<TempDir>();
    world_ = std::make_unique<CrashWorld>(dir_->path(), random_());
  }

  // Writers at work, a kill, perhaps some more while it starts again, and a look at what is left.
  std::vector<std::string> Cycle(bool everything) {
    const auto count = static_cast<uint64_t>(1 + random_() % 120);
    const absl::Duration moment = absl::Microseconds(static_cast<int64_t>(random_() % 3000));
    world_->Shuffle();
    std::vector<std::string> problems = world_->WriteAndKill(count, moment);
    for (uint64_t more = random_() % 4 == 0 ? 1 + random_() % 2 : 0; more > 0; --more) {
      const absl::Status started = world_->process().StartAndKill(static_cast<int>(random_() % 60));
      if (!started.ok()) problems.push_back(started.ToString());
      ++killed_at_start_;
    }
    if (const absl::Status started = world_->Restart(); !started.ok()) {
      problems.push_back(started.ToString());
      return problems;
    }
    for (std::string& problem : world_->Check(everything)) problems.push_back(std::move(problem));
    return problems;
  }

  std::mt19937_64 random_;
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<CrashWorld> world_;
  int killed_at_start_ = 0;
};

TEST_F(KillTest, WhatWasAcknowledgedSurvivesAndNothingIsHalf) {
  const int cycles = TestCount("KEYTURN_CRASH_CYCLES", kSanitized ? 20 : 200);
  uint64_t acknowledged = 0, changes = 0, turns = 0, rotations = 0, credentials = 0;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    if (cycle % kCyclesPerVault == 0) {
      if (cycle > 0) NewVault();
      ASSERT_OK(world_->Begin());
    }
    const bool last = (cycle + 1) % kCyclesPerVault == 0 || cycle + 1 == cycles;
    const std::vector<std::string> problems = Cycle(last);
    ASSERT_TRUE(problems.empty()) << "cycle " << cycle << ": " << problems.size()
                                  << " problems, the first: " << problems[0];
    if (last) acknowledged += world_->ledger().acknowledged();
    if (last) changes += world_->life().acknowledged();
    if (last) rotations += world_->rotations().acknowledged();
    if (last) credentials += world_->credentials().acknowledged();
    if (last) turns += world_->life().kek_term() - 1;
  }
  std::printf(
      "%d cycles, %llu acknowledged writes and %llu other changes, %llu turns of the keys, %llu "
      "rotations, %llu changes of credentials, %d more kills while it started\n",
      cycles, static_cast<unsigned long long>(acknowledged),
      static_cast<unsigned long long>(changes), static_cast<unsigned long long>(turns),
      static_cast<unsigned long long>(rotations), static_cast<unsigned long long>(credentials),
      killed_at_start_);
  EXPECT_GE(acknowledged, static_cast<uint64_t>(cycles));
  EXPECT_GE(changes, static_cast<uint64_t>(cycles) / 2);
  EXPECT_GE(rotations, static_cast<uint64_t>(cycles) / 2);
  EXPECT_GE(credentials, static_cast<uint64_t>(cycles) / 2);
  EXPECT_GE(turns, static_cast<uint64_t>(cycles) / 20);
}

// A server that lost writes: the store of an earlier moment is put back while it is down. Its own
// audit log gives that away; told to go on, it shows what the check would say.
TEST_F(KillTest, MutantWithAnOlderStoreIsFound) {
  ASSERT_OK(world_->Begin());
  ASSERT_EQ(Cycle(true), std::vector<std::string>{});
  world_->process().Kill();
  const auto recursive = std::filesystem::copy_options::recursive;
  const std::string store = world_->process().File("data/store");
  const std::string older = world_->process().File("older");
  std::filesystem::copy(store, older, recursive);
  ASSERT_OK(world_->Restart());
  world_->Shuffle();
  ASSERT_OK(world_->ChangeForGood());
  ASSERT_EQ(world_->WriteAndKill(20, absl::ZeroDuration(), CrashWorld::Workers::kWritersOnly),
            std::vector<std::string>{});
  std::filesystem::remove_all(store);
  std::filesystem::copy(older, store, recursive);
  const absl::Status refused = world_->Restart();
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("but the store ends at "));
  ASSERT_OK(world_->Restart({"--accept-rollback", "the test did this"}));
  const std::vector<std::string> problems = world_->Check(true);
  EXPECT_THAT(problems, testing::Contains(testing::HasSubstr("was acknowledged")));
  EXPECT_THAT(problems, testing::Contains(testing::StartsWith("life: there is ")));
}

// A copy of the whole directory agrees with itself: store, keys and audit log are of one moment.
// Only the anchor, which lies elsewhere, has seen more.
TEST_F(KillTest, AnOlderDirectoryThatIsPutBackIsNotUnsealed) {
  ASSERT_OK(world_->Begin());
  ASSERT_EQ(Cycle(true), std::vector<std::string>{});
  KeyturndProcess& process = world_->process();
  process.Kill();
  const auto recursive = std::filesystem::copy_options::recursive;
  const std::string data = process.File("data");
  const std::string older = process.File("older");
  std::filesystem::remove(process.File("data/operator.sock"));
  std::filesystem::copy(data, older, recursive);
  ASSERT_OK(world_->Restart());
  ASSERT_OK(world_->ChangeForGood());
  process.Kill();
  ASSERT_OK(world_->Restart());  // this unseal moves the anchor
  process.Kill();

  const std::string newer = process.File("newer");
  std::filesystem::rename(data, newer);
  std::filesystem::copy(older, data, recursive);
  ASSERT_OK(process.Start());
  EXPECT_THAT(process.Log(), testing::HasSubstr("the vault was not unsealed"));
  ClientOptions local;
  local.address = "unix:" + process.operator_socket();
  ASSERT_OK_AND_ASSIGN(const auto client, Client::Connect(local));
  v1::UnsealRequest unseal;
  unseal.set_key_file(true);
  const absl::Status refused = client->Unseal(unseal).status();
  EXPECT_CODE(refused, kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("but the rollback anchor "));
  const auto status = client->Status({});
  ASSERT_OK(status);
  EXPECT_TRUE(status->sealed());
  process.Kill();

  // The same with the newest one opens, so it was its age.
  std::filesystem::remove_all(data);
  std::filesystem::rename(newer, data);
  ASSERT_OK(world_->Restart());
  EXPECT_EQ(world_->Check(true), std::vector<std::string>{});
}

// And of one that acknowledged a write which it never made, or made with another value.
TEST_F(KillTest, MutantThatAcknowledgesTooMuchIsFound) {
  ASSERT_OK(world_->Begin());
  ASSERT_EQ(Cycle(true), std::vector<std::string>{});
  const std::string path = world_->ledger().paths()[0];
  const Ledger::Secret secret = world_->ledger().secret(path);
  world_->ledger().SettleValue(path, secret.rbegin()->first, "another value");
  EXPECT_THAT(world_->Check(true), testing::Contains(testing::HasSubstr("has a wrong value")));
  world_->ledger().Acknowledge(path, secret.rbegin()->first + 1, "never sent", 0);
  EXPECT_THAT(world_->Check(true), testing::Contains(testing::HasSubstr("was acknowledged")));
}

// And of rotations: one that was never made, and another value of a version that was served.
TEST_F(KillTest, MutantThatLosesARotationIsFound) {
  ASSERT_OK(world_->Begin());
  ASSERT_EQ(Cycle(true), std::vector<std::string>{});
  RotationWorker::Secret& secret = world_->rotations().first();
  secret.current += 1;
  EXPECT_THAT(world_->Check(true), testing::Contains(testing::HasSubstr("acknowledged was ")));
  secret.current -= 1;
  secret.values[secret.current] = "another value";
  EXPECT_THAT(world_->Check(true), testing::Contains(testing::HasSubstr("has a wrong value")));
}

// And of credentials: one that was ended, and works again.
TEST_F(KillTest, MutantThatForgetsAnEndIsFound) {
  ASSERT_OK(world_->Begin());
  for (int cycle = 0; cycle < 40; ++cycle) {
    ASSERT_EQ(Cycle(false), std::vector<std::string>{});
    if (world_->credentials().ForgetAnEnd()) break;
  }
  EXPECT_THAT(world_->Check(false), testing::Contains(testing::HasSubstr("does not work")));
}

}  // namespace
}  // namespace keyturn
