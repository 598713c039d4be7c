// The server dies, or a commit fails, at each commit of each way through a rotation, for each kind
// of secret; what comes after goes on from there. However it went, it ends as the way without a
// death: the same states, runs and values, each transition in the audit log once, at every moment
// one current version whose value works, and a target that was set to nothing twice. All of it is
// seen through the public API and the events. Issued API keys have a store of their own:
// tests/rotation/api_key/recovery_test.cc.
#include <array>
#include <map>

#include "storage/schema.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

enum class Fault {
  kNone,
  kDiesBefore,   // nothing of it is there afterwards
  kDiesAfter,    // it is durable, and nobody was told
  kUnavailable,  // it fails once, and the server lives on
  kRefused,      // likewise, as if it were the secret's fault
  kForgotten,    // a mutant: it is said to be durable, and is not
};
constexpr Fault kFaults[] = {Fault::kDiesBefore, Fault::kDiesAfter, Fault::kUnavailable,
                             Fault::kRefused};

// One that counts what a target must not see.
class StrictTarget : public FakeTarget {
 public:
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override {
    ASSIGN_OR_RETURN(const bool works, FakeTarget::Probe(call, value));
    return works && !forgets;
  }
  absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                     const SecretBytes& pending) override {
    if (works.count(std::string(pending.ExposeForCrypto())) > 0) ++set_twice;
    if (works.count(std::string(current.ExposeForCrypto())) == 0) ++lost;
    return FakeTarget::Apply(call, current, pending);
  }

  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override {
    if (stuck) return absl::PermissionDeniedError("refused");
    return FakeTarget::Test(call, pending);
  }

  int set_twice = 0, lost = 0;
  bool stuck = false;    // what is set does not work everywhere
  bool forgets = false;  // a mutant: it does not know what it has
};

// What a kind of secret needs of a way through its rotation.
struct Sort {
  const char* name;  // of the test
  v1::Kind kind;
  bool owner_brings = false;  // the value
  bool has_target = false;
  const char* algorithm = "";  // of one that signs
};
// Each has a store and a clock of its own: all of them would live for more than 292 years, which a
// clock cannot count in nanoseconds.
constexpr Sort kSorts[] = {
    {"Generic", v1::KIND_GENERIC},
    {"Held", v1::KIND_API_KEY},
    {"Awaited", v1::KIND_API_KEY, /*owner_brings=*/true},
    {"HeldAtItsProvider", v1::KIND_API_KEY, false, /*has_target=*/true},
    {"Database", v1::KIND_DB_CREDENTIAL, false, /*has_target=*/true},
    {"AwaitedAtItsProvider", v1::KIND_API_KEY, /*owner_brings=*/true, /*has_target=*/true},
    {"HS256", v1::KIND_JWT_KEY, false, false, "HS256"},
    {"ES256", v1::KIND_JWT_KEY, false, false, "ES256"},
    {"EdDSA", v1::KIND_JWT_KEY, false, false, "EdDSA"},
};
constexpr Sort kSlow = {"RS256", v1::KIND_JWT_KEY, false, false, "RS256"};

void PrintTo(const Sort& sort, std::ostream* out) { *out << sort.name; }

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

class DeathsTest : public JwtFixture {
 protected:
  // How a way went, as far as it does not depend on when or at which path.
  struct Outcome {
    std::vector<std::string> states;  // after each step
    std::string runs;
    std::map<std::string, int> events;
    size_t armed = 0, works = 0, revoked = 0;

    bool operator==(const Outcome& other) const {
      return std::tie(states, runs, events, armed, works, revoked) ==
             std::tie(other.states, other.runs, other.events, other.armed, other.works,
                      other.revoked);
    }
    std::string Text() const {
      return absl::StrCat(absl::StrJoin(states, "; "), " | ", runs, " | ",
                          absl::StrJoin(events, " ", absl::PairFormatter("=")), " | armed ", armed,
                          " works ", works, " revoked ", revoked);
    }
  };

  void SetUp() override {
    target_ = &target_of_all_;
    target_by_policy_ = true;
    jwt_.reset();
    Open();  // over the store that may die
    OpenJwt();
  }
  void TearDown() override {
    jwt_.reset();
    rotation_.reset();
    usage_.reset();
    vault_.reset();
    store_.reset();
  }

  // The durable state lives on when the rooms over it are made anew.
  std::unique_ptr<Store> OpenStore() override {
    if (disk_ == nullptr) disk_ = RotationFixture::OpenStore();
    return std::make_unique<Mortal>(*this, *disk_);
  }

  class Mortal : public Store {
   public:
    Mortal(DeathsTest& test, Store& disk) : test_(test), disk_(disk) {}
    absl::StatusOr<Revision> Update(UpdateFn fn) override { return test_.Commit(disk_, fn); }
    std::shared_ptr<const Snapshot> GetSnapshot() const override { return disk_.GetSnapshot(); }
    const View& Newest() const override { return disk_.Newest(); }
    Revision LastRevision() const override { return disk_.LastRevision(); }
    void SkipTo(Revision revision) override { disk_.SkipTo(revision); }
    absl::Status WaitFor(Revision revision, absl::Time deadline) override {
      return disk_.WaitFor(revision, deadline);
    }
    void SetRecordHasher(std::shared_ptr<const RecordHasher> hasher) override {
      disk_.SetRecordHasher(std::move(hasher));
    }
    void SetCommitListener(CommitListener listener) override {
      disk_.SetCommitListener(std::move(listener));
    }
    absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) override {
      return disk_.Verify(progress);
    }
    absl::Status Purge(Family family) override { return disk_.Purge(family); }
    absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string> needles,
                                           ProgressFn progress) override {
      return disk_.SearchFiles(needles, progress);
    }
    StoreStats Stats() const override { return disk_.Stats(); }

   private:
    DeathsTest& test_;
    Store& disk_;
  };

  // Counts the changes of secrets, and has the one whose turn it is go as the fault says.
  absl::StatusOr<Revision> Commit(Store& disk, UpdateFn fn) {
    if (dead_) return absl::UnavailableError("the server is dead");
    Fault fault = Fault::kNone;
    bool counted = false;
    const absl::StatusOr<Revision> revision =
        disk.Update([&](const View& view, Batch& batch) -> absl::Status {
          RETURN_IF_ERROR(fn(view, batch));
          if (!counted && OfASecret(batch)) {
            counted = true;
            if (turn_ > 0 && --turn_ == 0) fault = fault_;
          }
          const bool made = fault == Fault::kNone || fault == Fault::kDiesAfter;
          return made ? absl::OkStatus() : absl::UnavailableError("the commit failed");
        });
    hit_ = hit_ || fault != Fault::kNone;
    switch (fault) {
      case Fault::kNone:
        break;
      case Fault::kDiesAfter:
        unheard_ = revision.ok();
        [[fallthrough]];
      case Fault::kDiesBefore:
        dead_ = true;
        return absl::UnavailableError("the server died here");
      case Fault::kUnavailable:
        return revision;
      case Fault::kRefused:
        return absl::InternalError("the commit was refused");
      case Fault::kForgotten:
        return disk.LastRevision();
    }
    if (revision.ok() && counted && !path_.empty()) Look();
    return revision;
  }
  static bool OfASecret(const Batch& batch) {
    return std::any_of(
        batch.operations().begin(), batch.operations().end(), [](const Batch::Operation& change) {
          return change.family == Family::kDue ||
                 (change.family == Family::kRecords && schema::IsMetadataKey(change.key));
        });
  }

  void Problem(const std::string& what) { problems_.push_back(what); }
  static std::string Kept(const std::string& value) {
    const FieldView field{"value", 1, value};
    return std::string(EncodeFields({&field, 1})->ExposeForCrypto());
  }

  // What must hold at every moment.
  void Look() {
    const absl::StatusOr<v1::SecretInfo> info = vault_->Describe(*SecretPath::Parse(path_));
    if (!info.ok()) return Problem(std::string(info.status().message()));
    if (info->versions(0).has_delete_time()) return;  // it is not given any more
    int current = 0;
    for (const v1::VersionInfo& version : info->versions()) {
      current += version.state() == v1::VERSION_STATE_CURRENT ? 1 : 0;
      const bool given = version.state() == v1::VERSION_STATE_CURRENT ||
                         version.state() == v1::VERSION_STATE_GRACE;
      if (!given || version.compromised()) continue;
      const std::string value = Get(path_, version.version());
      const std::string& first = values_.emplace(version.version(), value).first->second;
      if (first != value) Problem(absl::StrCat("version ", version.version(), " has changed"));
      if (sort_->has_target && !sort_->owner_brings &&
          target_of_all_.works.count(Kept(value)) == 0) {
        Problem(absl::StrCat("version ", version.version(), " does not work at its target"));
      }
    }
    if (current != 1) Problem(absl::StrCat(current, " versions are the current one"));
  }

  void Revive() {
    dead_ = false;
    jwt_.reset();
    Open();
    OpenJwt();
  }

  // From one thing that is due to the next.
  void PassBy(absl::Duration duration) {
    const absl::Time end = clock_.Now() + duration;
    for (int i = 0; i < 1000; ++i) {
      if (dead_) Revive();
      absl::Time next = absl::InfiniteFuture();
      const absl::StatusOr<int> handled = rotation_->RunDue(&next);
      if (dead_ || !handled.ok() || *handled > 0) continue;
      absl::Time purge = absl::InfiniteFuture();
      const absl::StatusOr<int> purged = vault_->RunDue(*store_, &purge);
      if (dead_ || !purged.ok() || *purged > 0) continue;
      next = std::min(next, purge);
      if (clock_.Now() >= end) return states_.push_back(States(path_));
      clock_.AdvanceTime(std::min(std::max(next - clock_.Now(), absl::Duration(absl::Seconds(1))),
                                  end - clock_.Now()));
    }
    Problem("there is no end to what is due");
  }

  // Somebody asks for it; if no answer came, looks whether it was done, and if not, asks again.
  void Ask(const std::function<absl::Status()>& ask, const std::function<bool()>& is_done) {
    absl::Status asked = ask();
    if (dead_) {
      Revive();
      asked = is_done() ? absl::OkStatus() : ask();
    } else if (!asked.ok() && hit_) {
      asked = ask();
    }
    if (dead_) Revive();
    if (!asked.ok()) Problem(std::string(asked.message()));
    if (!is_done()) Problem("what was asked for is not done");
  }
  void AskToRotate(bool emergency) {
    Ask([&] { return Rotate(path_, emergency).status(); },
        [&] { return absl::StrContains(Runs(path_), emergency ? "EMERGENCY" : "MANUAL"); });
  }
  // Until the new version is the current one: after the hour for which a key is published, and the
  // one for which a secret is passed over.
  void Finish() {
    PassBy(absl::Hours(4));
    if (!sort_->owner_brings) return;
    target_of_all_.works.insert(Kept("brought"));
    Ask([&] { return Put(path_, "brought"); }, [&] { return Get(path_) == "brought"; });
    PassBy(absl::Hours(2));
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
  v1::VersionInfo First() {
    const v1::RotationStatus status = Status(path_);
    return status.versions(status.versions_size() - 1);
  }

  void Begin() {
    v1::RotationPolicy policy = NoJitter();
    if (sort_->has_target) policy.set_target("fake");
    if (*sort_->algorithm != '\0') {
      v1::JwtKeySettings settings = Settings(sort_->algorithm);
      settings.set_readable(true);
      ASSERT_OK(Create(path_, settings, policy));
      return;
    }
    target_of_all_.works = {Kept("first")};
    ASSERT_OK(Put(path_, "first", sort_->kind));
    if (sort_->owner_brings) {
      policy.mutable_source()->mutable_reminder();
    } else {
      policy.mutable_source()->mutable_generate();
    }
    ASSERT_OK(SetPolicy(path_, policy));
    ASSERT_OK(RunDue());
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

  // With the fault at the turn-th commit; 0: none.
  Outcome Live(const Sort& sort, Way way, Fault fault, int turn) {
    sort_ = &sort;
    const std::string path = absl::StrCat("s", ++lives_);
    path_ = path;
    target_of_all_.works.clear();
    target_of_all_.armed.clear();
    target_of_all_.set_twice = target_of_all_.lost = 0;
    revoked_kids_.clear();
    values_.clear();
    states_.clear();
    problems_.clear();
    Begin();
    events_.clear();
    fault_ = fault;
    turn_ = turn;
    hit_ = false;
    Go(way);
    turn_ = 0;
    Outcome outcome;
    outcome.states = states_;
    outcome.runs = Runs(path_);
    for (const std::string& event : events_) ++outcome.events[event.substr(0, event.find(' '))];
    outcome.armed = target_of_all_.armed.size();
    outcome.works = target_of_all_.works.size();
    outcome.revoked = revoked_kids_.size();
    if (target_of_all_.set_twice > 0) Problem("a value was set twice at the target");
    if (target_of_all_.lost > 0) Problem("the current value did not work at the target");
    path_.clear();
    v1::DestroyRequest destroy;
    destroy.set_path(path);
    destroy.set_all(true);
    destroy.set_leave_at_target(true);
    EXPECT_OK(vault_->Destroy(*store_, destroy));
    EXPECT_OK(RunDue());
    return outcome;
  }

  // All lives with the fault, at each commit or each `step`-th, that end otherwise than `clean`.
  std::vector<std::string> Unlike(const Outcome& clean, const Sort& sort, Way way, Fault fault,
                                  int first = 1, int step = 1) {
    std::vector<std::string> out;
    for (int turn = first; turn < 200; turn += step) {
      const Outcome outcome = Live(sort, way, fault, turn);
      if (!hit_) return out;
      ++faults_;
      const std::string where =
          absl::StrCat(NameOf(way), ", fault ", static_cast<int>(fault), " at commit ", turn, ": ");
      for (const std::string& problem : problems_) out.push_back(absl::StrCat(where, problem));
      if (!(outcome == clean)) {
        out.push_back(absl::StrCat(where, outcome.Text(), "\n  instead of ", clean.Text()));
      }
    }
    out.push_back("there is no end to the commits");
    return out;
  }

  std::unique_ptr<Store> disk_;
  StrictTarget target_of_all_;
  Fault fault_ = Fault::kNone;
  int turn_ = 0;
  bool hit_ = false;
  const Sort* sort_ = nullptr;
  std::string path_;
  std::map<uint64_t, std::string> values_;  // of versions, as they were seen first
  std::vector<std::string> states_, problems_;
  int lives_ = 0, faults_ = 0;
};

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

class DeathsOf : public DeathsTest, public testing::WithParamInterface<Sort> {};

TEST_P(DeathsOf, EachWayEndsAsIfNothingHadHappened) {
  const Sort& sort = GetParam();
  for (const Way way : kWays) {
    if (NeedsTarget(way) && (!sort.has_target || sort.owner_brings)) continue;
    const Outcome clean = Live(sort, way, Fault::kNone, 0);
    for (const std::string& problem : problems_) ADD_FAILURE() << problem;
    const std::string next = *sort.algorithm == '\0' ? "" : ", 3 STAGED";
    EXPECT_EQ(clean.states.back(), EndOf(way) + next) << NameOf(way);
    if (sort.has_target) {
      EXPECT_EQ(clean.works, way == Way::kDeleted ? 0u : 1u) << NameOf(way);
    }
    for (const Fault fault : kFaults) {
      for (const std::string& unlike : Unlike(clean, sort, way, fault)) ADD_FAILURE() << unlike;
    }
  }
  std::printf("%d faults in %d lives\n", faults_, lives_);
  EXPECT_GE(faults_, 150);
  ExpectClean();
}

INSTANTIATE_TEST_SUITE_P(Sorts, DeathsOf, testing::ValuesIn(kSorts),
                         [](const auto& sort) { return std::string(sort.param.name); });

// A key of this sort takes up to a second to make.
TEST_F(DeathsTest, TheScheduledWayOfAnRsaKeyDoesToo) {
  const Outcome clean = Live(kSlow, Way::kScheduled, Fault::kNone, 0);
  EXPECT_EQ(clean.states.back(), "1 DESTROYED, 2 CURRENT, 3 STAGED");
  for (const std::string& unlike :
       Unlike(clean, kSlow, Way::kScheduled, Fault::kDiesAfter, /*first=*/2, /*step=*/4)) {
    ADD_FAILURE() << unlike;
  }
}

// What must be noticed.
TEST_F(DeathsTest, AStoreThatForgetsACommitIsNoticed) {
  const Outcome clean = Live(kSorts[0], Way::kManual, Fault::kNone, 0);
  EXPECT_FALSE(Unlike(clean, kSorts[0], Way::kManual, Fault::kForgotten).empty());
}

TEST_F(DeathsTest, ATargetThatIsSetTwiceIsNoticed) {
  target_of_all_.forgets = true;
  const Outcome clean = Live(kSorts[3], Way::kManual, Fault::kNone, 0);
  EXPECT_FALSE(Unlike(clean, kSorts[3], Way::kManual, Fault::kDiesBefore).empty());
}

}  // namespace
}  // namespace keyturn
