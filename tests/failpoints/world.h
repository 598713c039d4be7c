// One life of a vault, ended at a failpoint by a kill or by a power cut, and what is found after
// it. Everything but the constructor runs in children (children.h).
#pragma once

#include <csignal>
#include <map>
#include <set>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/reason.h"
#include "tests/failpoints/children.h"
#include "tests/failpoints/steps.h"
#include "tests/support/fault_files.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {

enum class EndBy { kKill, kPowerCut };

// The nth time that a failpoint is reached.
struct Place {
  std::string name;
  int nth = 1;
};

// The nth file operation from the beginning of a step on.
struct FaultPlan {
  size_t step = 0;
  uint64_t operation = 1;
  DiskFault fault = DiskFault::kError;
};

// How far a life came.
struct Reached {
  int begun = -1;             // the last step that was begun; -1: not even the first
  bool acknowledged = false;  // ... and answered OK
  bool ended = false;         // by the failpoint
  std::map<std::string, int> times;
};

class World {
 public:
  World(EndBy by, uint64_t seed, const std::string& directory) : by_(by), disk_(seed) {
    options_.key_file = directory + "/unseal.key";
    options_.argon2 = {1, 64 * 1024};
    const std::string root = by == EndBy::kKill ? directory : "";
    options_.directory = root + "/data";
    options_.anchor_file = root + "/anchor/anchor.ktn";
    FileSystem* const files = &FileSystem::Posix();
    if (by == EndBy::kPowerCut) {
      EXPECT_OK(NewFaultFileSystem(disk_)->CreateDirectory("/anchor", 0700));
    } else {
      EXPECT_OK(files->CreateDirectory(root + "/anchor", 0700));
    }
  }

  FaultDisk& disk() { return disk_; }

  // Runs steps until one of them reaches `place`; with an empty place, all.
  Reached Live(const Place& place, const Report& report) {
    Reached reached;
    Watch(place, &reached);
    {
      Life life([this] { return NewMachine(); });
      absl::Status status = life.machine().Start();
      const std::vector<Life::Step> steps = life_steps::MakeSteps();
      for (size_t i = 0; i < steps.size() && status.ok() && !reached.ended; ++i) {
        report.Say(absl::StrCat("begun ", i));
        reached.begun = static_cast<int>(i);
        reached.acknowledged = false;
        status = steps[i].run(life);
        reached.acknowledged = status.ok();
        if (!status.ok() && !reached.ended) {
          report.Say(absl::StrCat("problem ", steps[i].name, ": ", status.ToString()));
        }
      }
    }
    SetFailpointHook(nullptr);
    return reached;
  }

  // Runs steps until one fails, with a fault of the disk in one of them. What comes after the fault
  // takes no longer than a caller has patience. With `lose`, the power is cut in the end.
  Reached LiveWithFault(const FaultPlan& plan, bool lose, const Report& report) {
    Reached reached;
    lose_ = lose || plan.fault == DiskFault::kPowerOff;
    {
      Life life([this] { return NewMachine(); });
      absl::Status status = life.machine().Start();
      const std::vector<Life::Step> steps = life_steps::MakeSteps();
      for (size_t i = 0; i < steps.size() && status.ok(); ++i) {
        if (i == plan.step) disk_.FailAt(plan.operation, plan.fault);
        const absl::Time begun = Clock::Real().Now();
        status = steps[i].run(life);
        reached.begun = static_cast<int>(i);
        reached.acknowledged = status.ok();
        if (status.ok() || Clock::Real().Now() - begun < kPatience) continue;
        report.Say(absl::StrCat("problem ", steps[i].name, " failed only after ",
                                absl::FormatDuration(Clock::Real().Now() - begun)));
      }
      reached.ended = disk_.fault_hit();
      if (!status.ok() && !reached.ended) report.Say("problem " + status.ToString());
      if (lose_) disk_.PowerOff();
    }
    disk_.ClearFault();
    return reached;
  }

  // Changing file operations of each step.
  std::vector<uint64_t> CountOperations() {
    std::vector<uint64_t> counts;
    Life life([this] { return NewMachine(); });
    EXPECT_OK(life.machine().Start());
    for (const Life::Step& step : life_steps::MakeSteps()) {
      const uint64_t before = disk_.operations();
      EXPECT_OK(step.run(life));
      counts.push_back(disk_.operations() - before);
    }
    return counts;
  }

  // As a server that is started again, and ends at `place` once more.
  Reached Recover(const Place& place, const Report& report) {
    PowerOn();
    Reached reached;
    Watch(place, &reached);
    {
      Life life([this] { return NewMachine(); });
      const absl::Status status = Resume(life);
      if (!status.ok() && !reached.ended) report.Say("problem recovery: " + status.ToString());
    }
    SetFailpointHook(nullptr);
    return reached;
  }

  // Starts once more and looks at everything.
  void Check(const Reached& reached, const Report& report) {
    PowerOn();
    const auto problem = [&](auto... what) { report.Say(absl::StrCat("problem ", what...)); };
    Life life([this] { return NewMachine(); });
    const absl::Status resumed = Resume(life);
    if (reached.begun <= 0 && !reached.acknowledged) return CheckInit(life, resumed, problem);
    if (!resumed.ok()) return problem("it does not open: ", resumed.ToString());
    const bool after = CheckReads(life, reached, problem);
    CheckEntries(life, reached, after, problem);
    CheckVerifies(life, problem);
    CheckGoesOn(life, problem);
  }

 private:
  static constexpr absl::Duration kPatience = absl::Seconds(kSanitized ? 20 : 2);

  std::unique_ptr<Machine> NewMachine() {
    auto machine = by_ == EndBy::kKill ? std::make_unique<Machine>(options_)
                                       : std::make_unique<Machine>(disk_, options_);
    machine->audit_options.segment_bytes_max = 4096;  // so that many are begun
    machine->audit_options.sync_reads = true;
    return machine;
  }

  void PowerOn() {
    if (by_ == EndBy::kPowerCut && lose_) disk_.PowerOn();
  }

  void Watch(const Place& place, Reached* reached) {
    SetFailpointHook([this, place, reached](absl::string_view name) {
      const absl::MutexLock lock(&mu_);
      if (++reached->times[std::string(name)] != place.nth || name != place.name) return;
      if (by_ == EndBy::kKill) raise(SIGKILL);
      disk_.PowerOff();
      reached->ended = true;
    });
  }

  static absl::Status Resume(Life& life) {
    RETURN_IF_ERROR(life.machine().Start());
    if (!life.machine().keyring->status().initialized) return absl::OkStatus();
    RETURN_IF_ERROR(life.machine().Unseal());
    return life.machine().Turn();
  }

  // An init that was not acknowledged: nothing, all, or named as unfinished.
  template <typename Problem>
  static void CheckInit(Life& life, const absl::Status& resumed, const Problem& problem) {
    if (ReasonOf(resumed) == "INIT_INCOMPLETE") return;
    if (!resumed.ok()) return problem("after init it does not open: ", resumed.ToString());
    if (!life.machine().keyring->status().initialized) {
      const absl::Status again = life.machine().Init("");
      if (!again.ok()) return problem("a second init fails: ", again.ToString());
    }
    CheckVerifies(life, problem);
    CheckGoesOn(life, problem);
  }

  static std::set<std::string> Paths() {
    Model model;
    std::set<std::string> paths;
    for (const Life::Step& step : life_steps::MakeSteps()) {
      step.change(model);
      for (const auto& [path, value] : model) paths.insert(path);
    }
    return paths;
  }

  // Returns whether the last step's change is there; false also when it changes no reads.
  template <typename Problem>
  static bool CheckReads(Life& life, const Reached& reached, const Problem& problem) {
    const std::vector<Life::Step> steps = life_steps::MakeSteps();
    Model before;
    for (int i = 0; i < reached.begun; ++i) steps[i].change(before);
    Model after = before;
    steps[reached.begun].change(after);
    Model found;
    for (const std::string& path : Paths()) {
      const std::string value = life.Get(path);
      if (value != "NOT_FOUND") found[path] = value;
    }
    if (found != after && (reached.acknowledged || found != before)) {
      problem("after step ", reached.begun, " (", steps[reached.begun].name,
              reached.acknowledged ? ", acknowledged)" : ")", " it reads: ", Text(found));
    }
    return found == after && before != after;
  }
  static std::string Text(const Model& model) {
    std::string out;
    for (const auto& [path, value] : model) {
      absl::StrAppend(&out, path, "=", value.substr(0, value.find('v')), "; ");
    }
    return out;
  }

  // One for each change that is there, none for one that is not.
  template <typename Problem>
  static void CheckEntries(Life& life, const Reached& reached, bool after, const Problem& problem) {
    const std::vector<Life::Step> steps = life_steps::MakeSteps();
    const auto found = life.Entries();
    if (!found.ok()) return problem("audit: ", found.status().ToString());
    for (int i = 0; i <= reached.begun; ++i) {
      if (steps[i].entries < 0) continue;
      const auto its = found->find(steps[i].name);
      const int count = its == found->end() ? 0 : its->second;
      const bool last = i == reached.begun && !reached.acknowledged;
      // A read's entry may be there though it was not answered.
      const bool may_be = last && steps[i].name == "read";
      const int expected = last && !after ? 0 : steps[i].entries;
      if (count != expected && !(may_be && count == 1)) {
        problem("step ", i, " (", steps[i].name, ") has ", count, " audit entries");
      }
    }
  }

  template <typename Problem>
  static void CheckVerifies(Life& life, const Problem& problem) {
    for (const std::string& one : life.machine().Problems()) problem("verify: ", one);
  }

  // What was cut off is over: every operation works again.
  template <typename Problem>
  static void CheckGoesOn(Life& life, const Problem& problem) {
    const absl::Status put = life.Put("go on", "on/we/go", "on");
    if (!put.ok()) problem("no more puts: ", put.ToString());
    if (life.Get("on/we/go") != "on") problem("what is put now does not read");
    const absl::Status rekeyed = life.Rekey(true);
    if (!rekeyed.ok()) problem("no more changes of the root key: ", rekeyed.ToString());
    const absl::Status restarted = life.Restart();
    if (!restarted.ok()) return problem("it does not open once more: ", restarted.ToString());
    if (life.Get("on/we/go") != "on") problem("what was put does not read after a restart");
  }

  const EndBy by_;
  FaultDisk disk_;
  bool lose_ = true;
  KeyringOptions options_;
  absl::Mutex mu_;
};

}  // namespace keyturn
