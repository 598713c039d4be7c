// The end of a version at its target, after its grace.
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/transitions.h"
#include "rotation/values.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

constexpr char kFailed[] = "rotation_retire_failed";

// And asks whether it is so: its word alone is not enough.
absl::Status RetireAt(Driver& driver, const DriverCall& call, const SecretBytes& old) {
  RETURN_IF_ERROR(driver.Retire(call, old));
  ASSIGN_OR_RETURN(const bool dead, driver.VerifyDead(call, old));
  if (dead) return absl::OkStatus();
  return absl::FailedPreconditionError("the value still works at the target");
}

}  // namespace

absl::StatusOr<uint64_t> Worker::InUseAs(const Look& look, const TargetCall& old) const {
  const SecretMetadata& metadata = look.secret.metadata;
  const auto snapshot = context_.store.GetSnapshot();
  for (const VersionRecord& version : metadata.versions()) {
    const bool used = IsState(version, v1::VERSION_STATE_CURRENT) ||
                      IsState(version, v1::VERSION_STATE_GRACE) ||
                      IsState(version, v1::VERSION_STATE_PENDING);
    if (!used || TargetOf(metadata, version) != old.call.target) continue;
    ASSIGN_OR_RETURN(const SecretBytes value,
                     ReadVersionData(*look.keys, *snapshot, look.secret, version.version()));
    if (value == old.value) return version.version();
  }
  return 0;
}

Worker::Acted Worker::RetireVersion(const Look& look) const {
  const uint64_t number = look.action.version;
  Driver* const driver = DriverOf(look.secret.metadata, number);
  uint64_t in_use_as = 0;
  if (driver != nullptr) {
    ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, number));
    ASSIGN_OR_RETURN(in_use_as, InUseAs(look, old));
    if (in_use_as == 0) {
      const absl::Status gone = RetireAt(*driver, old.call, old.value);
      if (!gone.ok()) return RetireFailed(look, kFailed, gone);
    }
  }
  if (const absl::Status revoked = RevokeKey(look, number); !revoked.ok()) {
    return RetireFailed(look, kFailed, revoked);
  }
  return Change(
      look, "rotation_retired",
      [number, in_use_as](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
        MarkRetired(&secret, number, now);
        batch.Note("version", absl::StrCat(number));
        if (in_use_as != 0) batch.Note("in_use_as", absl::StrCat(in_use_as));
        return absl::OkStatus();
      });
}

Worker::Acted Worker::RetireFailed(const Look& look, absl::string_view event,
                                   const absl::Status& failure) const {
  const double share = RandomShare();
  return Change(look, event,
                [&look, event, failure, share](RotatingSecret& secret, const View&, absl::Time now,
                                               Batch& batch) {
                  VersionRecord* const version = FindVersion(&secret.metadata, look.action.version);
                  version->set_retire_attempts(version->retire_attempts() + 1);
                  const bool loops = FailureOf(failure) == Failure::kTransient ||
                                     FailureOf(failure) == Failure::kAmbiguous;
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
