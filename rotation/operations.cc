#include "rotation/operations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "rotation/jwt/settings.h"
#include "rotation/order_cycle.h"
#include "rotation/policy.h"
#include "rotation/replaceable.h"
#include "rotation/runs.h"
#include "rotation/status.h"
#include "rotation/transitions.h"
#include "storage/schema.h"
#include "vault/context.h"
#include "vault/rotation_rules.h"
#include "vault/tree.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using Run = v1::RotationRun;

absl::Status NoPolicy(const std::string& path) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(path, " has no rotation policy")),
                    "NO_POLICY");
}

absl::StatusOr<VersionRecord*> InGrace(SecretMetadata* metadata, uint64_t number) {
  VersionRecord* const version = number == 0 ? FirstToEnd(metadata) : FindVersion(metadata, number);
  if (version != nullptr && IsState(*version, v1::VERSION_STATE_GRACE)) return version;
  return WithReason(absl::FailedPreconditionError(
                        number == 0 ? std::string("no version is in its grace")
                                    : absl::StrCat("version ", number, " is not in its grace")),
                    "NO_GRACE");
}

// A version of a secret without a policy: readable if it was in grace; what is retired is destroyed
// when it would have been, by the vault. The daily sweep adds hints that one update cannot take.
void LeaveEngine(RotatingSecret* secret, VersionRecord* version, absl::Time now, size_t* hints,
                 Batch& batch) {
  if (IsState(*version, v1::VERSION_STATE_RETIRING)) MarkRetired(secret, version->version(), now);
  if (IsState(*version, v1::VERSION_STATE_GRACE)) {
    version->set_state(v1::VERSION_STATE_PREVIOUS);
    version->set_grace_end_ms(0);
    version->set_held(false);
  }
  if (version->destroy_ms() == 0 || IsDestroyed(*version)) return;
  version->set_expire_ms(version->destroy_ms());
  if (++*hints > limits::kVersionsPerUpdateMax) return;
  batch.Put(Family::kDue,
            schema::DueKey(secret->id, absl::FromUnixMillis(version->destroy_ms()), kDueExpire),
            "");
}

// That another version may work beside those that do.
absl::Status MakeRoom(RotatingSecret* secret, bool force, absl::Time now) {
  SecretMetadata& metadata = secret->metadata;
  const int most = MaxLiveVersions(metadata.rotation().policy());
  if (LiveVersions(metadata) < most) return absl::OkStatus();
  VersionRecord* const oldest = FirstToEnd(&metadata, /*counted=*/true);
  if (force && oldest != nullptr) {
    EndGraceNow(oldest, now);
    return absl::OkStatus();
  }
  const std::string until =
      oldest == nullptr
          ? ""
          : absl::StrCat(
                ", version ", oldest->version(), " until ",
                absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(oldest->grace_end_ms()),
                                 absl::UTCTimeZone()));
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          LiveVersions(metadata), " versions work already", until,
          "; wait for it, end it (keyturn rotation retire), or force, which ends it now")),
      "GRACE_ACTIVE");
}

}  // namespace

absl::StatusOr<Uuid> Operations::Change(Updater& updater, const std::string& path, bool any,
                                        Edit edit) const {
  ASSIGN_OR_RETURN(const SecretPath parsed, SecretPath::Parse(path));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  Uuid id;
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) -> absl::Status {
                        ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, parsed));
                        id = located.secret;
                        ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                                         LoadRotating(*keys, view, located.secret));
                        if (!secret.has_value()) {
                          if (!any) return NoPolicy(path);
                          ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata,
                                           ReadMetadata(*keys, view, located.secret));
                          if (!metadata.has_value()) return NoSecret(parsed);
                          secret.emplace();
                          secret->id = located.secret;
                          secret->metadata = *std::move(metadata);
                        }
                        Scene scene{*std::move(secret), *keys, view, now, batch};
                        RETURN_IF_ERROR(edit(scene));
                        RETURN_IF_ERROR(SaveAndTell(context_, *keys, view, now, scene.event,
                                                    parsed.text(), &scene.secret, batch));
                        return WriteChange(*keys, scene.type, parsed.text(), "", scene.version, now,
                                           batch);
                      })
                      .status());
  return id;
}

absl::Status Operations::CheckPolicy(const v1::SetRotationPolicyRequest& request,
                                     const SecretMetadata& metadata) const {
  const v1::RotationPolicy& policy = request.policy();
  const auto kind = static_cast<v1::Kind>(metadata.kind());
  RETURN_IF_ERROR(CheckRotationPolicy(policy, kind));
  if (policy.after_size() > 0) {
    ASSIGN_OR_RETURN(const auto keys, context_.keyring.Snapshot());
    RETURN_IF_ERROR(CheckNoOrderCycle(*keys, context_.store.Newest(), request.path(),
                                      metadata.rotation().policy(), policy));
  }
  if (!policy.target().empty()) {
    if (metadata.has_jwt()) {
      return absl::InvalidArgumentError("policy.target: a key that signs has none");
    }
    if (context_.check_target == nullptr) {
      return absl::InvalidArgumentError("policy.target: there are no targets");
    }
    RETURN_IF_ERROR(context_.check_target(policy.target(), request.path()));
  }
  if (metadata.has_jwt()) return CheckJwtPolicy(metadata, policy, context_.clock.Now());
  if (!MakesValues(policy, kind)) return absl::OkStatus();
  // What could not be made is better known now than in three months.
  const absl::Status made = TryToMake(context_, policy, kind);
  if (made.ok() || absl::IsResourceExhausted(made)) return made;
  return absl::InvalidArgumentError(absl::StrCat("policy.source.generate: ", made.message()));
}

absl::StatusOr<Uuid> Operations::SetPolicy(Updater& updater,
                                           const v1::SetRotationPolicyRequest& request) const {
  ASSIGN_OR_RETURN(const SecretPath path, SecretPath::Parse(request.path()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const View& view = context_.store.Newest();
  ASSIGN_OR_RETURN(const Located located, NeedSecret(*keys, view, path));
  ASSIGN_OR_RETURN(const std::optional<SecretMetadata> found,
                   ReadMetadata(*keys, view, located.secret));
  if (!found.has_value()) return NoSecret(path);
  RETURN_IF_ERROR(CheckPolicy(request, *found));
  return Change(updater, request.path(), true, [&](Scene& scene) -> absl::Status {
    SecretMetadata& metadata = scene.secret.metadata;
    if (metadata.kind() != found->kind() || metadata.has_jwt() != found->has_jwt()) {
      return WithReason(absl::AbortedError("the secret became another meanwhile; try again"),
                        "CONTENTION");
    }
    // What it signs may live longer by now than when it was looked at before.
    if (metadata.has_jwt()) {
      RETURN_IF_ERROR(CheckJwtPolicy(metadata, request.policy(), scene.now));
    }
    RETURN_IF_ERROR(CheckNoOrderCycle(scene.keys, scene.view, request.path(),
                                      metadata.rotation().policy(), request.policy()));
    const absl::Time planned = PlannedStart(metadata, request.policy());
    if (!metadata.has_rotation()) BeginRotating(scene.now, request.policy(), &metadata);
    LeaveTarget(request.policy().target(), &scene.secret, scene.now);
    ReplacePolicy(request.policy(), &metadata);
    metadata.mutable_rotation()->set_due_ms(0);
    // What is overdue by the new policy alone is so to an operator who can still change it.
    HoldStarts(&metadata, scene.now, planned);
    TryBlockedNow(&scene.secret.run);
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::RemovePolicy(
    Updater& updater, const v1::RemoveRotationPolicyRequest& request) const {
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    SecretMetadata& metadata = scene.secret.metadata;
    if (metadata.kind() != v1::KIND_GENERIC) {
      return absl::FailedPreconditionError(
          "only a generic secret can be without a policy; run: keyturn rotation pause");
    }
    if (scene.secret.run.has_value()) {
      return WithReason(
          absl::FailedPreconditionError(
              "a rotation is under way; wait for it, or run: keyturn rotation cancel"),
          "ROTATION_IN_PROGRESS");
    }
    RETURN_IF_ERROR(CheckForgetsNothing(metadata));
    size_t hints = 0;
    for (VersionRecord& version : *metadata.mutable_versions()) {
      LeaveEngine(&scene.secret, &version, scene.now, &hints, scene.batch);
    }
    const record::v1::RotationState& rotation = metadata.rotation();
    for (uint64_t run = std::max<uint64_t>(rotation.oldest_run(), 1); run <= rotation.newest_run();
         ++run) {
      scene.batch.Delete(Family::kRecords, schema::RotationRunKey(scene.secret.id, run));
    }
    metadata.clear_rotation();
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Cancel(Updater& updater,
                                        const v1::CancelRotationRequest& request) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    std::optional<Run>& run = scene.secret.run;
    if (!run.has_value() || run->step() >= Run::ANNOUNCE) {
      return WithReason(absl::FailedPreconditionError("no rotation is under way"), "NO_RUN");
    }
    Abandon(&scene.secret, *run, scene.now);
    CloseRun(&scene.secret.metadata, &*run, Run::CANCELLED, scene.now);
    // Else the schedule would begin it anew at once.
    HoldStarts(&scene.secret.metadata, scene.now);
    scene.batch.Note("run", absl::StrCat(run->number()));
    scene.batch.Note("reason", request.reason());
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Pause(Updater& updater,
                                       const v1::PauseRotationRequest& request) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  return Change(updater, request.path(), false, [&](Scene& scene) {
    scene.secret.metadata.mutable_rotation()->set_paused(true);
    scene.secret.metadata.mutable_rotation()->set_pause_reason(request.reason());
    scene.batch.Note("reason", request.reason());
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Resume(Updater& updater,
                                        const v1::ResumeRotationRequest& request) const {
  return Change(updater, request.path(), false, [&](Scene& scene) {
    scene.secret.metadata.mutable_rotation()->set_paused(false);
    scene.secret.metadata.mutable_rotation()->clear_pause_reason();
    if (scene.secret.run.has_value()) scene.secret.run->clear_failing_since_time();
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Rotate(Updater& updater, const v1::RotateRequest& request,
                                        const std::string& principal) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), request.emergency()));
  if (request.revoke_first() && !request.emergency()) {
    return absl::InvalidArgumentError("revoke_first: allowed in an emergency only");
  }
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    SecretMetadata& metadata = scene.secret.metadata;
    RETURN_IF_ERROR(CloseAnnounced(&scene.secret, scene.keys, scene.view, scene.now, scene.batch));
    scene.event = "rotation_requested";
    std::optional<Run>& run = scene.secret.run;
    if (!request.emergency() && !request.force()) {
      RETURN_IF_ERROR(CheckReplaces(metadata, run, scene.now));
    }
    // What leaked is to be replaced by a new value, not by an older one.
    if (request.emergency() && run.has_value() && run->cause() == Run::ROLLBACK) {
      CloseRun(&metadata, &*run, Run::CANCELLED, scene.now);
      RETURN_IF_ERROR(WriteRun(scene.keys, scene.view, scene.secret.id, *run, scene.batch));
      run.reset();
    }
    const bool makes = MakesValues(metadata);
    if (!run.has_value()) {
      // In an emergency no version more will work than now.
      if (!request.emergency()) {
        RETURN_IF_ERROR(MakeRoom(&scene.secret, request.force(), scene.now));
      }
      run = OpenRun(&metadata, Run::MANUAL, scene.now, scene.batch);
      if (!makes) AwaitValue(scene.now, &*run);
    } else if (makes || run->state() != Run::AWAITING_VALUE) {
      run->set_state(Run::RUNNING);  // at once
      run->clear_next_attempt_time();
      if (run->cause() == Run::SCHEDULED) run->set_cause(Run::MANUAL);
    }
    run->set_principal(principal);
    run->set_reason(request.reason());
    if (request.emergency()) {
      run->set_cause(Run::EMERGENCY);
      metadata.mutable_rotation()->set_emergency(true);
    }
    if (request.revoke_first()) {
      VersionRecord* const current = FindVersion(&metadata, metadata.current_version());
      if (current != nullptr) current->set_compromised(true);
    }
    scene.batch.Note("run", absl::StrCat(run->number()));
    scene.batch.Note("cause", Run::Cause_Name(run->cause()));
    if (!request.reason().empty()) scene.batch.Note("reason", request.reason());
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Rollback(Updater& updater, const v1::RollbackRequest& request,
                                          const std::string& principal) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  if (request.hold_seconds() < 0 || request.hold_seconds() > limits::kRotationGraceEndSecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "hold_seconds: allowed are 0 (24 hours) and 1 to ", limits::kRotationGraceEndSecondsMax));
  }
  const absl::Duration hold = absl::Seconds(
      request.hold_seconds() == 0 ? limits::kRotationHoldSecondsDefault : request.hold_seconds());
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    SecretMetadata& metadata = scene.secret.metadata;
    v1::VersionSelector previous;
    previous.set_alias(v1::VersionSelector::PREVIOUS);
    const auto found = SelectVersion(metadata, previous, scene.now);
    if (!found.ok() || !IsState(**found, v1::VERSION_STATE_GRACE)) {
      return WithReason(absl::FailedPreconditionError(
                            "no version is in its grace, and a retired one does not come back; "
                            "put the value that is wanted"),
                        "NO_GRACE");
    }
    const uint64_t back_to = (*found)->version();
    // An emergency that is not over yet says so of the version that is replaced, whatever by.
    const bool leaked = request.compromised() || metadata.rotation().emergency();
    RETURN_IF_ERROR(CloseAnnounced(&scene.secret, scene.keys, scene.view, scene.now, scene.batch));
    std::optional<Run>& run = scene.secret.run;
    if (run.has_value()) {
      Abandon(&scene.secret, *run, scene.now);
      CloseRun(&metadata, &*run, Run::CANCELLED, scene.now);
      RETURN_IF_ERROR(WriteRun(scene.keys, scene.view, scene.secret.id, *run, scene.batch));
    }
    run = OpenRun(&metadata, Run::ROLLBACK, scene.now, scene.batch);
    run->set_version(back_to);
    run->set_principal(principal);
    run->set_reason(request.reason());
    // It is as old as it was: if it is due again, then once somebody has had the time to look.
    HoldUntil(scene.now + hold, &metadata);
    metadata.mutable_rotation()->set_emergency(leaked);
    scene.batch.Note("version", absl::StrCat(back_to));
    scene.batch.Note("reason", request.reason());
    // First its target must know that it goes on; the worker does both.
    if (!TargetOf(metadata, *FindVersion(metadata, back_to)).empty()) {
      run->set_step(Run::APPLY);
      return absl::OkStatus();
    }
    scene.event = "rotation_rolled_back";
    GoBackTo(&metadata, FindVersion(&metadata, back_to), scene.now);
    CloseRun(&metadata, &*run, Run::DONE, scene.now);
    scene.type = v1::WatchResponse::WRITTEN;
    scene.version = back_to;
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::SetGrace(Updater& updater,
                                          const v1::SetGraceRequest& request) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    // Of any seconds that a message can carry; most would not be milliseconds.
    const absl::Time end = absl::FromUnixSeconds(request.end_time().seconds());
    const absl::Time latest = scene.now + absl::Seconds(limits::kRotationGraceEndSecondsMax);
    if (end <= scene.now || end > latest) {
      return absl::InvalidArgumentError(
          absl::StrCat("end_time: allowed are times after now, within ",
                       limits::kRotationGraceEndSecondsMax / limits::kDaySeconds,
                       " days; to end it now, retire the version"));
    }
    ASSIGN_OR_RETURN(VersionRecord* const version,
                     InGrace(&scene.secret.metadata, request.version()));
    const absl::Time oldest = LatestEnd(scene.secret.metadata.rotation().policy(), *version);
    if (end > oldest) {
      return absl::InvalidArgumentError(
          absl::StrCat("end_time: the policy's max_credential_age ends this version at ",
                       absl::FormatTime(absl::RFC3339_sec, oldest, absl::UTCTimeZone())));
    }
    scene.event = "rotation_grace_set";
    version->set_grace_end_ms(absl::ToUnixMillis(end));
    version->set_announced_ms(absl::ToUnixMillis(scene.now));
    version->set_held(false);  // it goes on because somebody wants it to
    ForgetEnding(version);
    scene.batch.Note("version", absl::StrCat(version->version()));
    scene.batch.Note("reason", request.reason());
    return absl::OkStatus();
  });
}

absl::StatusOr<Uuid> Operations::Retire(Updater& updater, const v1::RetireRequest& request) const {
  RETURN_IF_ERROR(CheckReason(request.reason(), true));
  return Change(updater, request.path(), false, [&](Scene& scene) -> absl::Status {
    ASSIGN_OR_RETURN(VersionRecord* const version,
                     InGrace(&scene.secret.metadata, request.version()));
    EndGraceNow(version, scene.now);
    scene.batch.Note("version", absl::StrCat(version->version()));
    scene.batch.Note("reason", request.reason());
    return absl::OkStatus();
  });
}

}  // namespace keyturn
