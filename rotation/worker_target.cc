// What a target is told of a version's end: that it comes, that it was moved, that it does not
// come.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/runs.h"
#include "rotation/transitions.h"
#include "rotation/values.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {

using Run = v1::RotationRun;

absl::StatusOr<Worker::TargetCall> Worker::TargetCallOf(const Look& look, uint64_t version) const {
  ASSIGN_OR_RETURN(const std::string path, PathFor(look));
  ASSIGN_OR_RETURN(SecretBytes value, ReadVersionData(*look.keys, *context_.store.GetSnapshot(),
                                                      look.secret, version));
  return TargetCall{CallOf(look, path, version), std::move(value)};
}

Worker::Acted Worker::Announce(const Look& look, Driver* driver) const {
  const RotatingSecret& secret = look.secret;
  const VersionRecord* const former = FindVersion(secret.metadata, secret.run->previous_version());
  int64_t told_ms = 0;
  if (driver != nullptr && former != nullptr && IsState(*former, v1::VERSION_STATE_GRACE)) {
    ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, former->version()));
    told_ms = former->grace_end_ms();
    const absl::Time end = absl::FromUnixMillis(told_ms);
    if (const absl::Status armed = driver->ArmExpiry(old.call, old.value, end); !armed.ok()) {
      return Fail(look, armed);
    }
  }
  return Change(look, "rotation_announced",
                [told_ms](RotatingSecret& changed, const View&, absl::Time now, Batch&) {
                  VersionRecord* const told =
                      FindVersion(&changed.metadata, changed.run->previous_version());
                  // One that was moved meanwhile is another.
                  if (told != nullptr) told->set_armed_ms(told_ms);
                  CloseRun(&changed.metadata, &*changed.run, Run::DONE, now);
                  return absl::OkStatus();
                });
}

Worker::Acted Worker::Arm(const Look& look) const {
  const uint64_t number = look.action.version;
  const int64_t end_ms = FindVersion(look.secret.metadata, number)->grace_end_ms();
  Driver* const driver = DriverOf(look.secret.metadata, number);
  if (driver != nullptr) {
    ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, number));
    const absl::Status armed = driver->ArmExpiry(old.call, old.value, absl::FromUnixMillis(end_ms));
    if (!armed.ok()) return RetireFailed(look, "rotation_arm_failed", armed);
  }
  return Change(look, "rotation_armed",
                [number, end_ms](RotatingSecret& secret, const View&, absl::Time, Batch& batch) {
                  VersionRecord* const version = FindVersion(&secret.metadata, number);
                  version->set_armed_ms(end_ms);  // if it was moved meanwhile, this is another
                  ForgetEnding(version);
                  batch.Note("version", absl::StrCat(number));
                  return absl::OkStatus();
                });
}

Worker::Acted Worker::DisarmBack(const Look& look, Driver& driver) const {
  const uint64_t number = look.secret.run->version();
  ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, number));
  const absl::Status disarmed = driver.Disarm(old.call, old.value);
  if (!disarmed.ok()) return Fail(look, disarmed);
  return Change(look, "rotation_disarmed",
                [number](RotatingSecret& secret, const View&, absl::Time, Batch& batch) {
                  ClearFailures(&*secret.run);
                  secret.run->set_step(Run::PROMOTE);
                  FindVersion(&secret.metadata, number)->set_armed_ms(0);
                  batch.Note("version", absl::StrCat(number));
                  return absl::OkStatus();
                });
}

}  // namespace keyturn
