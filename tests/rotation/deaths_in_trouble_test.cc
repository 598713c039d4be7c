// The server dies at each commit, before and after it, of a rotation that does not go well by
// itself (deaths.h says what must hold): a target is not reachable, or does not say whether it has
// done what was asked, or refuses a value; users hold a former version; a window or versions that
// work hold the start; a value leaked and is not served any more; much has fallen due at once.
#include "tests/rotation/deaths.h"

#include <algorithm>

namespace keyturn {
namespace {

enum class Trouble {
  kNotReachable,  // each call fails once, that of setting the value twice
  kInDoubt,       // what was set is said to have taken too long
  kRefusesValue,  // the first value when it is set, the second one when it is tried
  kHeldByUsers,   // a former version, twice
  kReleased,      // they leave
  kWindowClosed,
  kNoRoom,
  kRevokedFirst,  // a key that signs: those who refuse it are not reachable once
};

struct TroubledSort {
  SecretSort sort;
  std::vector<Trouble> troubles;
};
void PrintTo(const TroubledSort& of, std::ostream* out) { *out << of.sort.name; }

// Each trouble with each of the sorts that take a way of their own through it.
const TroubledSort kTroubledSorts[] = {
    {kGeneric,
     {Trouble::kHeldByUsers, Trouble::kReleased, Trouble::kWindowClosed, Trouble::kNoRoom,
      Trouble::kRevokedFirst}},
    {kAwaited, {Trouble::kWindowClosed, Trouble::kRevokedFirst}},
    {kHeldAtItsProvider, {Trouble::kRefusesValue}},
    {kDatabase,
     {Trouble::kNotReachable, Trouble::kInDoubt, Trouble::kRefusesValue, Trouble::kHeldByUsers,
      Trouble::kReleased, Trouble::kNoRoom, Trouble::kRevokedFirst}},
    {kAwaitedAtItsProvider, {Trouble::kRevokedFirst}},
    {kSignsHs256, {Trouble::kRevokedFirst}},
    {kSignsEs256,
     {Trouble::kHeldByUsers, Trouble::kWindowClosed, Trouble::kNoRoom, Trouble::kRevokedFirst}},
    {kSignsEdDsa, {Trouble::kRevokedFirst}},
};

class TroubledDeaths : public DeathsTest {
 protected:
  using Run = v1::RotationRun;

  // The failed attempts of the step that the open run is at, as they are stored.
  uint32_t FailedAt(Run::Step step) {
    const Run run = Status(path_).open_run();
    return run.step() == step ? run.attempts() : 0;
  }
  bool HasFailedToEnd(uint64_t number) {
    const v1::RotationStatus status = Status(path_);
    return std::any_of(status.versions().begin(), status.versions().end(), [&](const auto& each) {
      return each.version() == number && !each.retire_error().empty();
    });
  }

  absl::Status NotReachable(absl::string_view what, uint64_t version) {
    const bool fails = (what == "probe" && FailedAt(Run::APPLY) == 0) ||
                       (what == "apply" && FailedAt(Run::APPLY) == 1) ||
                       (what == "test" && FailedAt(Run::TEST) == 0) ||
                       (what == "arm" && FailedAt(Run::ANNOUNCE) == 0) ||
                       (what == "retire" && !HasFailedToEnd(version));
    return fails ? absl::UnavailableError("no route to it") : absl::OkStatus();
  }
  absl::Status InDoubt(absl::string_view what, uint64_t) {
    return what == "applied" ? absl::DeadlineExceededError("too late") : absl::OkStatus();
  }
  absl::Status RefusesValue(absl::string_view what, uint64_t version) {
    const bool refuses = (what == "apply" && version == 2) || (what == "test" && version == 3);
    return refuses ? absl::InvalidArgumentError("too short") : absl::OkStatus();
  }
  absl::Status Revoking() override {
    return revoking_fails_ && !path_.empty() && !HasFailedToEnd(1)
               ? absl::UnavailableError("no route to it")
               : absl::OkStatus();
  }

  void GoRotated() {
    AskToRotate(/*emergency=*/false);
    Finish();
    PassBy(Days(51));
  }
  void GoHeld(bool released) {
    users_ = {"payments"};
    AskToRotate(/*emergency=*/false);
    Finish();
    PassBy(Days(8));
    if (released) {
      users_.clear();
      Ask([&] { return rotation_->LookAtUsers(IdOf(path_)); },
          [&] {
            const v1::VersionInfo first = First();
            return first.state() != v1::VERSION_STATE_GRACE ||
                   first.grace_end_time().seconds() <= absl::ToUnixSeconds(clock_.Now());
          });
    }
    PassBy(Days(1));
    PassBy(Days(20));
    PassBy(Days(40));
  }
  // Nobody looks while the window is open, and it opens again in fourteen hours.
  void GoPastWindow() {
    const absl::TimeZone utc = absl::UTCTimeZone();
    const absl::CivilDay day = absl::ToCivilDay(clock_.Now() + Days(91), utc);
    clock_.AdvanceTime(absl::FromCivil(day, utc) + absl::Hours(12) - clock_.Now());
    PassBy(absl::Hours(13));
    PassBy(absl::Hours(3));
    Finish();
    PassBy(Days(51));
  }
  // The former version works for longer than it takes until the next rotation.
  void GoWithoutRoom() {
    AskToRotate(/*emergency=*/false);
    Finish();
    const absl::Time end = clock_.Now() + Days(32);
    Ask([&] { return SetGrace(path_, end, 1).status(); },
        [&] { return First().grace_end_time().seconds() == absl::ToUnixSeconds(end); });
    PassBy(Days(31));
    PassBy(Days(3));
    PassBy(Days(20));
  }
  void GoRevokedFirst() {
    Ask([&] { return Rotate(path_, /*emergency=*/true, /*revoke_first=*/true).status(); },
        [&] { return absl::StrContains(Runs(path_), "EMERGENCY"); });
    if (Get(path_, 1) == "first") Problem("what leaked is served");
    Finish();
    PassBy(Days(51));
  }

  static void Windowed(v1::RotationPolicy* policy) {
    v1::RotationWindow& window = *policy->add_windows();
    window.set_cron("0 2 * * *");
    window.set_duration_seconds(3600);
    policy->set_enforcement(v1::RotationPolicy::SOFT);
  }
  static void Blocking(v1::RotationPolicy* policy) {
    policy->set_retire_gate(v1::RotationPolicy::BLOCK);
  }
  static void Narrow(v1::RotationPolicy* policy) {
    policy->set_period_seconds(30 * limits::kDaySeconds);
    policy->set_max_live_versions(2);
  }

  // The way of a secret whose target says what the method says.
  using SaysFn = absl::Status (TroubledDeaths::*)(absl::string_view what, uint64_t version);
  Journey AtTarget(const std::string& name, SaysFn says, const std::string& uncounted = "") {
    return {name,
            [this, says] {
              target_of_all_.says = [this, says](absl::string_view what, uint64_t version) {
                return (this->*says)(what, version);
              };
              GoRotated();
            },
            nullptr, uncounted};
  }
  Journey By(Trouble trouble) {
    switch (trouble) {
      case Trouble::kNotReachable:
        return AtTarget("not reachable", &TroubledDeaths::NotReachable);
      case Trouble::kInDoubt:
        return AtTarget("in doubt", &TroubledDeaths::InDoubt, "rotation_failed");
      case Trouble::kRefusesValue:
        return AtTarget("refuses the value", &TroubledDeaths::RefusesValue);
      case Trouble::kHeldByUsers:
        return {"held by users", [this] { GoHeld(/*released=*/false); }, &Blocking};
      case Trouble::kReleased:
        return {"released", [this] { GoHeld(/*released=*/true); }, &Blocking};
      case Trouble::kWindowClosed:
        return {"window closed", [this] { GoPastWindow(); }, &Windowed};
      case Trouble::kNoRoom:
        return {"no room", [this] { GoWithoutRoom(); }, &Narrow};
      case Trouble::kRevokedFirst:
        return {"revoked first", [this] { GoRevokedFirst(); }};
    }
    return {};
  }

  // What a way without a death is, so that it is the way that is meant.
  static std::string EndOf(Trouble trouble) {
    switch (trouble) {
      case Trouble::kRefusesValue:
        return "1 DESTROYED, 2 DESTROYED, 3 DESTROYED, 4 CURRENT";
      case Trouble::kNoRoom:
        return "1 RETIRED, 2 RETIRED, 3 CURRENT";
      case Trouble::kRevokedFirst:
        return "1 DESTROYED!, 2 CURRENT";
      default:
        return "1 DESTROYED, 2 CURRENT";
    }
  }
  static std::map<std::string, int> EventsOf(Trouble trouble, const SecretSort& sort) {
    switch (trouble) {
      case Trouble::kNotReachable:
        return {{"rotation_failed", 4}, {"rotation_retire_failed", 1}};
      case Trouble::kInDoubt:
        return {{"rotation_applied", 1}};
      case Trouble::kRefusesValue:
        return {{"rotation_failed", 2}, {"rotation_generated", 3}};
      case Trouble::kHeldByUsers:
        return {{"rotation_grace_extended", 2}};
      case Trouble::kReleased:
        return {{"rotation_grace_extended", 1}, {"rotation_grace_released", 1}};
      case Trouble::kRevokedFirst:
        if (sort.signs()) return {{"rotation_retire_failed", 1}, {"rotation_retired", 1}};
        return {{"rotation_retired", 1}};
      default:
        return {};
    }
  }
  void ExpectMeant(Trouble trouble, const SecretSort& sort, const Outcome& clean) {
    for (const std::string& problem : problems_) ADD_FAILURE() << problem;
    const char* const staged = !sort.signs()                 ? ""
                               : trouble == Trouble::kNoRoom ? ", 4 STAGED"
                                                             : ", 3 STAGED";
    EXPECT_EQ(clean.states.back(), absl::StrCat(EndOf(trouble), staged)) << clean.Text();
    for (const auto& [event, count] : EventsOf(trouble, sort)) {
      const auto found = clean.events.find(event);
      EXPECT_EQ(found == clean.events.end() ? 0 : found->second, count)
          << event << ": " << clean.Text();
    }
    // It was held: at the closed window, and by the version that works.
    if (trouble == Trouble::kWindowClosed) {
      EXPECT_EQ(clean.states.front(), sort.signs() ? "1 CURRENT, 2 STAGED" : "1 CURRENT");
    }
    if (trouble == Trouble::kNoRoom) {
      EXPECT_EQ(clean.states[1],
                sort.signs() ? "1 GRACE, 2 CURRENT, 3 STAGED" : "1 GRACE, 2 CURRENT");
    }
  }

  bool revoking_fails_ = false;
};

class TroubledDeathsOf : public TroubledDeaths, public testing::WithParamInterface<TroubledSort> {};

TEST_P(TroubledDeathsOf, EachWayEndsAsIfNobodyHadDied) {
  const SecretSort& sort = GetParam().sort;
  revoking_fails_ = sort.signs();
  for (const Trouble trouble : GetParam().troubles) {
    const Journey way = By(trouble);
    const int before = faults_;
    const Outcome clean = Live(sort, way, CommitFault::kNone, 0);
    ExpectMeant(trouble, sort, clean);
    for (const CommitFault fault : {CommitFault::kDiesBefore, CommitFault::kDiesAfter}) {
      for (const std::string& unlike : Unlike(clean, sort, way, fault)) ADD_FAILURE() << unlike;
    }
    EXPECT_GE(faults_ - before, 8) << way.name;
  }
  std::printf("%d deaths in %d lives\n", faults_, lives_);
  ExpectClean();
}

INSTANTIATE_TEST_SUITE_P(TroubledSorts, TroubledDeathsOf, testing::ValuesIn(kTroubledSorts),
                         [](const auto& of) { return std::string(of.param.sort.name); });

// What must be noticed, on each of these ways.
TEST_F(TroubledDeaths, AStoreThatForgetsACommitIsNoticedOnEachWay) {
  for (const Trouble trouble :
       {Trouble::kNotReachable, Trouble::kRefusesValue, Trouble::kHeldByUsers, Trouble::kReleased,
        Trouble::kNoRoom, Trouble::kRevokedFirst}) {
    const Journey way = By(trouble);
    const Outcome clean = Live(kDatabase, way, CommitFault::kNone, 0);
    EXPECT_FALSE(Unlike(clean, kDatabase, way, CommitFault::kForgotten).empty()) << way.name;
  }
}

// Much has fallen due while nobody looked. The server that comes after one that died knows of no
// storm, and begins what is left at once, or in turns again.
class DeathsInAStorm : public DeathsTest {
 protected:
  static constexpr int kSecrets = static_cast<int>(limits::kRotationStormSecretsMin) + 1;

  static std::string PathOf(int number) { return absl::StrCat("storm/", number); }
  int Count(const std::string& name) const {
    return static_cast<int>(std::count_if(
        events_.begin(), events_.end(),
        [&](const std::string& event) { return event.substr(0, event.find(' ')) == name; }));
  }
  // All of them are due; what comes of it within half a day.
  void Storm(CommitFault fault, int turn) {
    std::vector<uint64_t> before;
    for (int i = 0; i < kSecrets; ++i) before.push_back(Status(PathOf(i)).current_version());
    events_.clear();
    problems_.clear();
    clock_.AdvanceTime(Days(90));
    fault_ = fault;
    turn_ = turn;
    hit_ = false;
    PassBy(absl::Hours(12));
    turn_ = 0;
    for (int i = 0; i < kSecrets; ++i) {
      const v1::RotationStatus status = Status(PathOf(i));
      EXPECT_EQ(status.current_version(), before[static_cast<size_t>(i)] + 1) << PathOf(i);
      EXPECT_FALSE(status.has_open_run()) << PathOf(i);
    }
    EXPECT_EQ(Count("rotation_started"), kSecrets);
    EXPECT_EQ(Count("rotation_promoted"), kSecrets);
    EXPECT_GE(Count("rotation_storm"), 1);
    for (const std::string& problem : problems_) ADD_FAILURE() << problem;
    PassBy(Days(40));
    EXPECT_EQ(Count("rotation_retired"), kSecrets);
  }
};

TEST_F(DeathsInAStorm, EachSecretIsRotatedOnce) {
  sort_ = &kGeneric;
  for (int i = 0; i < kSecrets; ++i) {
    path_ = PathOf(i);
    values_.clear();
    Begin({"storm", nullptr});
  }
  path_ = PathOf(0);
  values_.clear();
  const uint64_t held = rotation_->stats().starts_held;
  Storm(CommitFault::kNone, 0);
  EXPECT_EQ(rotation_->stats().starts_held - held, static_cast<uint64_t>(kSecrets - 1));
  for (const CommitFault fault : {CommitFault::kDiesBefore, CommitFault::kDiesAfter}) {
    for (int turn = 1; turn < 200; ++turn) {
      SCOPED_TRACE(absl::StrCat("fault ", static_cast<int>(fault), " at commit ", turn));
      Storm(fault, turn);
      if (!hit_) break;
      ++faults_;
    }
  }
  std::printf("%d deaths\n", faults_);
  EXPECT_GE(faults_, 60);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
