// The server dies, or a commit fails, at each commit of a way through a rotation; what comes after
// goes on from there. However it went, it ends as the way without a death: the same states, runs
// and values, each transition in the audit log once, at every moment one current version whose
// value works, and a target that was set to nothing twice. All of it is seen through the public API
// and the events.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "storage/schema.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {

enum class CommitFault {
  kNone,
  kDiesBefore,   // nothing of it is there afterwards
  kDiesAfter,    // it is durable, and nobody was told
  kUnavailable,  // it fails once, and the server lives on
  kRefused,      // likewise, as if it were the secret's fault
  kForgotten,    // a mutant: it is said to be durable, and is not
};

// One that counts what a target must not see, and answers as a test says.
class StrictTarget : public FakeTarget {
 public:
  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override {
    RETURN_IF_ERROR(Says("probe", call));
    ASSIGN_OR_RETURN(const bool works, FakeTarget::Probe(call, value));
    return works && !forgets;
  }
  absl::Status Apply(const DriverCall& call, const SecretBytes& current,
                     const SecretBytes& pending) override {
    RETURN_IF_ERROR(Says("apply", call));
    if (works.count(std::string(pending.ExposeForCrypto())) > 0) ++set_twice;
    if (works.count(std::string(current.ExposeForCrypto())) == 0) ++lost;
    RETURN_IF_ERROR(FakeTarget::Apply(call, current, pending));
    return Says("applied", call);
  }
  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override {
    RETURN_IF_ERROR(Says("test", call));
    if (stuck) return absl::PermissionDeniedError("refused");
    return FakeTarget::Test(call, pending);
  }
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes& old, absl::Time end) override {
    RETURN_IF_ERROR(Says("arm", call));
    return FakeTarget::ArmExpiry(call, old, end);
  }
  absl::Status Retire(const DriverCall& call, const SecretBytes& old) override {
    RETURN_IF_ERROR(Says("retire", call));
    return FakeTarget::Retire(call, old);
  }

  // Before what is asked for is done ("applied": after it), about that version. What it says must
  // follow from what is stored, as who died asks again.
  std::function<absl::Status(absl::string_view what, uint64_t version)> says;
  int set_twice = 0, lost = 0;
  bool stuck = false;    // what is set does not work everywhere
  bool forgets = false;  // a mutant: it does not know what it has

 private:
  absl::Status Says(absl::string_view what, const DriverCall& call) const {
    return says == nullptr ? absl::OkStatus() : says(what, call.version.value());
  }
};

// What a kind of secret needs of a way through its rotation.
struct SecretSort {
  const char* name;  // of the test
  v1::Kind kind;
  bool owner_brings = false;  // the value
  bool has_target = false;
  const char* algorithm = "";  // of one that signs

  bool signs() const { return *algorithm != '\0'; }
};
inline void PrintTo(const SecretSort& sort, std::ostream* out) { *out << sort.name; }

inline constexpr SecretSort kGeneric = {"Generic", v1::KIND_GENERIC};
inline constexpr SecretSort kHeld = {"Held", v1::KIND_API_KEY};
inline constexpr SecretSort kAwaited = {"Awaited", v1::KIND_API_KEY, /*owner_brings=*/true};
inline constexpr SecretSort kHeldAtItsProvider = {"HeldAtItsProvider", v1::KIND_API_KEY, false,
                                                  /*has_target=*/true};
inline constexpr SecretSort kDatabase = {"Database", v1::KIND_DB_CREDENTIAL, false,
                                         /*has_target=*/true};
inline constexpr SecretSort kAwaitedAtItsProvider = {"AwaitedAtItsProvider", v1::KIND_API_KEY,
                                                     /*owner_brings=*/true, /*has_target=*/true};
inline constexpr SecretSort kSignsHs256 = {"HS256", v1::KIND_JWT_KEY, false, false, "HS256"};
inline constexpr SecretSort kSignsEs256 = {"ES256", v1::KIND_JWT_KEY, false, false, "ES256"};
inline constexpr SecretSort kSignsEdDsa = {"EdDSA", v1::KIND_JWT_KEY, false, false, "EdDSA"};
inline constexpr SecretSort kSignsRs256 = {"RS256", v1::KIND_JWT_KEY, false, false, "RS256"};

// A way through a rotation, from its beginning until all that comes of it is over.
struct Journey {
  std::string name;
  std::function<void()> go;
  // Of the secret, beside what its sort needs.
  std::function<void(v1::RotationPolicy* policy)> policy = nullptr;
  // An event of an attempt, which is not known of if the server dies before it says how it went.
  std::string uncounted = "";
};

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
    CommitFault fault = CommitFault::kNone;
    bool counted = false;
    const absl::StatusOr<Revision> revision =
        disk.Update([&](const View& view, Batch& batch) -> absl::Status {
          RETURN_IF_ERROR(fn(view, batch));
          if (!counted && OfASecret(batch)) {
            counted = true;
            if (turn_ > 0 && --turn_ == 0) fault = fault_;
          }
          const bool made = fault == CommitFault::kNone || fault == CommitFault::kDiesAfter;
          return made ? absl::OkStatus() : absl::UnavailableError("the commit failed");
        });
    hit_ = hit_ || fault != CommitFault::kNone;
    switch (fault) {
      case CommitFault::kNone:
        break;
      case CommitFault::kDiesAfter:
        unheard_ = revision.ok();
        [[fallthrough]];
      case CommitFault::kDiesBefore:
        dead_ = true;
        return absl::UnavailableError("the server died here");
      case CommitFault::kUnavailable:
        return revision;
      case CommitFault::kRefused:
        return absl::InternalError("the commit was refused");
      case CommitFault::kForgotten:
        return disk.LastRevision();
    }
    if (revision.ok() && counted && !path_.empty()) Look();
    return revision;
  }
  static bool OfASecret(const Batch& batch) {
    return std::any_of(
        batch.operations().begin(), batch.operations().end(), [](const Batch::Operation& change) {
          return change.family == Family::kDue || schema::SecretOf(change).has_value();
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
  v1::VersionInfo First() {
    const v1::RotationStatus status = Status(path_);
    return status.versions(status.versions_size() - 1);
  }

  void Begin(const Journey& way) {
    v1::RotationPolicy policy = NoJitter();
    if (way.policy != nullptr) way.policy(&policy);
    if (sort_->has_target) policy.set_target("fake");
    if (sort_->signs()) {
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

  // With the fault at the turn-th commit; 0: none.
  Outcome Live(const SecretSort& sort, const Journey& way, CommitFault fault, int turn) {
    sort_ = &sort;
    const std::string path = absl::StrCat("s", ++lives_);
    path_ = path;
    target_of_all_.works.clear();
    target_of_all_.armed.clear();
    target_of_all_.set_twice = target_of_all_.lost = 0;
    target_of_all_.stuck = false;
    revoked_kids_.clear();
    values_.clear();
    states_.clear();
    problems_.clear();
    Begin(way);
    events_.clear();
    fault_ = fault;
    turn_ = turn;
    hit_ = false;
    way.go();
    turn_ = 0;
    target_of_all_.says = nullptr;
    users_.clear();
    Outcome outcome;
    outcome.states = states_;
    outcome.runs = Runs(path_);
    for (const std::string& event : events_) ++outcome.events[event.substr(0, event.find(' '))];
    outcome.events.erase(way.uncounted);
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

  // All lives with the fault, at each commit, that end otherwise than `clean`.
  std::vector<std::string> Unlike(const Outcome& clean, const SecretSort& sort, const Journey& way,
                                  CommitFault fault) {
    std::vector<std::string> out;
    for (int turn = 1; turn < 200; ++turn) {
      const Outcome outcome = Live(sort, way, fault, turn);
      if (!hit_) return out;
      ++faults_;
      const std::string where =
          absl::StrCat(way.name, ", fault ", static_cast<int>(fault), " at commit ", turn, ": ");
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
  CommitFault fault_ = CommitFault::kNone;
  int turn_ = 0;
  bool hit_ = false;
  const SecretSort* sort_ = nullptr;
  std::string path_;
  std::map<uint64_t, std::string> values_;  // of versions, as they were seen first
  std::vector<std::string> states_, problems_;
  int lives_ = 0, faults_ = 0;
};

}  // namespace keyturn
