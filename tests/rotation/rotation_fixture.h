// A rotation engine over a store on disk, wired as the server wires it, with a clock that a test
// moves and a target that a test can break.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/rotation.h"
#include "rotation/told_put.h"
#include "rotation/usage/usage.h"
#include "storage/rocks_store.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"
#include "vault/fields.h"
#include "vault/vault.h"

namespace keyturn {

// "OK", or "CODE: message".
template <typename T>
std::string Said(const absl::StatusOr<T>& result) {
  if (result.ok()) return "OK";
  return absl::StrCat(absl::StatusCodeToString(result.status().code()), ": ",
                      result.status().message());
}

// A database with accounts: the values it takes. What it is told to fail with comes first.
class FakeTarget : public Driver {
 public:
  absl::StatusOr<bool> Probe(const DriverCall&, const SecretBytes& value) override {
    RETURN_IF_ERROR(Next("probe"));
    return works.count(Of(value)) > 0;
  }
  absl::Status Apply(const DriverCall&, const SecretBytes&, const SecretBytes& pending) override {
    const absl::Status status = Next("apply");
    if (status.ok() || lies) works.insert(Of(pending));
    return status;
  }
  absl::Status Test(const DriverCall&, const SecretBytes& pending) override {
    RETURN_IF_ERROR(Next("test"));
    return works.count(Of(pending)) > 0 ? absl::OkStatus() : absl::UnknownError("no such account");
  }
  absl::Status ArmExpiry(const DriverCall&, const SecretBytes& old, absl::Time end) override {
    RETURN_IF_ERROR(Next("arm"));
    armed[Of(old)] = end;
    return absl::OkStatus();
  }
  absl::Status Disarm(const DriverCall&, const SecretBytes& old) override {
    RETURN_IF_ERROR(Next("disarm"));
    armed.erase(Of(old));
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<int>> Sessions(const DriverCall&, const SecretBytes&) override {
    RETURN_IF_ERROR(Next("sessions"));
    return sessions;
  }
  absl::Status Retire(const DriverCall&, const SecretBytes& old) override {
    RETURN_IF_ERROR(Next("retire"));
    if (!keeps) works.erase(Of(old));
    return absl::OkStatus();
  }
  absl::StatusOr<bool> VerifyDead(const DriverCall&, const SecretBytes& old) override {
    RETURN_IF_ERROR(Next("verify"));
    return works.count(Of(old)) == 0;
  }

  std::set<std::string> works;
  std::map<std::string, absl::Time> armed;
  std::vector<std::string> calls;
  std::multimap<std::string, absl::Status> failures;  // of the next calls of that name
  std::optional<int> sessions = 0;                    // of whatever is asked about
  bool lies = false;                                  // an apply that fails was done all the same
  bool keeps = false;                                 // nothing is retired, though it says so

 private:
  static std::string Of(const SecretBytes& value) { return std::string(value.ExposeForCrypto()); }
  absl::Status Next(const std::string& name) {
    calls.push_back(name);
    const auto found = failures.find(name);
    if (found == failures.end()) return absl::OkStatus();
    const absl::Status status = found->second;
    failures.erase(found);
    return status;
  }
};

class RotationFixture : public testing::Test {
 protected:
  RotationFixture() : files_(NewMemoryFileSystem()), keyring_(TestKeyring(*files_, clock_)) {
    Open();
  }

  // Nothing here loses power, so nothing waits for the disk.
  virtual std::unique_ptr<Store> OpenStore() {
    auto store = OpenRocksStore({.directory = dir_.File("db"), .sync = false}, clock_);
    EXPECT_OK(store);
    return store.ok() ? *std::move(store) : nullptr;
  }
  // Also reopens.
  void Open() {
    rotation_.reset();
    usage_.reset();
    vault_.reset();
    store_.reset();
    store_ = OpenStore();
    ASSERT_NE(store_, nullptr);
    vault_ = Vault::Create(
        *store_, *keyring_, clock_,
        [this](const PutNews& put, const KeyringSnapshot& keys, const View& view, Batch& batch) {
          return TellOfPut(put, keys, view,
                           [&](const RotationNews& news) { return Tell(news, keys, view, batch); });
        });
    usage_ = std::make_unique<Usage>(
        Usage::Parts{*store_, *keyring_, clock_, [this](const Uuid& secret) {
                       const absl::Status looked = rotation_->LookAtUsers(secret);
                       EXPECT_TRUE(looked.ok() || dead_) << looked;
                     }});
    rotation_ = Rotation::Create(
        {.store = *store_,
         .keyring = *keyring_,
         .clock = clock_,
         .update = [this](absl::string_view event, absl::string_view path,
                          UpdateFn fn) { return Update(event, path, fn); },
         .update_each =
             [this](absl::Span<NamedChange> changes) {
               {
                 const absl::MutexLock lock(&events_mu_);
                 together_ = std::max(together_, changes.size());
               }
               for (NamedChange& change : changes) {
                 change.result = Update(change.event, change.path, change.fn);
               }
             },
         .tell = [this](const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                        Batch& batch) { return Tell(news, keys, view, batch); },
         .password_policy = [](const std::string& name) -> absl::StatusOr<v1::PasswordPolicy> {
           return absl::NotFoundError(absl::StrCat("no password policy ", name));
         },
         .driver = [this](const SecretMetadata&, const std::string& target) -> Driver* {
           if (const auto found = targets_.find(target); found != targets_.end()) {
             return found->second;
           }
           return target_by_policy_ && target.empty() ? nullptr : target_;
         },
         .users =
             [this](const Uuid& secret, SecretVersion version) {
               return users_.empty() ? usage_->UsersOf(secret, version) : users_;
             },
         .consumers =
             [this](const Uuid& secret, const SecretMetadata& metadata) {
               return usage_->ConsumersOf(secret, metadata);
             },
         .revoke_kid =
             [this](const std::string& kid, absl::Time until) {
               RETURN_IF_ERROR(Revoking());
               revoked_kids_[kid] = until;
               return absl::OkStatus();
             },
         .check_target = [](const std::string& target, const std::string&) -> absl::Status {
           return target == "absent" ? absl::InvalidArgumentError("no such target")
                                     : absl::OkStatus();
         },
         .workers = workers_});
    store_->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      vault_->OnCommitted(group);
      rotation_->OnCommitted(group);
      usage_->OnCommitted(group);
      OnCommitted(group);
    });
    store_->SetRecordHasher(NewRecordHasher(**keyring_->Snapshot()));
    ASSERT_OK(vault_->OnUnsealed());
    ASSERT_OK(rotation_->OnUnsealed());
    ASSERT_OK(usage_->OnUnsealed());
  }

  // What the server's updater does, with the events kept; fails where a test says.
  absl::StatusOr<Revision> Update(absl::string_view event, absl::string_view path, UpdateFn fn) {
    if (const std::function<void()> meanwhile = TakeMeanwhile()) meanwhile();
    if (DiesNow() && die_after_ && store_->Update(fn).ok()) {
      const absl::MutexLock lock(&events_mu_);
      events_.push_back(absl::StrCat(event, " ", path));
    }
    if (dead_) return absl::UnavailableError("the server died here");
    std::string notes;
    absl::Time when;
    unheard_ = false;
    absl::StatusOr<Revision> revision =
        store_->Update([&](const View& view, Batch& batch) -> absl::Status {
          const absl::Status status = fn(view, batch);
          notes = absl::StrJoin(batch.notes(), " ", absl::PairFormatter("="));
          when = clock_.Now();
          return status;
        });
    if (!revision.ok() && !unheard_) return revision;
    OnEvent(event, path);
    if (!revision.ok()) return revision;
    OnChanged(event, path, when, notes);
    const absl::MutexLock lock(&events_mu_);
    notes_[std::string(event)] = notes;
    return revision;
  }
  std::function<void()> TakeMeanwhile() {
    const absl::MutexLock lock(&events_mu_);
    return std::exchange(meanwhile_, nullptr);
  }
  bool DiesNow() {
    const absl::MutexLock lock(&events_mu_);
    if (die_at_ == 0 || --die_at_ > 0) return false;
    dead_ = true;
    return true;
  }
  virtual void OnEvent(absl::string_view event, absl::string_view path) {
    const absl::MutexLock lock(&events_mu_);
    events_.push_back(absl::StrCat(event, " ", path));
  }

  // What the list of revoked keys says to one more.
  virtual absl::Status Revoking() { return revoke_fails_; }

  // When it was made, and with what the entry in the audit log would say, "version=1 run=2".
  virtual void OnChanged(absl::string_view, absl::string_view, absl::Time, const std::string&) {}

  // For those who also listen.
  virtual absl::Status Tell(const RotationNews&, const KeyringSnapshot&, const View&, Batch&) {
    return absl::OkStatus();
  }
  virtual void OnCommitted(absl::Span<const CommittedUpdate>) {}

  absl::Status Put(const std::string& path, const std::string& value,
                   v1::Kind kind = v1::KIND_UNSPECIFIED) {
    PutParams params;
    params.path = *SecretPath::Parse(path);
    params.kind = kind;
    params.principal = "test";
    const FieldView field{"value", 1, value};
    return vault_->Put(*store_, params, *EncodeFields({&field, 1})).status();
  }
  absl::StatusOr<ReadResult> Read(const std::string& path, uint64_t version,
                                  v1::VersionSelector::Alias alias) {
    v1::GetRequest request;
    request.set_path(path);
    request.mutable_version()->set_number(version);
    request.mutable_version()->set_alias(alias);
    return vault_->Get(request, absl::InfiniteFuture());
  }
  // The value, or the reason it is not given.
  std::string Get(const std::string& path, uint64_t version = 0,
                  v1::VersionSelector::Alias alias = v1::VersionSelector::CURRENT) {
    const absl::StatusOr<ReadResult> result = Read(path, version, alias);
    if (!result.ok()) return ReasonOf(result.status());
    std::string out;
    EXPECT_OK(ForEachField(result->data.ExposeForCrypto(), [&](const FieldView& field) {
      if (field.name == "value") out = std::string(field.value);
      return true;
    }));
    return out;
  }

  absl::StatusOr<v1::RotationStatus> SetPolicy(const std::string& path,
                                               const v1::RotationPolicy& policy) {
    v1::SetRotationPolicyRequest request;
    request.set_path(path);
    *request.mutable_policy() = policy;
    return rotation_->SetPolicy(*store_, request);
  }
  // Values made by the server, without jitter: times are exact.
  static v1::RotationPolicy Exact() {
    v1::RotationPolicy policy;
    policy.set_jitter_max_seconds(-1);
    policy.mutable_source()->mutable_generate();
    return policy;
  }
  v1::RotationStatus Status(const std::string& path) {
    v1::GetRotationStatusRequest request;
    request.set_path(path);
    const auto status = rotation_->GetStatus(request);
    EXPECT_OK(status);
    return status.value_or(v1::RotationStatus());
  }
  absl::StatusOr<v1::RotationStatus> Rotate(const std::string& path, bool emergency = false,
                                            bool revoke_first = false, bool force = false) {
    v1::RotateRequest request;
    request.set_path(path);
    request.set_emergency(emergency);
    request.set_revoke_first(revoke_first);
    request.set_force(force);
    if (emergency) request.set_reason("it leaked");
    return rotation_->Rotate(*store_, request, "oncall");
  }
  absl::StatusOr<v1::RotationStatus> SetGrace(const std::string& path, absl::Time end,
                                              uint64_t version = 0) {
    v1::SetGraceRequest request;
    request.set_path(path);
    request.set_version(version);
    request.set_reason("a partner is late");
    request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(end));
    return rotation_->SetGrace(*store_, request);
  }
  absl::StatusOr<v1::RotationStatus> Cancel(const std::string& path) {
    v1::CancelRotationRequest request;
    request.set_path(path);
    request.set_reason("not today");
    return rotation_->Cancel(*store_, request);
  }
  absl::StatusOr<v1::RotationStatus> Rollback(const std::string& path, bool compromised = false) {
    v1::RollbackRequest request;
    request.set_path(path);
    request.set_reason("it broke");
    request.set_compromised(compromised);
    return rotation_->Rollback(*store_, request, "oncall");
  }

  // "1 GRACE, 2 CURRENT".
  std::string States(const std::string& path) {
    const v1::RotationStatus status = Status(path);
    std::vector<std::string> out;
    for (int i = status.versions_size() - 1; i >= 0; --i) {
      const v1::VersionInfo& version = status.versions(i);
      out.push_back(
          absl::StrCat(version.version(), " ",
                       v1::VersionState_Name(version.state()).substr(strlen("VERSION_STATE_")),
                       version.compromised() ? "!" : ""));
    }
    return absl::StrJoin(out, ", ");
  }
  // "SCHEDULED DONE 2", newest first.
  std::string Runs(const std::string& path) {
    v1::ListRotationRunsRequest request;
    request.set_path(path);
    std::vector<std::string> out;
    const auto runs = rotation_->ListRuns(request);
    EXPECT_OK(runs);
    for (const v1::RotationRun& run : runs->runs()) {
      out.push_back(absl::StrCat(v1::RotationRun::Cause_Name(run.cause()), " ",
                                 v1::RotationRun::State_Name(run.state()), " ", run.version()));
    }
    return absl::StrJoin(out, ", ");
  }

  // All that is due now.
  absl::Status RunDue() {
    absl::Time next;
    for (int i = 0; i < 1000; ++i) {
      ASSIGN_OR_RETURN(const int handled, rotation_->RunDue(&next));
      if (handled == 0) return absl::OkStatus();
    }
    return absl::InternalError("there is no end to what is due");
  }
  Uuid IdOf(const std::string& path) {
    return *Uuid::FromString(vault_->Describe(*SecretPath::Parse(path))->id());
  }
  // `consumer` reads the value, as a call of the server would note it.
  std::string ReadAs(const std::string& consumer, const std::string& path, uint64_t version = 0,
                     v1::VersionSelector::Alias alias = v1::VersionSelector::CURRENT) {
    const absl::StatusOr<ReadResult> result = Read(path, version, alias);
    if (!result.ok()) return ReasonOf(result.status());
    usage_->Note(
        {result->secret, SecretVersion(result->info.version().version()), consumer, clock_.Now()});
    return absl::StrCat(result->info.version().version());
  }
  // "payments LAGGING 1, cron CURRENT 2", those seen last first.
  std::string Consumers(const std::string& path, bool lagging = false) {
    v1::ListConsumersRequest request;
    request.set_path(path);
    request.set_lagging(lagging);
    const auto listed = usage_->List(request, [](absl::string_view, bool) { return true; });
    EXPECT_OK(listed);
    std::vector<std::string> out;
    for (const v1::Consumer& consumer : listed->consumers()) {
      out.push_back(absl::StrCat(consumer.name(), " ", v1::Consumer::State_Name(consumer.state()),
                                 " ", consumer.version()));
    }
    return absl::StrJoin(out, ", ");
  }

  // In steps of an hour, as a server looks more often than that.
  void Pass(absl::Duration duration) {
    const absl::Time end = clock_.Now() + duration;
    while (clock_.Now() < end) {
      clock_.AdvanceTime(std::min(absl::Duration(absl::Hours(1)), end - clock_.Now()));
      ASSERT_OK(usage_->WriteDue());
      ASSERT_OK(RunDue());
    }
  }
  static absl::Duration Days(int days) { return absl::Hours(24 * days); }

  void ExpectClean() {
    const auto store_problems = store_->Verify(NoProgress);
    ASSERT_OK(store_problems);
    for (const StoreProblem& problem : *store_problems) ADD_FAILURE() << problem.what;
    const auto vault_problems = vault_->Verify(NoProgress);
    ASSERT_OK(vault_problems);
    for (const StoreProblem& problem : *vault_problems) ADD_FAILURE() << problem.what;
  }

  TempDir dir_;
  SimulatedClock clock_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<Keyring> keyring_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Usage> usage_;
  std::unique_ptr<Rotation> rotation_;
  int workers_ = 1;  // the order of events is that in which secrets fell due
  // The most changes that were written in one turn.
  size_t together_ ABSL_GUARDED_BY(events_mu_) = 0;
  Driver* target_ = nullptr;
  bool target_by_policy_ = false;  // it is of secrets whose policies name a target, else of all
  std::map<std::string, Driver*> targets_;  // those of these names
  std::vector<std::string> users_;
  std::map<std::string, absl::Time> revoked_kids_;  // and until when
  absl::Status revoke_fails_;
  absl::Mutex events_mu_;
  std::vector<std::string> events_;           // "rotation_promoted a/b"
  std::map<std::string, std::string> notes_;  // of the last event of each name: "version=1 run=2"
  int die_at_ = 0;                            // at the n-th change from now on the server dies
  bool die_after_ = false;                    // the change was made
  std::function<void()> meanwhile_;  // once, between a look of the engine and its next change
  std::atomic<bool> dead_ = false;
  // The last change was made, though whoever made it was not told.
  std::atomic<bool> unheard_ = false;
};

}  // namespace keyturn
