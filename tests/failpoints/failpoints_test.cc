// Every failpoint of the source, reached again and again in the life of a vault that ends there: by
// kill -9, where the files are the machine's, or by a power cut, where they lose what was not
// synced. After a restart the vault holds what was acknowledged, each change wholly or not at all,
// with its audit entry; it verifies, and every operation can go on.
//
// KEYTURN_FAILPOINT=name tries one, KEYTURN_FAILPOINT_RUNS says how often each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/failpoints/lives.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// Reached only when a vault recovers from an end at another one.
struct Recovery {
  Place first;
  bool by_loss = false;  // and only when that lost something: not at every power cut, after no kill
};
const std::map<std::string, Recovery>& Recoveries() {
  static const auto* const places = new std::map<std::string, Recovery>{
      {"keyring/copies-evened", {{"keyring/copy-written", 3}, false}},
      {"audit/torn-entry-cut", {{"audit/frames-written", 7}, true}},
  };
  return *places;
}

std::vector<std::string> NamesInSource() {
  std::vector<std::string> names;
  const std::regex call("KEYTURN_FAILPOINT\\(\"([^\"]+)\"\\)");
  for (const char* const room : {"base", "crypto", "storage", "keyring", "vault", "auth", "audit",
                                 "server", "net", "rotation/usage"}) {
    const std::string folder = absl::StrCat(std::getenv("KEYTURN_SOURCE"), "/", room);
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() != ".cc") continue;
      std::stringstream text;
      text << std::ifstream(file.path()).rdbuf();
      const std::string source = text.str();
      for (std::sregex_iterator it(source.begin(), source.end(), call), end; it != end; ++it) {
        names.push_back((*it)[1]);
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class FailpointTest : public testing::Test {
 protected:
  static constexpr char kNotReached[] = "the failpoint was not reached";

  // How often a whole life reaches each failpoint.
  static std::map<std::string, int> Census() {
    const TempDir directory;
    const Said said(Child([&](const Report& report) {
                      SetLogFd(-1);
                      World world(EndBy::kPowerCut, 1, directory.path());
                      for (const auto& [name, n] : world.Live({}, report).times) {
                        report.Say(absl::StrCat("times ", name, " ", n));
                      }
                    }).Wait());
    EXPECT_EQ(said.code, 0);
    for (const std::string& problem : said.problems) ADD_FAILURE() << problem;
    return said.reached.times;
  }

  // `runs` lives that are ended at this failpoint: from the first time to the last, evenly, by a
  // kill and by a power cut in turn. Returns how many were.
  static int EndAt(const std::string& name, int times, int runs, uint64_t seed,
                   const Report& report) {
    const auto found = Recoveries().find(name);
    const Recovery recovery = found == Recoveries().end() ? Recovery() : found->second;
    int done = 0;
    for (int tries = 0; done < runs && tries < 20 * runs; ++tries) {
      const EndBy by = done % 2 == 0 && !recovery.by_loss ? EndBy::kKill : EndBy::kPowerCut;
      const Place place = {name, 1 + (done / 2) * times / ((runs + 1) / 2) % times};
      const TempDir directory;
      const Problems problems =
          by == EndBy::kKill ? RunKill(recovery.first, place, directory.path())
                             : RunPowerCut(recovery.first, place, seed + tries, directory.path());
      if (problems == Problems{kNotReached} && recovery.by_loss) continue;
      // The audit log syncs as often as there is time for it: on a busy machine, less often.
      if (problems == Problems{kNotReached} && place.nth > 1) {
        times = place.nth - 1;
        continue;
      }
      ++done;
      for (const std::string& problem : problems) {
        report.Say(absl::StrCat(name, " time ", place.nth,
                                by == EndBy::kKill ? ", kill" : ", power cut",
                                " (KEYTURN_SEED=", seed, "): ", problem));
      }
    }
    return done;
  }

  // Programs that are as they should be, and faults of one that the runs must find.
  enum class Program { kReal, kAcknowledgesEarly, kLiesAboutSyncs };

  static Problems RunKill(const Place& first, const Place& place, const std::string& directory,
                          Program program = Program::kReal) {
    const auto child = [&](const std::function<void(World&, const Report&)>& body) {
      return Said(Child([&](const Report& report) {
                    SetLogFd(-1);
                    World world(EndBy::kKill, 0, directory);
                    body(world, report);
                  }).Wait());
    };
    const bool recovers = !first.name.empty();
    Said said = child(
        [&](World& world, const Report& report) { world.Live(recovers ? first : place, report); });
    Problems problems = said.problems;
    if (said.code != -SIGKILL) problems.push_back(kNotReached);
    Reached reached = said.reached;
    if (program == Program::kAcknowledgesEarly) reached.acknowledged = true;
    if (recovers) {
      said = child([&](World& world, const Report& report) { world.Recover(place, report); });
      problems.insert(problems.end(), said.problems.begin(), said.problems.end());
      if (said.code != -SIGKILL) problems.push_back(kNotReached);
    }
    said = child([&](World& world, const Report& report) { world.Check(reached, report); });
    problems.insert(problems.end(), said.problems.begin(), said.problems.end());
    if (said.code != 0) problems.push_back(absl::StrCat("the check ended with ", said.code));
    return problems;
  }

  static Problems RunPowerCut(const Place& first, const Place& place, uint64_t seed,
                              const std::string& directory, Program program = Program::kReal) {
    const Said said(Child([&](const Report& report) {
                      SetLogFd(-1);
                      World world(EndBy::kPowerCut, seed, directory);
                      if (program == Program::kLiesAboutSyncs) world.disk().LieAboutSyncs();
                      const bool recovers = !first.name.empty();
                      const Reached reached = world.Live(recovers ? first : place, report);
                      const bool again = !recovers || world.Recover(place, report).ended;
                      if (!reached.ended || !again) report.Say(kNotReached);
                      world.Check(reached, report);
                    }).Wait());
    Problems problems = said.problems;
    if (said.code != 0) problems.push_back(absl::StrCat("the life ended with ", said.code));
    return problems;
  }
};

TEST_F(FailpointTest, MutantThatAcknowledgesBeforeItIsDurableIsFound) {
  int found = 0;
  for (const int nth : {4, 6, 8}) {  // writes of secrets
    const TempDir directory;
    found +=
        RunKill({}, {"storage/group-ready", nth}, directory.path(), Program::kAcknowledgesEarly)
                .empty()
            ? 0
            : 1;
  }
  EXPECT_EQ(found, 3);
}

TEST_F(FailpointTest, MutantWhoseDiskLiesAboutSyncsIsFound) {
  int found = 0;
  constexpr int kLives = 12;
  for (int life = 0; life < kLives; ++life) {
    const TempDir directory;
    const Problems problems = RunPowerCut({}, {"storage/group-published", 9}, life + 1,
                                          directory.path(), Program::kLiesAboutSyncs);
    found += problems.empty() ? 0 : 1;
  }
  EXPECT_GT(found, kLives / 2);
}

TEST_F(FailpointTest, TheirNamesAreUniqueAndOfTheirRooms) {
  const std::vector<std::string> names = NamesInSource();
  EXPECT_GE(names.size(), 40u);
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    EXPECT_TRUE(std::regex_match(name, std::regex("[a-z]+/[a-z]+(-[a-z]+)*"))) << name;
  }
}

TEST_F(FailpointTest, AVaultThatEndsAtAnyOfThemLosesNothingAndGoesOn) {
  const uint64_t seed = TestSeed();
  const int runs = TestCount("KEYTURN_FAILPOINT_RUNS", kSanitized ? 2 : 20);
  const char* const only = std::getenv("KEYTURN_FAILPOINT");
  std::map<std::string, int> times = Census();
  for (const auto& [name, recovery] : Recoveries()) times[name] = 1;
  std::vector<std::string> names;
  for (const std::string& name : NamesInSource()) {
    if (only != nullptr && name != only) continue;
    EXPECT_EQ(times.count(name), 1u) << "no life reaches " << name;
    if (times.count(name) == 1) names.push_back(name);
  }
  const int done = InShards(names.size(), [&](size_t i, const Report& report) {
    return EndAt(names[i], times.at(names[i]), runs, seed + i * 1000, report);
  });
  EXPECT_EQ(done, static_cast<int>(names.size()) * runs);
  std::printf("%zu failpoints, %d lives ended at one\n", names.size(), done);
}

}  // namespace
}  // namespace keyturn
