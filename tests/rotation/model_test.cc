// The engine against a reference (tests/rotation/reference_secret.h): random calls of everybody who
// has to do with a secret, at targets that fail in every way, on a clock that runs, jumps and
// waits, through deaths at any change. Each answer, each event of the audit log, each call of a
// target and what is read must be what the documents promise, and nothing may be left undone.
//
// KEYTURN_SEED runs a failure again, KEYTURN_ROTATION_OPERATIONS runs longer. What is random in the
// engine itself (waits, jitter) differs, so a failure may take a few runs to come back.
#include <cstdio>
#include <deque>
#include <random>

#include <gtest/gtest.h>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/rotation.h"
#include "storage/rocks_store.h"
#include "storage/schema.h"
#include "tests/rotation/reference_secret.h"
#include "tests/support/keys.h"
#include "tests/support/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"
#include "vault/context.h"
#include "vault/fields.h"
#include "vault/vault.h"

namespace keyturn {
namespace {

constexpr int kModelOperations = kSanitized ? 20'000 : 1'000'000;
constexpr int kOperationsOfOneStore = 5'000;
constexpr int kStoresForOneOnRocks = 25;
constexpr size_t kModelSecrets = 24;
constexpr size_t kLinesKept = 40;

// A fault that the model must find.
enum class ModelFault {
  kNone,
  kClockAhead,   // of the engine
  kEventUntold,  // now and then a promotion is not in the audit log
  kDeafTimers,   // now and then the engine is not told of a change
  kOldReads,     // now and then a read is that of the version before
};

// What has happened, in its order: events of the engine, and calls of targets.
struct Happening {
  bool event = false;
  std::string name;  // of the event or the call
  std::string path;
  ReferenceSecret::Notes notes;
  uint64_t version = 0;
  absl::Status status;
  bool answer = false;
};

// Accounts of every secret. Fails now and then, in each class, having done it or not.
class ModelTarget : public Driver {
 public:
  ModelTarget(std::mt19937_64& random, std::vector<Happening>& happened)
      : random_(random), happened_(happened) {}

  absl::StatusOr<bool> Probe(const DriverCall& call, const SecretBytes& value) override {
    const absl::Status status = Chance();
    const bool works = Works(call, value);
    RETURN_IF_ERROR(Tell("probe", call, status, works));
    return works;
  }
  absl::Status Apply(const DriverCall& call, const SecretBytes&,
                     const SecretBytes& pending) override {
    const absl::Status status = Chance();
    const bool unclear = FailureOf(status) == Failure::kAmbiguous && random_() % 2 == 0;
    if (status.ok() || unclear) works_[call.secret].insert(Of(pending));
    return Tell("apply", call, status, false);
  }
  absl::Status Test(const DriverCall& call, const SecretBytes& pending) override {
    absl::Status status = Chance();
    if (status.ok() && !Works(call, pending)) status = absl::InternalError("it does not work");
    return Tell("test", call, status, false);
  }
  absl::Status ArmExpiry(const DriverCall& call, const SecretBytes&, absl::Time) override {
    return Tell("arm", call, Chance(), false);
  }
  absl::Status Disarm(const DriverCall&, const SecretBytes&) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall&, const SecretBytes&) override {
    return 0;
  }
  absl::Status Retire(const DriverCall& call, const SecretBytes& old) override {
    const absl::Status status = Chance();
    // Now and then it says so and does not.
    if (status.ok() && random_() % 20 != 0) works_[call.secret].erase(Of(old));
    return Tell("retire", call, status, false);
  }
  absl::StatusOr<bool> VerifyDead(const DriverCall& call, const SecretBytes& old) override {
    const absl::Status status = Chance();
    const bool dead = !Works(call, old);
    RETURN_IF_ERROR(Tell("verify", call, status, dead));
    return dead;
  }

 private:
  static size_t Of(const SecretBytes& value) {
    return absl::Hash<absl::string_view>()(value.ExposeForCrypto());
  }
  bool Works(const DriverCall& call, const SecretBytes& value) {
    const auto found = works_.find(call.secret);
    return found != works_.end() && found->second.count(Of(value)) > 0;
  }
  absl::Status Chance() {
    switch (random_() % 40) {
      case 0:
      case 1:
        return absl::UnavailableError("away");
      case 2:
        return absl::PermissionDeniedError("refused");
      case 3:
        return absl::InvalidArgumentError("not such a value");
      case 4:
      case 5:
        return absl::DeadlineExceededError("no answer");
      case 6:
        return absl::InternalError("broken");
      default:
        return absl::OkStatus();
    }
  }
  absl::Status Tell(const char* name, const DriverCall& call, const absl::Status& status,
                    bool answer) {
    Happening happening;
    happening.name = name;
    happening.path = call.path;
    happening.version = call.version.value();
    happening.status = status;
    happening.answer = answer;
    happened_.push_back(std::move(happening));
    return status;
  }

  std::mt19937_64& random_;
  std::vector<Happening>& happened_;
  std::map<Uuid, std::set<size_t>> works_;
};

// As the clock that it is made of, but some time ahead of it.
class ClockAhead : public Clock {
 public:
  explicit ClockAhead(SimulatedClock& clock) : clock_(clock) {}
  absl::Time Now() const override { return clock_.Now() + ahead; }
  int64_t MonotonicNanos() const override { return clock_.MonotonicNanos(); }
  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) override {
    return clock_.AwaitWithDeadline(mutex, condition, deadline);
  }
  absl::Duration ahead;

 private:
  SimulatedClock& clock_;
};

// One store with its secrets and their references. Stops at the first difference: problem().
class RotationModel : public Updater {
 public:
  explicit RotationModel(uint64_t seed, ModelFault fault = ModelFault::kNone)
      : seed_(seed),
        fault_(fault),
        random_(seed),
        target_(random_, happened_),
        engine_clock_(clock_),
        files_(NewMemoryFileSystem()),
        keyring_(TestKeyring(*files_, clock_)) {
    if (fault == ModelFault::kClockAhead) engine_clock_.ahead = absl::Minutes(2);
  }

  // On RocksDB in memory, which takes three times as long, or a map.
  void Run(int operations, bool on_rocks) {
    store_ = std::make_unique<MemoryStore>();
    if (on_rocks) {
      auto store = OpenRocksStore({.directory = "/store", .in_memory = true}, clock_);
      if (!store.ok()) return Fail("no store: " + store.status().ToString());
      store_ = *std::move(store);
    }
    store_->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      vault_->OnCommitted(group);
      NoteHints(group);
      if (fault_ == ModelFault::kDeafTimers && OneIn(100)) return;
      rotation_->OnCommitted(group);
    });
    store_->SetRecordHasher(NewRecordHasher(**keyring_->Snapshot()));
    Open();
    for (step_ = 0; step_ < operations && problem_.empty(); ++step_) Step();
    if (problem_.empty()) CheckEverything();
  }

  const std::string& problem() const { return problem_; }
  const std::map<std::string, int>& counts() const { return counts_; }

  // The caller's updates, which may be the last ones of a server.
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    committed_ = false;
    return Change(fn, nullptr, nullptr);
  }

 private:
  using Secret = ReferenceSecret;

  // The engine and the vault anew, over what is stored.
  void Open() {
    rotation_.reset();
    vault_.reset();
    vault_ = Vault::Create(*store_, *keyring_, clock_);
    rotation_ = Rotation::Create(
        {.store = *store_,
         .keyring = *keyring_,
         .clock = engine_clock_,
         .update = [this](absl::string_view event, absl::string_view path,
                          UpdateFn fn) { return OfEngine(event, path, fn); },
         .password_policy = [](const std::string& name) -> absl::StatusOr<v1::PasswordPolicy> {
           return absl::NotFoundError(name);
         },
         .driver = [this](const SecretMetadata& metadata, const std::string&) -> Driver* {
           return metadata.kind() == v1::KIND_API_KEY ? &target_ : nullptr;
         },
         .users =
             [this](const Uuid&, SecretVersion) {
               return used_ ? std::vector<std::string>{"payments/api"} : std::vector<std::string>();
             },
         .workers = 1});
    const absl::Status vault = vault_->OnUnsealed();
    const absl::Status rotation = rotation_->OnUnsealed();
    if (!vault.ok() || !rotation.ok()) Fail("it cannot be opened");
    for (const auto& [path, secret] : by_path_) secret->ForgetAttempt();
    looked_ = false;
    ServerIsUp(kept_since_, kept_);
    behind_ = kept_;
    LookAtClock();
    KeepTime();
  }

  absl::StatusOr<Revision> OfEngine(absl::string_view event, absl::string_view path, UpdateFn fn) {
    if (path.empty()) {  // of no secret
      Count(std::string(event));
      if (event == "rotation_storm") storm_at_ = clock_.Now();
      return store_->Update(fn);
    }
    Happening happening;
    happening.event = true;
    happening.name = std::string(event);
    happening.path = std::string(path);
    bool done = false;
    absl::StatusOr<Revision> revision = Change(fn, &happening.notes, &done);
    const bool untold =
        fault_ == ModelFault::kEventUntold && event == "rotation_promoted" && random_() % 50 == 0;
    if (done && !untold) {
      Count(happening.name);
      happened_.push_back(std::move(happening));
    }
    return revision;
  }

  // Dies before or after the change, if this is the one to die at.
  absl::StatusOr<Revision> Change(UpdateFn fn, Secret::Notes* notes, bool* done) {
    const bool dies = die_at_ > 0 && --die_at_ == 0;
    if (dies) dead_ = true;
    if (dead_ && !(dies && die_after_)) return absl::UnavailableError("the server died here");
    absl::StatusOr<Revision> revision =
        store_->Update([&](const View& view, Batch& batch) -> absl::Status {
          RETURN_IF_ERROR(fn(view, batch));
          if (notes != nullptr) *notes = {batch.notes().begin(), batch.notes().end()};
          return absl::OkStatus();
        });
    if (done != nullptr) *done = revision.ok();
    if (revision.ok()) committed_ = true;
    if (dies) return absl::UnavailableError("the server died here");
    return revision;
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t times) { return Below(times) == 0; }
  template <typename T>
  T AnyOf(std::initializer_list<T> list) {
    return *(list.begin() + Below(list.size()));
  }

  void Count(const std::string& what) { ++counts_[what]; }
  void Fail(const std::string& what) {
    if (!problem_.empty()) return;
    problem_ = absl::StrCat("KEYTURN_SEED=", seed_, ", operation ", step_, " at ",
                            absl::FormatTime(clock_.Now(), absl::UTCTimeZone()), ": ", what);
  }
  void Fail(const Secret& secret, const std::string& what) {
    Fail(absl::StrCat(secret.path(), ": ", what, "\n", secret.ToString(), "its last operations:\n",
                      absl::StrJoin(told_[&secret], "\n")));
  }
  void Tell(const Secret& secret, const std::string& what) {
    std::deque<std::string>& told = told_[&secret];
    told.push_back(
        absl::StrCat(step_, " ", absl::FormatTime(clock_.Now(), absl::UTCTimeZone()), " ", what));
    if (told.size() > kLinesKept) told.pop_front();
  }

  // Whether the clock may be believed, by what docs/ROTATION.md says of it.
  bool Frozen() const { return looked_ && clock_.MonotonicNanos() < frozen_until_; }
  void LookAtClock() {
    const absl::Time wall = engine_clock_.Now();
    const int64_t nanos = clock_.MonotonicNanos();
    absl::Duration off;
    if (looked_) {
      off = wall - wall_ - absl::Nanoseconds(nanos - nanos_);
    } else {
      frozen_until_ = nanos;
    }
    const bool wrong =
        absl::AbsDuration(off) > absl::Minutes(1) || wall < behind_ - absl::Minutes(1);
    if (wrong) frozen_until_ = nanos + absl::ToInt64Nanoseconds(absl::Minutes(10));
    if (wrong && looked_) ServerIsUp(up_since_, last_wall_);
    // Steps within an hour add up.
    if (wrong || !looked_ || nanos - nanos_ >= absl::ToInt64Nanoseconds(absl::Hours(1))) {
      wall_ = wall;
      nanos_ = nanos;
    }
    looked_ = true;
    if (!Frozen()) behind_ = absl::InfinitePast();
    latest_ = std::max(latest_, wall);
    last_wall_ = wall;
  }
  // From now on; before, it was so for this time.
  void ServerIsUp(absl::Time from, absl::Time until) {
    up_from_ = from;
    up_until_ = until;
    up_since_ = engine_clock_.Now();
    up_since_nanos_ = clock_.MonotonicNanos();
  }
  // The engine keeps the time at unseal and with its looks, once an hour.
  void KeepTime() {
    const absl::Time wall = engine_clock_.Now();
    if (Frozen() || absl::AbsDuration(wall - kept_) < absl::Hours(1)) return;
    kept_ = wall;
    kept_since_ = up_since_;
  }

  Secret* At(const std::string& path) {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second;
  }

  // A wait that the engine begins has no event, but moves the secret's hint. Why it waits (a storm,
  // a window, versions that work) can be seen at that moment only.
  void NoteHints(absl::Span<const CommittedUpdate> group) {
    for (const CommittedUpdate& update : group) {
      for (const Batch::Operation& operation : *update.operations) {
        if (operation.family != Family::kDue || operation.is_delete) continue;
        const std::optional<schema::DueItem> item = schema::ParseDueKey(operation.key);
        if (item.has_value() && item->due_class == kDueRotation) hinted_.insert(item->object);
      }
    }
  }
  void TouchHinted() {
    if (hinted_.empty()) return;
    for (const auto& [path, secret] : by_path_) {
      const auto found = vault_->Find(path);
      if (!found.ok()) return Fail(*secret, found.status().ToString());
      if (hinted_.count(found->id) > 0) touched_.insert(secret);
    }
    hinted_.clear();
  }

  Secret::Scene Around() const {
    return {.now = clock_.Now(),
            .frozen = Frozen(),
            .used = used_,
            .up_since = up_since_,
            .up = absl::Nanoseconds(clock_.MonotonicNanos() - up_since_nanos_),
            .up_from = up_from_,
            .up_until = up_until_};
  }

  // Takes what has happened into the references.
  void TakeHappenings() {
    for (const Happening& happening : happened_) {
      Secret* const secret = At(happening.path);
      if (secret == nullptr) return Fail(happening.name + " of no secret: " + happening.path);
      Tell(*secret,
           absl::StrCat("  ", happening.name, " ",
                        happening.event
                            ? absl::StrJoin(happening.notes, " ", absl::PairFormatter("="))
                            : absl::StrCat(happening.version, " ", happening.status.ToString(), " ",
                                           happening.answer)));
      const std::string wrong =
          happening.event ? secret->OnEvent(happening.name, happening.notes, Around())
                          : secret->OnTarget(happening.name, happening.version, happening.status,
                                             happening.answer, clock_.Now());
      if (!wrong.empty()) return Fail(*secret, happening.name + ": " + wrong);
      touched_.insert(secret);
    }
    happened_.clear();
  }

  void Compare(Secret& secret) {
    if (!problem_.empty()) return;
    v1::GetRotationStatusRequest request;
    request.set_path(secret.path());
    const auto status = rotation_->GetStatus(request);
    if (!status.ok()) return Fail(secret, status.status().ToString());
    Compare(secret, *status);
  }
  void Compare(Secret& secret, const v1::RotationStatus& status) {
    if (!problem_.empty()) return;
    const std::string wrong =
        secret.Compare(status, {clock_.Now(), latest_, Frozen(), storm_at_ == clock_.Now()});
    if (!wrong.empty()) return Fail(secret, absl::StrCat(wrong, "\nit has ", Shown(status)));
    Schedule(secret);
    CheckReads(secret);
  }

  static std::string Shown(const v1::RotationStatus& status) {
    std::vector<std::string> out;
    for (const v1::VersionInfo& version : status.versions()) {
      out.push_back(
          absl::StrCat(version.version(), " ", v1::VersionState_Name(version.state()).substr(14)));
    }
    return absl::StrCat(absl::StrJoin(out, ", "), "; ", status.open_run().ShortDebugString());
  }

  // The value or the reason that it is not given, of a number or (0) an alias.
  std::string Get(const Secret& secret, uint64_t number, bool previous) {
    v1::GetRequest request;
    request.set_path(secret.path());
    if (fault_ == ModelFault::kOldReads && number == 0 && OneIn(100)) previous = true;
    request.mutable_version()->set_number(number);
    if (previous) request.mutable_version()->set_alias(v1::VersionSelector::PREVIOUS);
    const auto result = vault_->Get(request, absl::InfiniteFuture());
    if (!result.ok()) return ReasonOf(result.status());
    std::string out;
    const absl::Status read =
        ForEachField(result->data.ExposeForCrypto(), [&](const FieldView& field) {
          out = std::string(field.value);
          return true;
        });
    return read.ok() ? out : read.ToString();
  }
  void CheckRead(Secret& secret, uint64_t number, uint64_t asked, bool previous) {
    const std::string expected = secret.Read(number, clock_.Now());
    const std::string got = Get(secret, asked, previous);
    if (got == expected) return;
    if (expected == "?" && got.size() >= 43) return secret.SawValue(number, got);
    Fail(secret, absl::StrCat("read of version ", number, previous ? " as the previous one" : "",
                              ": ", got, ", not ", expected));
  }
  void CheckReads(Secret& secret) {
    CheckRead(secret, secret.current(), 0, false);
    if (OneIn(2)) CheckRead(secret, secret.Previous(), 0, true);
    if (OneIn(2)) {
      const auto& versions = secret.versions();
      const uint64_t number = versions[Below(versions.size())].number;
      CheckRead(secret, number, number, false);
    }
  }

  // Order of what has to happen.
  void Schedule(Secret& secret) {
    const absl::Time duty = std::min(secret.Duty(clock_.Now()), secret.NextPurge());
    absl::Time& known = duties_of_[&secret];
    duties_.erase({known, &secret});
    known = duty;
    if (duty != absl::InfiniteFuture()) duties_.insert({duty, &secret});
  }

  // After a call: what it asked for is done, and nothing else is changed.
  void AfterCall(Secret& secret, const v1::RotationStatus* status) {
    TakeHappenings();
    if (!problem_.empty()) return;
    if (dead_) return;
    if (status != nullptr && secret.MustGoOn()) return Fail(secret, "it does not go on");
    if (status != nullptr) {
      Compare(secret, *status);
    } else {
      Compare(secret);
    }
    touched_.erase(&secret);
  }

  // All that is due, as the server looks each second.
  void RunDue() {
    for (int i = 0; i < 1000 && problem_.empty(); ++i) {
      LookAtClock();
      KeepTime();
      absl::Time next;
      const absl::StatusOr<int> handled = rotation_->RunDue(&next);
      if (!handled.ok() && !dead_) return Fail("the round ended: " + handled.status().ToString());
      TakeHappenings();
      if (dead_) {
        ++counts_["death"];
        dead_ = false;
        die_at_ = 0;
        Open();
        continue;
      }
      if (*handled == 0) break;
    }
    if (!problem_.empty()) return;
    if (rotation_->stats().secrets_failing != 0) return Fail("a secret was passed over");
    if (rotation_->stats().clock_trusted == Frozen()) return Fail("the clock");
    TouchHinted();
    if (!problem_.empty()) return;
    for (Secret* const secret : std::set<Secret*>(touched_)) Compare(*secret);
    touched_.clear();
    // While the clock is behind what it showed before, what was to be done then may wait for it.
    if (Frozen() || clock_.Now() < latest_) return;
    while (problem_.empty() && !duties_.empty() && duties_.begin()->first <= clock_.Now()) {
      Secret* const secret = duties_.begin()->second;
      Compare(*secret);
      if (!problem_.empty()) return;
      if (duties_of_[secret] <= clock_.Now()) return Fail(*secret, "something is due and not done");
    }
  }

  void RunVault() {
    if (Frozen()) return;
    std::vector<Secret*> due;
    for (const auto& [path, secret] : by_path_) {
      if (secret->NextPurge() <= clock_.Now()) due.push_back(secret);
    }
    if (due.empty()) return;
    absl::Time next;
    for (int i = 0; i < 100; ++i) {
      const absl::StatusOr<int> handled = vault_->RunDue(*store_, &next);
      if (!handled.ok()) return Fail(handled.status().ToString());
      if (*handled == 0) break;
    }
    for (Secret* const secret : due) {
      if (secret->Purge(clock_.Now())) secret->Changed(clock_.Now());
      Tell(*secret, "purged");
      touched_.insert(secret);
    }
  }

  void Settle() {
    LookAtClock();
    if (problem_.empty()) RunVault();
    if (problem_.empty()) RunDue();
  }

  void Pass(absl::Duration duration) {
    clock_.AdvanceTime(duration);
    Settle();
  }

  Secret* AnySecret() {
    if (by_path_.empty()) return nullptr;
    return std::next(by_path_.begin(), static_cast<ptrdiff_t>(Below(by_path_.size())))->second;
  }

  void NewSecret() {
    const std::string path = absl::StrCat(OneIn(2) ? "d/" : "", "s", ++named_);
    const v1::Kind kind = AnyOf(
        {v1::KIND_GENERIC, v1::KIND_GENERIC, v1::KIND_JWT_KEY, v1::KIND_API_KEY, v1::KIND_API_KEY});
    secrets_.push_back(std::make_unique<Secret>(path, kind, kind == v1::KIND_API_KEY));
    Secret& secret = *secrets_.back();
    duties_of_[&secret] = absl::InfiniteFuture();
    by_path_[path] = &secret;
    Put(secret);
    if (secret.newest() == 0 && problem_.empty()) Drop(secret);  // the server died before
  }
  void Drop(Secret& secret) {
    duties_.erase({duties_of_[&secret], &secret});
    duties_of_.erase(&secret);
    touched_.erase(&secret);
    by_path_.erase(secret.path());
    told_.erase(&secret);
  }

  // `call` changes the secret; `expected` is the same of a copy of its reference.
  template <typename Call, typename Expected>
  void Do(Secret& secret, const std::string& what, Call call, Expected expected) {
    Count(what.substr(0, what.find(' ')));
    Secret after = secret;
    const std::string reason = expected(after);
    Tell(secret, what + (reason.empty() ? "" : ", to be refused: " + reason));
    // Kinds of calls look at the clock when they go on.
    committed_ = false;
    const absl::Status status = call();
    const bool died = dead_ && absl::IsUnavailable(status);
    if (died && reason.empty()) {
      if (committed_) secret = std::move(after);
      return;
    }
    const std::string said = ReasonOf(status);
    if (died ? false : said != reason) {
      return Fail(secret, absl::StrCat(what, ": ", status.ToString(), ", not ", reason));
    }
    if (reason.empty()) {
      secret = std::move(after);
    } else {
      Count("refused");
    }
  }

  // A call of the engine, which goes on with it at once.
  template <typename Call, typename Expected>
  void Ask(Secret& secret, const std::string& what, Call call, Expected expected) {
    absl::StatusOr<v1::RotationStatus> status = absl::InternalError("not asked");
    happened_.clear();
    Do(
        secret, what,
        [&]() -> absl::Status {
          status = call();
          return status.status();
        },
        expected);
    if (!problem_.empty()) return;
    if (status.ok()) LookAtClock();
    if (Frozen() && committed_) secret.Changed(clock_.Now());
    AfterCall(secret, status.ok() && !dead_ ? &*status : nullptr);
  }

  void Put(Secret& secret) {
    const std::string value = absl::StrCat("value ", ++values_, " of somebody");
    PutParams params;
    params.path = *SecretPath::Parse(secret.path());
    params.kind = secret.newest() == 0 ? secret.kind() : v1::KIND_UNSPECIFIED;
    params.principal = "somebody";
    const FieldView field{"value", 1, value};
    const SecretBytes data = *EncodeFields({&field, 1});
    Do(
        secret, "put", [&] { return vault_->Put(*this, params, data).status(); },
        [&](Secret& after) { return after.Put(value, clock_.Now()); });
    Changed(secret);
  }

  v1::RotationPolicy RandomPolicy(v1::Kind kind) {
    constexpr int64_t kDay = 86'400;
    v1::RotationPolicy policy;
    policy.set_period_seconds(AnyOf<int64_t>({0, 3600, kDay, 12 * kDay, 30 * kDay}));
    const int64_t period = policy.period_seconds() == 0 ? 90 * kDay : policy.period_seconds();
    policy.set_grace_seconds(AnyOf<int64_t>({0, 0, -1, 600, period / 10, period}));
    if (OneIn(3)) policy.set_jitter_max_seconds(AnyOf<int64_t>({-1, 1, period / 2}));
    const int64_t grace = policy.grace_seconds() == 0  ? std::min(7 * kDay, period)
                          : policy.grace_seconds() < 0 ? 0
                                                       : policy.grace_seconds();
    if (OneIn(3) && grace < period) policy.set_grace_mode(v1::RotationPolicy::BEFORE);
    if (OneIn(4)) {
      policy.set_max_credential_age_seconds(std::max(2 * grace, grace + 60) +
                                            static_cast<int64_t>(Below(3)) * period / 2);
    }
    if (OneIn(4)) {
      v1::RotationWindow* const window = policy.add_windows();
      window->set_cron("0 3 * * *");
      window->set_duration_seconds(3600);
    }
    if (OneIn(3)) policy.set_enforcement(v1::RotationPolicy::SOFT);
    if (OneIn(3)) policy.set_retire_gate(v1::RotationPolicy::BLOCK);
    policy.set_max_live_versions(AnyOf<uint32_t>({0, 2, 5}));
    policy.set_destroy_after_seconds(AnyOf<int64_t>({0, 1, 3 * kDay}));
    if (!OneIn(4) || kind == v1::KIND_API_KEY) {
      if (OneIn(6)) {
        policy.mutable_source()->mutable_reminder();
      } else {
        policy.mutable_source()->mutable_generate();
      }
    }
    return policy;
  }

  void SetPolicy(Secret& secret) {
    v1::SetRotationPolicyRequest request;
    request.set_path(secret.path());
    *request.mutable_policy() = RandomPolicy(secret.kind());
    Compare(secret);  // when it is due, which decides, is planned without an event
    if (!problem_.empty()) return;
    Ask(
        secret, "policy " + request.policy().ShortDebugString(),
        [&] { return rotation_->SetPolicy(*this, request); },
        [&](Secret& after) { return after.SetPolicy(request.policy(), clock_.Now()); });
  }
  void RemovePolicy(Secret& secret) {
    v1::RemoveRotationPolicyRequest request;
    request.set_path(secret.path());
    Ask(
        secret, "remove-policy", [&] { return rotation_->RemovePolicy(*this, request); },
        [&](Secret& after) { return after.RemovePolicy(clock_.Now()); });
  }
  void Cancel(Secret& secret) {
    v1::CancelRotationRequest request;
    request.set_path(secret.path());
    request.set_reason("not today");
    Ask(
        secret, "cancel", [&] { return rotation_->Cancel(*this, request); },
        [&](Secret& after) { return after.Cancel(clock_.Now()); });
  }
  void Pause(Secret& secret) {
    v1::PauseRotationRequest request;
    request.set_path(secret.path());
    request.set_reason("freeze");
    Ask(
        secret, "pause", [&] { return rotation_->Pause(*this, request); },
        [&](Secret& after) { return after.Pause(true); });
  }
  void Resume(Secret& secret) {
    v1::ResumeRotationRequest request;
    request.set_path(secret.path());
    Ask(
        secret, "resume", [&] { return rotation_->Resume(*this, request); },
        [&](Secret& after) { return after.Pause(false); });
  }
  void Rotate(Secret& secret) {
    v1::RotateRequest request;
    request.set_path(secret.path());
    request.set_emergency(OneIn(5));
    request.set_revoke_first(OneIn(10));
    request.set_force(OneIn(3));
    if (!OneIn(3)) request.set_reason("because");
    Ask(
        secret, "rotate " + request.ShortDebugString(),
        [&] { return rotation_->Rotate(*this, request, "oncall"); },
        [&](Secret& after) { return after.Rotate(request, clock_.Now()); });
  }
  void Rollback(Secret& secret) {
    v1::RollbackRequest request;
    request.set_path(secret.path());
    request.set_reason("it broke");
    request.set_compromised(OneIn(4));
    if (OneIn(3)) request.set_hold_seconds(AnyOf<int64_t>({1, 3600, 20 * 86'400}));
    Ask(
        secret, "rollback " + request.ShortDebugString(),
        [&] { return rotation_->Rollback(*this, request, "oncall"); },
        [&](Secret& after) { return after.Rollback(request, clock_.Now()); });
  }
  uint64_t SomeVersion(const Secret& secret) {
    std::vector<uint64_t> in_grace;
    for (const Secret::Version& version : secret.versions()) {
      if (version.state == v1::VERSION_STATE_GRACE) in_grace.push_back(version.number);
    }
    if (in_grace.empty() || OneIn(8)) return 1 + Below(secret.newest() + 1);
    return in_grace[Below(in_grace.size())];
  }
  void SetGrace(Secret& secret) {
    v1::SetGraceRequest request;
    request.set_path(secret.path());
    request.set_reason("a partner is late");
    request.set_version(OneIn(2) ? 0 : SomeVersion(secret));
    request.mutable_end_time()->set_seconds(
        absl::ToUnixSeconds(clock_.Now()) +
        AnyOf<int64_t>({-5, 1, 60, 3600, 86'400, 20 * 86'400, 90 * 86'400, 91 * 86'400}));
    Ask(
        secret, "grace " + request.ShortDebugString(),
        [&] { return rotation_->SetGrace(*this, request); },
        [&](Secret& after) { return after.SetGrace(request, clock_.Now()); });
  }
  void Retire(Secret& secret) {
    v1::RetireRequest request;
    request.set_path(secret.path());
    request.set_reason("nobody has it");
    request.set_version(SomeVersion(secret));
    Ask(
        secret, absl::StrCat("retire ", request.version()),
        [&] { return rotation_->Retire(*this, request); },
        [&](Secret& after) { return after.Retire(request.version(), clock_.Now()); });
  }

  void Delete(Secret& secret) {
    v1::DeleteRequest request;
    request.set_path(secret.path());
    const uint64_t number = OneIn(2) ? 0 : 1 + Below(secret.newest());
    if (number != 0) request.add_versions(number);
    const int64_t window = AnyOf<int64_t>({3600, 30 * 86'400});
    request.set_recovery_window_seconds(window);
    Do(
        secret, absl::StrCat("delete ", number, " for ", window),
        [&] { return vault_->Delete(*this, request).status(); },
        [&](Secret& after) { return after.Delete(number, absl::Seconds(window), clock_.Now()); });
    Changed(secret);
  }
  void Undelete(Secret& secret) {
    v1::UndeleteRequest request;
    request.set_path(secret.path());
    Do(
        secret, "undelete", [&] { return vault_->Undelete(*this, request).status(); },
        [&](Secret& after) { return after.Undelete(); });
    Changed(secret);
  }
  void Destroy(Secret& secret) {
    v1::DestroyRequest request;
    request.set_path(secret.path());
    request.add_versions(1 + Below(secret.newest()));
    Do(
        secret, absl::StrCat("destroy ", request.versions(0)),
        [&] { return vault_->Destroy(*this, request).status(); },
        [&](Secret& after) { return after.Destroy(request.versions(0)); });
    Changed(secret);
  }
  void MaxVersions(Secret& secret) {
    v1::UpdateMetadataRequest request;
    request.set_path(secret.path());
    request.set_max_versions(AnyOf<uint32_t>({1, 3, 10, 15}));
    Do(
        secret, absl::StrCat("max-versions ", request.max_versions()),
        [&] { return vault_->UpdateMetadata(*this, request).status(); },
        [&](Secret& after) {
          after.SetMaxVersions(request.max_versions());
          return "";
        });
    Changed(secret);
  }
  void Rename(Secret& secret) {
    v1::RenameRequest request;
    request.set_path(secret.path());
    request.set_new_path(absl::StrCat(OneIn(2) ? "e/" : "", "r", ++named_));
    const std::string from = secret.path();
    Do(
        secret, "rename to " + request.new_path(),
        [&] { return vault_->Rename(*this, request).status(); },
        [&](Secret& after) {
          after.Rename(request.new_path());
          return "";
        });
    by_path_.erase(from);
    by_path_[secret.path()] = &secret;
    touched_.insert(&secret);  // nothing of its rotation changes
  }
  void DestroyAll(Secret& secret) {
    v1::DestroyRequest request;
    request.set_path(secret.path());
    request.set_all(true);
    Count("destroy-all");
    committed_ = false;
    const absl::Status status = vault_->Destroy(*this, request).status();
    if (!status.ok() && !dead_) return Fail(secret, status.ToString());
    if (committed_) Drop(secret);
  }
  // What follows is the engine's to do, a look later.
  void Changed(Secret& secret) {
    if (!problem_.empty()) return;
    if (committed_) secret.Changed(clock_.Now());
    Schedule(secret);
    touched_.insert(&secret);
  }

  void TimePasses() {
    Count("time");
    static constexpr int64_t kDay = 86'400;
    const int64_t most =
        AnyOf<int64_t>({5, 120, 3600, 3600, kDay, kDay, 5 * kDay, OneIn(4) ? 100 * kDay : kDay});
    Pass(absl::Seconds(1 + static_cast<int64_t>(Below(static_cast<uint64_t>(most)))));
  }
  // To the second of what comes next, where mistakes by one show.
  void TimePassesToNext() {
    if (duties_.empty()) return;
    Count("time to what is next");
    const absl::Time next = duties_.begin()->first;
    if (next <= clock_.Now() || next > clock_.Now() + absl::Hours(24 * 400)) return;
    const absl::Duration to = absl::Ceil(next - clock_.Now(), absl::Seconds(1));
    if (to > absl::Seconds(1)) Pass(to - absl::Seconds(1));
    if (problem_.empty()) Pass(absl::Seconds(1));
  }
  void ClockJumps() {
    Count("clock jumps");
    const int64_t jump = AnyOf<int64_t>({59, -59, 61, -61, 3600, -3600, 91 * 86'400, -8 * 86'400});
    clock_.SetTime(clock_.Now() + absl::Seconds(jump));
    Settle();
    if (problem_.empty() && OneIn(2)) Pass(absl::Minutes(static_cast<int64_t>(1 + Below(12))));
  }
  void AcceptClock() {
    Count("accept-clock");
    v1::AcceptClockRequest request;
    request.set_reason("it is right");
    committed_ = false;
    const absl::Status status = rotation_->AcceptClock(*this, request).status();
    if (committed_) kept_ = kept_since_ = engine_clock_.Now();
    if (dead_) return;
    if (!status.ok()) return Fail(status.ToString());
    LookAtClock();
    frozen_until_ = clock_.MonotonicNanos();
    behind_ = absl::InfinitePast();
  }
  void Reopen() {
    Count("reopen");
    Open();
    Settle();
  }

  void OnSecret(Secret& secret) {
    struct Action {
      int weight;
      void (RotationModel::*run)(Secret&);
    };
    static const auto* const actions =
        new std::vector<Action>{{14, &RotationModel::Put},         {8, &RotationModel::SetPolicy},
                                {3, &RotationModel::RemovePolicy}, {7, &RotationModel::Cancel},
                                {4, &RotationModel::Pause},        {6, &RotationModel::Resume},
                                {22, &RotationModel::Rotate},      {10, &RotationModel::Rollback},
                                {7, &RotationModel::SetGrace},     {6, &RotationModel::Retire},
                                {3, &RotationModel::Delete},       {5, &RotationModel::Undelete},
                                {2, &RotationModel::Destroy},      {1, &RotationModel::MaxVersions},
                                {2, &RotationModel::Rename},       {1, &RotationModel::DestroyAll}};
    int sum = 0;
    for (const Action& action : *actions) sum += action.weight;
    int place = static_cast<int>(Below(static_cast<uint64_t>(sum)));
    for (const Action& action : *actions) {
      place -= action.weight;
      if (place < 0) return (this->*action.run)(secret);
    }
  }

  void Step() {
    if (OneIn(40)) used_ = !used_;
    if (OneIn(60)) {
      die_at_ = 1 + static_cast<int>(Below(6));
      die_after_ = OneIn(2);
    }
    if (by_path_.size() < kModelSecrets && OneIn(3)) {
      NewSecret();
    } else if (const uint64_t place = Below(100); place < 14) {
      TimePasses();
    } else if (place < 21) {
      TimePassesToNext();
    } else if (place == 21) {
      ClockJumps();
    } else if (place == 22) {
      if (OneIn(4)) ClockJumps();
      if (problem_.empty() && OneIn(3)) Reopen();
    } else if (place == 23 && OneIn(4)) {
      AcceptClock();
    } else if (Secret* const secret = AnySecret(); secret != nullptr) {
      OnSecret(*secret);
    }
    if (!problem_.empty()) return;
    if (dead_) {  // in a call
      Count("death");
      dead_ = false;
      die_at_ = 0;
      TakeHappenings();
      Open();
    }
    Settle();
  }

  void CheckEverything() {
    for (const auto& [path, secret] : by_path_) Compare(*secret);
    const auto of_store = store_->Verify(NoProgress);
    if (!of_store.ok() || !of_store->empty()) Fail("the store has a problem");
    const auto of_vault = vault_->Verify(NoProgress);
    if (!of_vault.ok() || !of_vault->empty()) {
      Fail("the vault has a problem: " +
           (of_vault.ok() ? (*of_vault)[0].what : of_vault.status().ToString()));
    }
  }

  const uint64_t seed_;
  const ModelFault fault_;
  std::mt19937_64 random_;
  int step_ = 0;
  std::string problem_;
  std::map<std::string, int> counts_;

  SimulatedClock clock_;
  std::vector<Happening> happened_;
  ModelTarget target_;
  ClockAhead engine_clock_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Rotation> rotation_;
  bool used_ = false;
  int die_at_ = 0;
  bool die_after_ = false, dead_ = false, committed_ = false;

  bool looked_ = false;
  absl::Time wall_, last_wall_, latest_ = absl::InfinitePast();
  absl::Time up_since_, up_from_, up_until_ = absl::InfinitePast();
  int64_t up_since_nanos_ = 0;
  absl::Time storm_at_ = absl::InfinitePast();
  absl::Time kept_ = absl::InfinitePast(), kept_since_, behind_ = absl::InfinitePast();
  int64_t nanos_ = 0, frozen_until_ = 0;

  std::vector<std::unique_ptr<Secret>> secrets_;
  std::map<std::string, Secret*> by_path_;
  std::map<const Secret*, std::deque<std::string>> told_;
  std::map<const Secret*, absl::Time> duties_of_;
  std::set<std::pair<absl::Time, Secret*>> duties_;
  std::set<Secret*> touched_;
  std::set<Uuid> hinted_;  // whose hint was moved since the last look
  int named_ = 0, values_ = 0;
};

class RotationModelTest : public testing::Test {
 protected:
  RotationModelTest() { SetLogFd(-1); }  // each jump of the clock is worth a line
  ~RotationModelTest() override { SetLogFd(2); }
};

TEST_F(RotationModelTest, RandomOperationsAgreeWithTheReference) {
  const int operations = TestCount("KEYTURN_ROTATION_OPERATIONS", kModelOperations);
  uint64_t seed = TestSeed();
  std::map<std::string, int> counts;
  for (int done = 0; done < operations; done += kOperationsOfOneStore, ++seed) {
    RotationModel model(seed);
    model.Run(std::min(kOperationsOfOneStore, operations - done), seed % kStoresForOneOnRocks == 0);
    for (const auto& [what, count] : model.counts()) counts[what] += count;
    ASSERT_EQ(model.problem(), "");
  }
  for (const auto& [what, count] : counts) std::printf("%s %d, ", what.c_str(), count);
  std::printf("\n");
}

class RotationModelMutantTest : public RotationModelTest,
                                public testing::WithParamInterface<ModelFault> {};

TEST_P(RotationModelMutantTest, IsFound) {
  RotationModel model(TestSeed(), GetParam());
  model.Run(kOperationsOfOneStore, false);
  EXPECT_NE(model.problem(), "");
}

INSTANTIATE_TEST_SUITE_P(Faults, RotationModelMutantTest,
                         testing::Values(ModelFault::kClockAhead, ModelFault::kEventUntold,
                                         ModelFault::kDeafTimers, ModelFault::kOldReads));

}  // namespace
}  // namespace keyturn
