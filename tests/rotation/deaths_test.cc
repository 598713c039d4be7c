// The server dies, or a commit fails, at each commit of each way through a rotation, for each kind
// of secret (deaths.h says what must hold). What goes wrong beside that is in
// deaths_in_trouble_test.cc. Issued API keys have a store of their own:
// tests/rotation/api_key/recovery_test.cc.
#include "tests/rotation/deaths.h"

#include <array>

namespace keyturn {
namespace {

constexpr CommitFault kCommitFaults[] = {CommitFault::kDiesBefore, CommitFault::kDiesAfter,
                                         CommitFault::kUnavailable, CommitFault::kRefused};

// Each has a store and a clock of its own: all of them would live for more than 292 years, which a
// clock cannot count in nanoseconds. RS256 is below.
constexpr SecretSort kDeathSorts[] = {kGeneric,           kHeld,       kAwaited,
                                      kHeldAtItsProvider, kDatabase,   kAwaitedAtItsProvider,
                                      kSignsHs256,        kSignsEs256, kSignsEdDsa};

enum class Way {
  kScheduled,
  kManual,
  kEmergency,
  kRollback,
  kRetired,
  kPaused,
  kGraceMoved,
  kCancelled,   // when its value is set, of those that have a target
  kSuperseded,  // likewise, by a value that is put
  kDeleted,     // for good, likewise of those that have a target
};
constexpr Way kWays[] = {Way::kScheduled,  Way::kManual, Way::kEmergency,  Way::kRollback,
                         Way::kRetired,    Way::kPaused, Way::kGraceMoved, Way::kCancelled,
                         Way::kSuperseded, Way::kDeleted};
const char* NameOf(Way way) {
  constexpr std::array<const char*, 10> kNames = {
      "scheduled", "manual",      "emergency", "rollback",   "retired",
      "paused",    "grace moved", "cancelled", "superseded", "deleted"};
  return kNames[static_cast<size_t>(way)];
}
bool NeedsTarget(Way way) { return way >= Way::kCancelled; }
bool IsStopped(Way way) { return way == Way::kCancelled || way == Way::kSuperseded; }

const char* EndOf(Way way) {
  switch (way) {
    case Way::kEmergency:
      return "1 DESTROYED!, 2 CURRENT";
    case Way::kRollback:
    case Way::kCancelled:
      return "1 CURRENT, 2 DESTROYED";
    case Way::kSuperseded:
      return "1 DESTROYED, 2 DESTROYED, 3 CURRENT";
    case Way::kDeleted:
      return "1 DESTROYED, 2 DESTROYED";
    default:
      return "1 DESTROYED, 2 CURRENT";
  }
}

class DeathsOnTheWay : public DeathsTest {
 protected:
  Journey By(Way way) {
    return {NameOf(way), [this, way] { Go(way); }};
  }
  // A run whose value is set already ends.
  void Stop(Way way) {
    PassBy(absl::Hours(4));
    if (way == Way::kCancelled) {
      Ask([&] { return Cancel(path_).status(); },
          [&] { return absl::StrContains(Runs(path_), "CANCELLED"); });
    } else {
      target_of_all_.works.insert(Kept("by hand"));
      Ask([&] { return Put(path_, "by hand"); }, [&] { return Get(path_) == "by hand"; });
    }
    PassBy(absl::Hours(2));
  }
  void Go(Way way) {
    const absl::Time began = clock_.Now();
    if (way == Way::kPaused) {
      v1::PauseRotationRequest pause;
      pause.set_path(path_);
      pause.set_reason("a freeze");
      Ask([&] { return rotation_->Pause(*store_, pause).status(); },
          [&] { return Status(path_).paused(); });
      PassBy(Days(92));
      v1::ResumeRotationRequest resume;
      resume.set_path(path_);
      Ask([&] { return rotation_->Resume(*store_, resume).status(); },
          [&] { return !Status(path_).paused(); });
    } else if (way == Way::kScheduled) {
      PassBy(Days(90) + absl::Hours(4));
    } else {
      target_of_all_.stuck = IsStopped(way);
      AskToRotate(way == Way::kEmergency);
    }
    if (IsStopped(way)) {
      Stop(way);
    } else {
      Finish();
    }
    if (way == Way::kRollback) {
      Ask([&] { return Rollback(path_).status(); },
          [&] { return absl::StrContains(Runs(path_), "ROLLBACK"); });
    }
    if (way == Way::kRetired) {
      v1::RetireRequest retire;
      retire.set_path(path_);
      retire.set_version(1);
      retire.set_reason("nobody uses it");
      Ask([&] { return rotation_->Retire(*store_, retire).status(); },
          [&] { return First().state() != v1::VERSION_STATE_GRACE; });
    }
    if (way == Way::kGraceMoved) {
      const absl::Time end = began + Days(20);
      Ask([&] { return SetGrace(path_, end, 1).status(); },
          [&] { return First().grace_end_time().seconds() == absl::ToUnixSeconds(end); });
    }
    if (way == Way::kDeleted) {
      v1::DeleteRequest remove;
      remove.set_path(path_);
      remove.set_all(true);
      Ask([&] { return vault_->Delete(*store_, remove).status(); },
          [&] { return Get(path_) == "VERSION_DELETED"; });
    }
    PassBy(Days(6));
    PassBy(Days(2));
    PassBy(Days(43));
  }
};

class DeathsOf : public DeathsOnTheWay, public testing::WithParamInterface<SecretSort> {};

TEST_P(DeathsOf, EachWayEndsAsIfNothingHadHappened) {
  const SecretSort& sort = GetParam();
  for (const Way way : kWays) {
    if (NeedsTarget(way) && (!sort.has_target || sort.owner_brings)) continue;
    const Outcome clean = Live(sort, By(way), CommitFault::kNone, 0);
    for (const std::string& problem : problems_) ADD_FAILURE() << problem;
    EXPECT_EQ(clean.states.back(), absl::StrCat(EndOf(way), sort.signs() ? ", 3 STAGED" : ""))
        << NameOf(way);
    if (sort.has_target) {
      EXPECT_EQ(clean.works, way == Way::kDeleted ? 0u : 1u) << NameOf(way);
    }
    for (const CommitFault fault : kCommitFaults) {
      for (const std::string& unlike : Unlike(clean, sort, By(way), fault)) {
        ADD_FAILURE() << unlike;
      }
    }
  }
  std::printf("%d faults in %d lives\n", faults_, lives_);
  EXPECT_GE(faults_, 150);
  ExpectClean();
}

INSTANTIATE_TEST_SUITE_P(Sorts, DeathsOf, testing::ValuesIn(kDeathSorts),
                         [](const auto& sort) { return std::string(sort.param.name); });

// What must be noticed.
TEST_F(DeathsOnTheWay, AStoreThatForgetsACommitIsNoticed) {
  const Outcome clean = Live(kGeneric, By(Way::kManual), CommitFault::kNone, 0);
  EXPECT_FALSE(Unlike(clean, kGeneric, By(Way::kManual), CommitFault::kForgotten).empty());
}

TEST_F(DeathsOnTheWay, ATargetThatIsSetTwiceIsNoticed) {
  target_of_all_.forgets = true;
  const Outcome clean = Live(kHeldAtItsProvider, By(Way::kManual), CommitFault::kNone, 0);
  EXPECT_FALSE(
      Unlike(clean, kHeldAtItsProvider, By(Way::kManual), CommitFault::kDiesBefore).empty());
}

// A key of this sort takes a third of a second to make, so one secret lives through all of it: each
// rotation is like the one before.
class DeathsOfAnRsaKey : public DeathsTest {
 protected:
  struct Turned {
    std::map<std::string, int> events;
    uint64_t versions = 0;  // more than before
    std::string newest;

    bool operator==(const Turned& other) const {
      return std::tie(events, versions, newest) ==
             std::tie(other.events, other.versions, other.newest);
    }
    std::string Text() const {
      return absl::StrCat(absl::StrJoin(events, " ", absl::PairFormatter("=")), " | versions +",
                          versions, " | ", newest);
    }
  };
  // From a little after one scheduled rotation to a little after the next: the former key's end,
  // the next key in its place, and one more that is staged.
  Turned TurnOnce(CommitFault fault, int turn) {
    const uint64_t before = Status(path_).current_version();
    events_.clear();
    problems_.clear();
    fault_ = fault;
    turn_ = turn;
    hit_ = false;
    PassBy(Days(90));
    turn_ = 0;
    Turned turned;
    for (const std::string& event : events_) ++turned.events[event.substr(0, event.find(' '))];
    const v1::RotationStatus status = Status(path_);
    turned.versions = status.current_version() - before;
    for (int i = 0; i < 4 && i < status.versions_size(); ++i) {
      const v1::VersionInfo& version = status.versions(i);
      // By how far it is from the current one.
      absl::StrAppend(&turned.newest,
                      static_cast<int64_t>(version.version() - status.current_version()), " ",
                      v1::VersionState_Name(version.state()), ", ");
    }
    return turned;
  }
};

TEST_F(DeathsOfAnRsaKey, EachScheduledRotationIsAsIfNothingHadHappened) {
  sort_ = &kSignsRs256;
  path_ = "rsa";
  Begin({"rsa", nullptr});
  PassBy(absl::Hours(4));
  for (int i = 0; i < 2; ++i) TurnOnce(CommitFault::kNone, 0);  // until former ones end in each
  const Turned clean = TurnOnce(CommitFault::kNone, 0);
  EXPECT_EQ(clean.versions, 1u);
  EXPECT_EQ(clean.newest,
            "1 VERSION_STATE_STAGED, 0 VERSION_STATE_CURRENT, -1 VERSION_STATE_GRACE, "
            "-2 VERSION_STATE_DESTROYED, ");
  for (const CommitFault fault : {CommitFault::kDiesBefore, CommitFault::kDiesAfter}) {
    for (int turn = 1; turn < 100; ++turn) {
      const Turned turned = TurnOnce(fault, turn);
      for (const std::string& problem : problems_) {
        ADD_FAILURE() << "commit " << turn << ": " << problem;
      }
      EXPECT_EQ(turned, clean) << "fault " << static_cast<int>(fault) << " at commit " << turn
                               << ": " << turned.Text() << "\n  instead of " << clean.Text();
      if (!hit_) break;
      ++faults_;
    }
  }
  std::printf("%d faults\n", faults_);
  EXPECT_GE(faults_, 8);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
