// The end of a version: its grace, its retirement at the target.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/transitions.h"
#include "rotation/worker.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

constexpr char kFailed[] = "rotation_retire_failed";

}  // namespace

absl::Status Worker::EndGrace(const Look& look) const {
  const uint64_t number = look.action.version;
  const v1::RotationPolicy& policy = look.secret.metadata.rotation().policy();
  const VersionRecord* const version = FindVersion(look.secret.metadata, number);
  std::vector<std::string> users;
  if (policy.retire_gate() != v1::RotationPolicy::NONE) {
    users = context_.users(look.secret.id, SecretVersion(number));
  }
  const auto name = [&](Batch& batch) {
    batch.Note("version", absl::StrCat(number));
    if (!users.empty()) batch.Note("still_used_by", absl::StrJoin(users, ","));
  };
  const auto warn = [&](const absl::Status& changed, absl::string_view what) {
    if (changed.ok() && !users.empty()) {
      LogWarning(what, {{"secret", look.secret.id.ToString()},
                        {"version", number},
                        {"used_by", absl::StrJoin(users, ", ")}});
    }
    return changed;
  };
  if (!users.empty() && policy.retire_gate() == v1::RotationPolicy::BLOCK &&
      version->extensions() < limits::kRotationExtensionsMax &&
      LatestEnd(policy, *version) > context_.clock.Now()) {
    return warn(Change(look, "rotation_grace_extended",
                       [&](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
                         VersionRecord* const held = FindVersion(&secret.metadata, number);
                         held->set_extensions(held->extensions() + 1);
                         held->set_held(true);
                         held->set_grace_end_ms(absl::ToUnixMillis(
                             std::min(now + absl::Seconds(limits::kRotationExtensionSeconds),
                                      LatestEnd(policy, *held))));
                         name(batch);
                         return absl::OkStatus();
                       }),
                "a version goes on beyond its grace because it is still used");
  }
  const bool has_driver = DriverOf(look.secret.metadata, number) != nullptr;
  return warn(Change(look, has_driver ? "rotation_grace_ended" : "rotation_retired",
                     [&](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
                       name(batch);
                       if (has_driver) {
                         VersionRecord* const ended = FindVersion(&secret.metadata, number);
                         ended->set_state(v1::VERSION_STATE_RETIRING);
                         ForgetEnding(ended);
                       } else {
                         MarkRetired(&secret, number, now);
                       }
                       return absl::OkStatus();
                     }),
              "a version ends although it is still used");
}

absl::Status Worker::RetireVersion(const Look& look) const {
  const uint64_t number = look.action.version;
  Driver* const driver = DriverOf(look.secret.metadata, number);
  if (driver != nullptr) {
    ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, number));
    if (const absl::Status gone = driver->Retire(old.call, old.value); !gone.ok()) {
      return RetireFailed(look, kFailed, gone);
    }
    const absl::StatusOr<bool> dead = driver->VerifyDead(old.call, old.value);
    if (!dead.ok()) return RetireFailed(look, kFailed, dead.status());
    if (!*dead) {
      return RetireFailed(look, kFailed,
                          absl::FailedPreconditionError("the value still works at the target"));
    }
  }
  if (const absl::Status revoked = RevokeKey(look, number); !revoked.ok()) {
    return RetireFailed(look, kFailed, revoked);
  }
  return Change(look, "rotation_retired",
                [&](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
                  MarkRetired(&secret, number, now);
                  batch.Note("version", absl::StrCat(number));
                  return absl::OkStatus();
                });
}

absl::Status Worker::RetireFailed(const Look& look, absl::string_view event,
                                  const absl::Status& failure) const {
  const double share = RandomShare();
  return Change(
      look, event, [&](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
        VersionRecord* const version = FindVersion(&secret.metadata, look.action.version);
        version->set_retire_attempts(version->retire_attempts() + 1);
        const bool loops =
            FailureOf(failure) == Failure::kTransient || FailureOf(failure) == Failure::kAmbiguous;
        // A login that is refused again and again locks accounts.
        const absl::Duration wait =
            loops ? WaitAfter(failure, version->retire_attempts(), share)
                  : absl::Seconds(event == kFailed ? limits::kRotationBackoffSecondsMax
                                                   : limits::kRotationBlockedSeconds);
        version->set_retire_next_ms(absl::ToUnixMillis(now + wait));
        version->set_retire_error(ShownError(failure));
        batch.Note("version", absl::StrCat(version->version()));
        batch.Note("error_class", FailureName(FailureOf(failure)));
        batch.Note("error", version->retire_error());
        return absl::OkStatus();
      });
}

}  // namespace keyturn
