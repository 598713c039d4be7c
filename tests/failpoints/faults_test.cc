// A fault at every file operation of a vault's life: an error, a torn write, a full or a read-only
// disk, no descriptors, a power cut. The step in which it comes fails soon, and after a restart the
// vault holds what was acknowledged, each change wholly or not at all, and goes on.
//
// All operations of erase and purge and a part of the others, which have tests of their own
// (tests/keyring, tests/crash), with one kind of fault each, another in each run.
// KEYTURN_FAULTS_EVERY=1 takes all operations and all kinds.
#include <gtest/gtest.h>

#include "tests/failpoints/lives.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

class FaultTest : public testing::Test {
 protected:
  static std::vector<uint64_t> CountOperations() {
    const TempDir directory;
    const Child::Result result = Child([&](const Report& report) {
                                   SetLogFd(-1);
                                   World world(EndBy::kPowerCut, 1, directory.path());
                                   for (const uint64_t n : world.CountOperations()) {
                                     report.Say(absl::StrCat(n));
                                   }
                                 }).Wait();
    std::vector<uint64_t> counts;
    for (const std::string& line : result.lines) {
      counts.push_back(0);
      EXPECT_TRUE(absl::SimpleAtoi(line, &counts.back())) << line;
    }
    return counts;
  }

  // `hit`: whether the fault came.
  static Problems Run(const FaultPlan& plan, bool lose, uint64_t seed, bool* hit) {
    const TempDir directory;
    const Said said(Child([&](const Report& report) {
                      SetLogFd(-1);
                      World world(EndBy::kPowerCut, seed, directory.path());
                      const Reached reached = world.LiveWithFault(plan, lose, report);
                      world.Check(reached, report);
                      report.Say(absl::StrCat("times ended ", reached.ended ? 1 : 0));
                    }).Wait());
    Problems problems = said.problems;
    const auto ended = said.reached.times.find("ended");
    *hit = ended != said.reached.times.end() && ended->second == 1;
    if (said.code != 0) problems.push_back(absl::StrCat("the life ended with ", said.code));
    return problems;
  }

  // Lives one vault with each of `plans`, of which every problem is a failure. Returns how many met
  // their fault.
  static int HitsOf(const std::vector<FaultPlan>& plans, uint64_t seed) {
    const std::vector<Life::Step> steps = life_steps::MakeSteps();
    return InShards(plans.size(), [&](size_t i, const Report& report) {
      const FaultPlan& plan = plans[i];
      bool hit = false;
      for (const std::string& problem : Run(plan, i % 2 == 0, seed + i, &hit)) {
        report.Say(absl::StrCat(steps[plan.step].name, ", operation ", plan.operation, ", fault ",
                                static_cast<int>(plan.fault), " (KEYTURN_SEED=", seed,
                                "): ", problem));
      }
      return hit ? 1 : 0;
    });
  }
  // Threads of RocksDB make the number of a step's operations differ a little from life to life.
  static bool EnoughAreHit(int hits, size_t plans) {
    return static_cast<size_t>(hits) * 10 >= plans * 9;
  }
};

TEST_F(FaultTest, AFaultAtAnyFileOperationLosesNothingAndGoesOn) {
  const uint64_t seed = TestSeed();
  const int every = TestCount("KEYTURN_FAULTS_EVERY", kSanitized ? 97 : 13);
  const std::vector<Life::Step> steps = life_steps::MakeSteps();
  const std::vector<uint64_t> counts = CountOperations();
  ASSERT_EQ(counts.size(), steps.size());
  std::vector<FaultPlan> plans;
  for (size_t step = 0; step < steps.size(); ++step) {
    const bool all = !kSanitized && (steps[step].name == "purge" || steps[step].name[0] == 'e');
    constexpr size_t kKinds = std::size(kDiskFaults);
    for (uint64_t n = 1; n <= counts[step]; ++n) {
      if (!all && (n + seed) % every != 0) continue;
      for (size_t kind = 0; kind < kKinds; ++kind) {
        if (every == 1 || kind == (n + seed) % kKinds) {
          plans.push_back({step, n, kDiskFaults[kind]});
        }
      }
    }
  }
  const int hits = HitsOf(plans, seed);
  EXPECT_TRUE(EnoughAreHit(hits, plans.size())) << hits << " of " << plans.size();
  uint64_t operations = 0;
  for (const uint64_t count : counts) operations += count;
  std::printf("%d of %zu lives met their fault; a life has %d file operations\n", hits,
              plans.size(), static_cast<int>(operations));
}

// A disk on which no fault ever comes: every life passes, and shows nothing.
TEST_F(FaultTest, MutantDiskThatNeverFailsIsFound) {
  constexpr uint64_t kNever = uint64_t{1} << 40;
  std::vector<FaultPlan> plans;
  for (const DiskFault fault : kDiskFaults) plans.push_back({0, kNever, fault});
  const int hits = HitsOf(plans, TestSeed());
  EXPECT_EQ(hits, 0);
  EXPECT_FALSE(EnoughAreHit(hits, plans.size()));
}

}  // namespace
}  // namespace keyturn
