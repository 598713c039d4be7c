#include "rotation/worker.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "rotation/jwt/settings.h"
#include "rotation/policy.h"
#include "rotation/runs.h"
#include "rotation/transitions.h"
#include "rotation/values.h"
#include "rotation/worker_task.h"
#include "vault/directories.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using Kind = Action::Kind;
using Run = v1::RotationRun;

// Of one that is not there: where the next one is to be set.
const std::string& TargetOfNumber(const SecretMetadata& metadata, uint64_t number) {
  const VersionRecord* const version = FindVersion(metadata, number);
  return TargetOf(metadata, version == nullptr ? VersionRecord::default_instance() : *version);
}

// Whether its target may have a value of it. A run of before this was said has it in its error.
bool IsUncertain(const Run& run) {
  return run.uncertain() || run.error_class() == FailureName(Failure::kAmbiguous);
}

// The version that a target is asked about next.
uint64_t StepIsAbout(const Run& run) {
  return run.step() == Run::ANNOUNCE ? run.previous_version() : run.version();
}

}  // namespace

double Worker::RandomShare() { return static_cast<double>(RandomBelow(1'000'000)) / 1e6; }

bool Worker::Take(const Uuid& secret) {
  const absl::MutexLock lock(&mu_);
  return TakeLocked(secret);
}

bool Worker::TakeLocked(const Uuid& secret) {
  return busy_.try_emplace(secret, Holder{std::this_thread::get_id()}).second;
}

void Worker::LetGo(const Uuid& secret) {
  const absl::MutexLock lock(&mu_);
  busy_.erase(secret);
}

absl::StatusOr<Worker::Worked> Worker::Work(const Uuid& secret, bool frozen,
                                            const std::string& own_lane) {
  if (!Take(secret)) return Worked{.acted = 0, .busy = true, .lane = ""};
  return WorkTaken(secret, frozen, own_lane);
}

absl::StatusOr<Worker::Worked> Worker::WorkAfterOthers(const Uuid& secret, bool frozen) {
  // Whoever lets go of the lock asks the condition.
  const std::thread::id self = std::this_thread::get_id();
  const auto over = [this, &secret, self]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto found = busy_.find(secret);
    return found == busy_.end() || found->second.outside || found->second.thread == self;
  };
  {
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&over));
    if (!TakeLocked(secret)) return Worked{.acted = 0, .busy = true, .lane = ""};
  }
  return WorkTaken(secret, frozen, /*own_lane=*/"");
}

absl::StatusOr<Worker::Worked> Worker::WorkTaken(const Uuid& secret, bool frozen,
                                                 const std::string& own_lane) {
  const absl::Cleanup done = [&] { LetGo(secret); };
  Task task(0, secret, frozen, own_lane);
  Task* const alone = &task;
  while (Plan(task)) Write({&alone, 1});
  return ResultOf(task);
}

void Worker::SayOutside(const Uuid& secret, bool outside) {
  const absl::MutexLock lock(&mu_);
  busy_[secret].outside = outside;
}

const Driver* Worker::CalledBy(const Look& look) const {
  const Kind kind = look.action.kind;
  const bool step = kind == Kind::kStep && look.secret.run->step() != Run::GENERATE &&
                    look.secret.run->step() != Run::PROMOTE;
  const bool gated =
      look.secret.metadata.rotation().policy().retire_gate() != v1::RotationPolicy::NONE;
  const bool asked = kind == Kind::kEndGrace && gated;
  if (!step && !asked && kind != Kind::kArm && kind != Kind::kRetire) return nullptr;
  return DriverOf(look.secret.metadata, step ? StepIsAbout(*look.secret.run) : look.action.version);
}

std::string Worker::LaneOf(const Look& look) const {
  const Driver* const driver = CalledBy(look);
  return driver == nullptr ? "" : std::string(driver->lane());
}

Driver* Worker::DriverOf(const SecretMetadata& metadata, uint64_t version) const {
  return context_.driver(metadata, TargetOfNumber(metadata, version));
}

DriverCall Worker::CallOf(const Look& look, const std::string& path, uint64_t version) const {
  return {.secret = look.secret.id,
          .path = path,
          .version = SecretVersion(version),
          .target = TargetOfNumber(look.secret.metadata, version),
          .policy = look.secret.metadata.rotation().policy(),
          .run = look.secret.run.has_value() ? look.secret.run->number() : 0,
          .beside = SecretVersion(0),
          .interrupt = &interrupt_};
}

absl::StatusOr<std::optional<RotatingSecret>> Worker::Find(const KeyringSnapshot& keys,
                                                           const Uuid& secret,
                                                           const Carried& carried) const {
  if (carried.left.has_value()) {
    const View& newest = context_.store.Newest();
    ASSIGN_OR_RETURN(const bool same, IsStill(*carried.left, newest));
    if (same) return carried.left;
  }
  return LoadRotating(keys, *context_.store.GetSnapshot(), secret);
}

absl::StatusOr<std::optional<Worker::Look>> Worker::LookAt(const Uuid& secret, bool frozen,
                                                           Carried* carried) const {
  Look look;
  look.carried = carried;
  ASSIGN_OR_RETURN(look.keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(std::optional<RotatingSecret> found, Find(*look.keys, secret, *carried));
  if (!found.has_value()) {
    attention_.Forget(secret);
    return std::optional<Look>();
  }
  const absl::Time now = context_.clock.Now();
  look.frozen = frozen;
  look.secret = *std::move(found);
  look.action = NextAction(look.secret.metadata, look.secret.run, now, frozen);
  attention_.Saw(look.secret, now, context_.store.Newest());
  return std::optional<Look>(std::move(look));
}

Worker::Acted Worker::Act(const Look& look) const {
  switch (look.action.kind) {
    case Kind::kNone:
      return nullptr;
    case Kind::kPlan:  // SaveRotating does it
      return Settle(look, [](RotatingSecret&) {});
    case Kind::kStart:
      return Start(look);
    case Kind::kStep:
      return Step(look);
    case Kind::kRemind:
      return MakesValues(look.secret.metadata) ? Generate(look, false) : Ask(look);
    case Kind::kFulfil:
      return Change(look, "rotation_fulfilled",
                    [](RotatingSecret& secret, const View&, absl::Time now, Batch&) {
                      secret.run->set_version(secret.metadata.current_version());
                      CloseRun(&secret.metadata, &*secret.run, Run::DONE, now);
                      return absl::OkStatus();
                    });
    case Kind::kCancelRun:
      return Change(look, "rotation_superseded",
                    [](RotatingSecret& secret, const View&, absl::Time now, Batch&) {
                      Abandon(&secret, *secret.run, now);
                      CloseRun(&secret.metadata, &*secret.run, Run::CANCELLED, now);
                      return absl::OkStatus();
                    });
    case Kind::kStage:
      return Stage(look);
    case Kind::kEndGrace:
      return EndGrace(look);
    case Kind::kArm:
      return Arm(look);
    case Kind::kRetire:
      return RetireVersion(look);
    case Kind::kDestroyData:
      return Change(look, "version_destroyed",
                    [&look](RotatingSecret& secret, const View&, absl::Time, Batch& batch) {
                      DestroyData(&secret, look.action.version, batch);
                      batch.Note("version", absl::StrCat(look.action.version));
                      return absl::OkStatus();
                    });
  }
  return absl::InternalError("no such action");
}

Worker::Acted Worker::Ask(const Look& look) const {
  return Change(look, "rotation_awaiting_value",
                [](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
                  if (!secret.run.has_value()) {
                    secret.run = OpenRun(&secret.metadata, Run::SCHEDULED, now, batch);
                    secret.run->set_principal("keyturn");
                  }
                  secret.run->set_step(Run::GENERATE);
                  AwaitValue(now, &*secret.run);
                  return absl::OkStatus();
                });
}

Worker::Acted Worker::Generate(const Look& look, bool start) const {
  if (FindStaged(look.secret.metadata) != nullptr) return TakeStaged(look, start);
  const absl::Time now = context_.clock.Now();
  absl::StatusOr<PreparedVersion> prepared =
      PrepareVersion(context_, *look.keys, *context_.store.GetSnapshot(), look.secret, now);
  if (absl::IsDataLoss(prepared.status())) return prepared.status();
  const bool has_driver = DriverOf(look.secret.metadata, 0) != nullptr;
  const bool passes = FailureOf(prepared.status()) == Failure::kTransient;
  const absl::string_view event = !prepared.ok() ? passes ? "rotation_failed" : "rotation_blocked"
                                  : start        ? "rotation_started"
                                                 : "rotation_generated";
  return Change(
      look, event,
      [prepared = std::move(prepared), start, has_driver, passes](
          RotatingSecret& secret, const View&, absl::Time then, Batch& batch) -> absl::Status {
        if (start) {
          secret.run = OpenRun(&secret.metadata, Run::SCHEDULED, then, batch);
          secret.run->set_principal("keyturn");
        }
        if (!prepared.ok()) {
          // What a value is made by does not mend itself: a person has to look at the policy.
          // Memory that is short does.
          TakeFailure(passes ? prepared.status()
                             : absl::FailedPreconditionError(prepared.status().message()),
                      RandomShare(), then, &*secret.run);
          batch.Note("error_class", secret.run->error_class());
          batch.Note("error", secret.run->error());
          return absl::OkStatus();
        }
        RETURN_IF_ERROR(AddPending(*prepared, then, &secret, &*secret.run, batch));
        batch.Note("version", absl::StrCat(secret.run->version()));
        secret.run->set_step(has_driver ? Run::APPLY : Run::PROMOTE);
        secret.run->set_state(Run::RUNNING);
        secret.run->clear_next_attempt_time();
        return absl::OkStatus();
      });
}

Worker::Acted Worker::Move(const Look& look, absl::string_view event, int step) const {
  return Change(look, event, [step](RotatingSecret& secret, const View&, absl::Time, Batch&) {
    ClearFailures(&*secret.run);
    secret.run->set_step(static_cast<Run::Step>(step));
    return absl::OkStatus();
  });
}

Worker::Acted Worker::Step(const Look& look) const {
  const SecretMetadata& metadata = look.secret.metadata;
  Driver* const driver = DriverOf(metadata, StepIsAbout(*look.secret.run));
  switch (look.secret.run->step()) {
    case Run::GENERATE:  // the policy may be another one by now
      return MakesValues(metadata) ? Generate(look, false) : Ask(look);
    case Run::APPLY:
    case Run::TEST:
      // The driver may have left with the configuration.
      if (driver == nullptr) return Move(look, "rotation_tested", Run::PROMOTE);
      return ApplyAndTest(look, *driver);
    case Run::PROMOTE:
      return PromotePending(look,
                            DriverOf(metadata, look.secret.run->previous_version()) != nullptr);
    case Run::ANNOUNCE:
      return Announce(look, driver);
    default:
      return absl::DataLossError("an open rotation run has no step to take");
  }
}

Worker::Acted Worker::ApplyAndTest(const Look& look, Driver& driver) const {
  const RotatingSecret& secret = look.secret;
  if (secret.run->cause() == Run::ROLLBACK) return DisarmBack(look, driver);
  ASSIGN_OR_RETURN(const std::string path, PathFor(look));
  DriverCall call = CallOf(look, path, secret.run->version());
  const uint64_t in_use = secret.metadata.current_version();
  call.beside = SecretVersion(in_use);
  const auto snapshot = context_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const SecretBytes pending,
                   ReadVersionData(*look.keys, *snapshot, secret, secret.run->version()));
  if (secret.run->step() == Run::TEST) {
    if (const absl::Status tested = driver.Test(call, pending); !tested.ok()) {
      return Fail(look, tested);
    }
    return Move(look, "rotation_tested", Run::PROMOTE);
  }
  const absl::StatusOr<bool> works = driver.Probe(call, pending);
  if (!works.ok()) return Fail(look, works.status());
  if (*works) return Applied(look, call.target);
  ASSIGN_OR_RETURN(const SecretBytes current,
                   ReadVersionData(*look.keys, *snapshot, secret, in_use));
  if (IsUncertain(*secret.run) && TargetOfNumber(secret.metadata, in_use) == call.target) {
    const absl::StatusOr<bool> still = driver.Probe(call, current);
    if (!still.ok()) return Fail(look, still.status());
    if (!*still) {
      return Fail(look, absl::FailedPreconditionError(
                            "neither the current nor the new value works at the target"));
    }
  }
  if (const absl::Status applied = driver.Apply(call, current, pending); !applied.ok()) {
    return Fail(look, applied);
  }
  return Applied(look, call.target);
}

Worker::Acted Worker::Applied(const Look& look, const std::string& target) const {
  return Change(look, "rotation_applied",
                [target](RotatingSecret& secret, const View&, absl::Time, Batch&) {
                  ClearFailures(&*secret.run);
                  secret.run->set_step(Run::TEST);
                  FindVersion(&secret.metadata, secret.run->version())->set_target(target);
                  return absl::OkStatus();
                });
}

Worker::Acted Worker::Fail(const Look& look, const absl::Status& failure) const {
  const Failure what = FailureOf(failure);
  Run probe = *look.secret.run;
  TakeFailure(failure, 0, context_.clock.Now(), &probe);
  const char* const event = probe.state() == Run::BLOCKED ? "rotation_blocked" : "rotation_failed";
  const double wait = RandomShare();
  return Change(
      look, event,
      [failure, what, wait](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
        const bool unsure = IsUncertain(*secret.run);
        TakeFailure(failure, wait, now, &*secret.run);
        // A version that is promoted stays the current one, whatever a target says.
        const bool promoted = secret.run->step() >= Run::ANNOUNCE;
        const bool back = secret.run->cause() == Run::ROLLBACK;  // to what there is
        if (what == Failure::kPolicy && !promoted && !back) {
          // Refused when it was to be set, it is not there.
          if (!unsure) secret.run->set_step(Run::GENERATE);
          Abandon(&secret, *secret.run, now);
          secret.run->set_version(0);
          secret.run->set_step(Run::GENERATE);
        }
        // What was tested may have to be set anew.
        if (what == Failure::kAmbiguous && !promoted) {
          secret.run->set_step(Run::APPLY);
        }
        batch.Note("error_class", secret.run->error_class());
        batch.Note("error", secret.run->error());
        return absl::OkStatus();
      });
}

Worker::Acted Worker::PromotePending(const Look& look, bool has_driver) const {
  const absl::Time from = SignsFrom(look.secret.metadata, look.secret.run->version());
  // In an emergency a token that some cannot verify yet is better than one that anybody can make.
  if (from > context_.clock.Now() && look.secret.run->cause() != Run::EMERGENCY) {
    return AwaitPublished(look, from);
  }
  return Change(look, "rotation_promoted",
                [&look, has_driver](RotatingSecret& secret, const View&, absl::Time now,
                                    Batch& batch) -> absl::Status {
                  const uint64_t version = secret.run->version();
                  VersionRecord* const promoted = FindVersion(&secret.metadata, version);
                  if (secret.run->cause() == Run::ROLLBACK) {
                    GoBackTo(&secret.metadata, promoted, now);
                  } else {
                    BecomeCurrent(&secret.metadata, promoted, now);
                  }
                  ClearFailures(&*secret.run);
                  if (has_driver) {
                    secret.run->set_step(Run::ANNOUNCE);
                  } else {
                    CloseRun(&secret.metadata, &*secret.run, Run::DONE, now);
                  }
                  batch.Note("version", absl::StrCat(version));
                  batch.Note("previous_version", absl::StrCat(secret.run->previous_version()));
                  return WriteChange(*look.keys, v1::WatchResponse::WRITTEN,
                                     look.carried->path->path, "", version, now, batch);
                });
}

}  // namespace keyturn
