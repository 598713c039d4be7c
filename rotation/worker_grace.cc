// What becomes of a version when its grace is over: it goes on for as long as its end is news to
// those who use it, or while somebody does (the retire gate), or it ends.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "rotation/end_notice.h"
#include "rotation/store_state.h"
#include "rotation/transitions.h"
#include "rotation/worker.h"
#include "rotation/worker_task.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

bool MayHold(const v1::RotationPolicy& policy, const VersionRecord& version, absl::Time now) {
  return policy.retire_gate() == v1::RotationPolicy::BLOCK &&
         version.extensions() < limits::kRotationExtensionsMax && LatestEnd(policy, version) > now;
}

}  // namespace

absl::StatusOr<Worker::Users> Worker::UsersOf(const Look& look) const {
  const uint64_t number = look.action.version;
  Users users;
  users.names = context_.users(look.secret.id, SecretVersion(number));
  users.seen_here = !users.names.empty();
  Driver* const driver = DriverOf(look.secret.metadata, number);
  if (driver == nullptr) return users;
  ASSIGN_OR_RETURN(const TargetCall old, TargetCallOf(look, number));
  const auto at = [&old](const auto&... what) {
    return absl::StrCat("target ", old.call.target, ": ", what...);
  };
  const absl::StatusOr<std::optional<int>> sessions = driver->Sessions(old.call, old.value);
  // It is asked again once somebody works on the secret anew.
  if (interrupt_.is_set()) return Moved();
  if (sessions.ok()) {
    if (sessions->value_or(0) > 0) users.names.push_back(at("sessions ", **sessions));
  } else if (FailureOf(sessions.status()) != Failure::kPermanent) {
    // Whoever cannot be asked now may be using it. One that does not know the question never will.
    users.names.push_back(at("not known, ", FailureName(FailureOf(sessions.status()))));
  }
  return users;
}

Worker::Acted Worker::EndGrace(const Look& look) const {
  const VersionRecord& version = *FindVersion(look.secret.metadata, look.action.version);
  const v1::RotationPolicy& policy = look.secret.metadata.rotation().policy();
  const absl::Time now = context_.clock.Now();
  const UpTime up = clock_.up();
  if (const std::optional<absl::Time> later = LaterEnd(policy, version, up, now)) {
    return EndLater(look, up, *later);
  }
  Users users;
  if (policy.retire_gate() != v1::RotationPolicy::NONE) {
    ASSIGN_OR_RETURN(users, UsersOf(look));
  }
  const bool holds = !users.names.empty() && MayHold(policy, version, now);
  ASSIGN_OR_RETURN(std::unique_ptr<Planned> planned,
                   holds ? HoldGrace(look, users) : EndVersion(look, users));
  if (users.names.empty()) return planned;
  planned->written = [&look, holds, by = absl::StrJoin(users.names, ", ")] {
    LogWarning(
        holds ? "a version goes on beyond its grace because it is still used"
              : "a version ends although it is still used",
        {{"secret", look.secret.id.ToString()}, {"version", look.action.version}, {"used_by", by}});
  };
  return planned;
}

Worker::Acted Worker::EndLater(const Look& look, const UpTime& up, absl::Time end) const {
  const uint64_t number = look.action.version;
  return Change(look, "rotation_end_announced",
                [end, up, number](RotatingSecret& secret, const View&, absl::Time, Batch& batch) {
                  AnnounceAnew(end, up, FindVersion(&secret.metadata, number));
                  batch.Note("version", absl::StrCat(number));
                  return absl::OkStatus();
                });
}

Worker::Acted Worker::HoldGrace(const Look& look, const Users& users) const {
  const uint64_t number = look.action.version;
  return Change(
      look, "rotation_grace_extended",
      [users, number](RotatingSecret& secret, const View&, absl::Time now, Batch& batch) {
        const v1::RotationPolicy& policy = secret.metadata.rotation().policy();
        VersionRecord* const held = FindVersion(&secret.metadata, number);
        held->set_extensions(held->extensions() + 1);
        held->set_held(users.seen_here);
        held->set_grace_end_ms(absl::ToUnixMillis(std::min(
            now + absl::Seconds(limits::kRotationExtensionSeconds), LatestEnd(policy, *held))));
        batch.Note("version", absl::StrCat(number));
        batch.Note("still_used_by", absl::StrJoin(users.names, ","));
        return absl::OkStatus();
      });
}

Worker::Acted Worker::EndVersion(const Look& look, const Users& users) const {
  const uint64_t number = look.action.version;
  const bool has_driver = DriverOf(look.secret.metadata, number) != nullptr;
  return Change(look, has_driver ? "rotation_grace_ended" : "rotation_retired",
                [users, number, has_driver](RotatingSecret& secret, const View&, absl::Time now,
                                            Batch& batch) {
                  batch.Note("version", absl::StrCat(number));
                  if (!users.names.empty())
                    batch.Note("still_used_by", absl::StrJoin(users.names, ","));
                  if (has_driver) {
                    VersionRecord* const ended = FindVersion(&secret.metadata, number);
                    ended->set_state(v1::VERSION_STATE_RETIRING);
                    ForgetEnding(ended);
                  } else {
                    MarkRetired(&secret, number, now);
                  }
                  return absl::OkStatus();
                });
}

}  // namespace keyturn
