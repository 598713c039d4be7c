#include "vault/rotation_rules.h"

#include <algorithm>

#include "base/limits.h"
#include "storage/schema.h"
#include "vault/context.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

absl::Duration SecondsOr(int64_t seconds, absl::Duration standard) {
  return seconds == 0 ? standard : absl::Seconds(std::max<int64_t>(seconds, 0));
}

// By when the former version has to be over. A key that signed later than its greatest age allows
// lives for its grace all the same: the tokens that it signed last are valid to their own end.
absl::Time GraceEnd(const SecretMetadata& metadata, const VersionRecord& former, absl::Time now,
                    absl::Duration grace) {
  if (metadata.has_jwt()) return now + grace;
  const absl::Time end = std::min(now + grace, LatestEnd(metadata.rotation().policy(), former));
  return std::max(end, now);
}

void EndCurrent(SecretMetadata* metadata, absl::Time now) {
  VersionRecord* const former = FindVersion(metadata, metadata->current_version());
  if (former == nullptr || !IsState(*former, v1::VERSION_STATE_CURRENT)) return;
  former->set_replaced_ms(absl::ToUnixMillis(now));
  if (!metadata->has_rotation()) {
    former->set_state(v1::VERSION_STATE_PREVIOUS);
    return;
  }
  const record::v1::RotationState& rotation = metadata->rotation();
  if (rotation.emergency()) former->set_compromised(true);
  const absl::Duration grace =
      former->compromised() ? absl::ZeroDuration() : GraceOf(rotation.policy());
  const absl::Time end = GraceEnd(*metadata, *former, now, grace);
  former->set_state(end > now ? v1::VERSION_STATE_GRACE : v1::VERSION_STATE_RETIRING);
  former->set_grace_end_ms(absl::ToUnixMillis(end));
}

}  // namespace

absl::Duration PeriodOf(const v1::RotationPolicy& policy) {
  return SecondsOr(policy.period_seconds(), absl::Seconds(limits::kRotationPeriodSecondsDefault));
}

absl::Duration GraceOf(const v1::RotationPolicy& policy) {
  return SecondsOr(policy.grace_seconds(),
                   std::min(absl::Seconds(limits::kRotationGraceSecondsDefault), PeriodOf(policy)));
}

absl::Duration DestroyAfterOf(const v1::RotationPolicy& policy) {
  return SecondsOr(policy.destroy_after_seconds(),
                   absl::Seconds(limits::kRotationDestroySecondsDefault));
}

absl::Duration MaxCredentialAgeOf(const v1::RotationPolicy& policy) {
  return SecondsOr(policy.max_credential_age_seconds(), absl::ZeroDuration());
}

absl::Duration JitterMaxOf(const v1::RotationPolicy& policy) {
  return SecondsOr(policy.jitter_max_seconds(),
                   std::min(PeriodOf(policy) / 20, absl::Duration(absl::Hours(72))));
}

absl::Time LatestEnd(const v1::RotationPolicy& policy, const VersionRecord& version) {
  const absl::Duration age = MaxCredentialAgeOf(policy);
  if (age == absl::ZeroDuration() || version.promoted_ms() == 0) return absl::InfiniteFuture();
  return absl::FromUnixMillis(version.promoted_ms()) + age;
}

bool IsState(const VersionRecord& version, v1::VersionState state) {
  return version.state() == static_cast<uint32_t>(state);
}

const std::string& TargetOf(const SecretMetadata& metadata, const VersionRecord& version) {
  static const std::string* const none = new std::string;
  if (metadata.has_jwt()) return *none;
  return version.target().empty() ? metadata.rotation().policy().target() : version.target();
}

void ReplacePolicy(const v1::RotationPolicy& policy, SecretMetadata* metadata) {
  const std::string former = metadata->rotation().policy().target();
  *metadata->mutable_rotation()->mutable_policy() = policy;
  if (metadata->has_jwt()) return;
  for (VersionRecord& version : *metadata->mutable_versions()) {
    const bool current = IsState(version, v1::VERSION_STATE_CURRENT);
    const bool works = current || IsState(version, v1::VERSION_STATE_GRACE) ||
                       IsState(version, v1::VERSION_STATE_RETIRING);
    if (!works || !version.target().empty()) continue;
    version.set_target(former.empty() && current ? policy.target() : former);
  }
}

bool IsStillAtTarget(const SecretMetadata& metadata, const VersionRecord& version) {
  if (!IsState(version, v1::VERSION_STATE_GRACE) && !IsState(version, v1::VERSION_STATE_RETIRING)) {
    return false;
  }
  return !TargetOf(metadata, version).empty();
}

void ForgetEnding(VersionRecord* version) {
  version->set_retire_attempts(0);
  version->set_retire_next_ms(0);
  version->clear_retire_error();
}

bool IsLive(const VersionRecord& version) {
  switch (version.state()) {
    case v1::VERSION_STATE_PENDING:
    case v1::VERSION_STATE_STAGED:
    case v1::VERSION_STATE_CURRENT:
    case v1::VERSION_STATE_GRACE:
    case v1::VERSION_STATE_RETIRING:
      return true;
    default:
      return false;
  }
}

void HoldUntil(absl::Time until, SecretMetadata* metadata) {
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  rotation.set_hold_until_ms(absl::ToUnixMillis(until));
  rotation.set_waits(false);
  rotation.set_waits_for_room(false);
}

void HoldStarts(SecretMetadata* metadata, absl::Time now, absl::Time planned) {
  const absl::Time until =
      std::min(now + absl::Seconds(limits::kRotationHoldSecondsDefault), std::max(planned, now));
  const record::v1::RotationState& rotation = metadata->rotation();
  const absl::Time held = rotation.waits() ? now : absl::FromUnixMillis(rotation.hold_until_ms());
  HoldUntil(std::max(held, until), metadata);
}

void BecomeCurrent(SecretMetadata* metadata, VersionRecord* version, absl::Time now) {
  EndCurrent(metadata, now);
  metadata->set_current_version(version->version());
  version->set_state(v1::VERSION_STATE_CURRENT);
  version->set_grace_end_ms(0);
  version->set_replaced_ms(0);
  version->set_announced_ms(0);
  version->set_held(false);
  version->set_armed_ms(0);
  ForgetEnding(version);
  if (version->promoted_ms() == 0) version->set_promoted_ms(absl::ToUnixMillis(now));
  version->set_target(TargetOf(*metadata, *version));
  if (!metadata->has_rotation()) return;
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  rotation.set_promoted_ms(version->promoted_ms());
  rotation.set_due_ms(0);
  rotation.set_deadline_ms(0);
  HoldUntil(absl::UnixEpoch(), metadata);
  rotation.set_emergency(false);
  rotation.set_next_ms(absl::ToUnixMillis(now));
}

void BeginRotating(absl::Time now, const v1::RotationPolicy& policy, SecretMetadata* metadata) {
  for (VersionRecord& version : *metadata->mutable_versions()) {
    version.set_promoted_ms(0);
    if (!IsState(version, v1::VERSION_STATE_PREVIOUS)) continue;
    version.set_state(v1::VERSION_STATE_GRACE);
    version.set_grace_end_ms(absl::ToUnixMillis(now + GraceOf(policy)));
    version.set_announced_ms(absl::ToUnixMillis(now));
  }
  VersionRecord* const current = FindVersion(metadata, metadata->current_version());
  const int64_t since = current == nullptr ? absl::ToUnixMillis(now) : current->created_ms();
  if (current != nullptr) current->set_promoted_ms(since);
  record::v1::RotationState& rotation = *metadata->mutable_rotation();
  *rotation.mutable_policy() = v1::RotationPolicy(policy);
  rotation.set_promoted_ms(since);
  rotation.set_due_ms(0);
  rotation.set_hold_until_ms(
      absl::ToUnixMillis(now + absl::Seconds(limits::kRotationHoldSecondsDefault)));
}

absl::Duration GuaranteedFor(const SecretMetadata& metadata, const VersionRecord& version,
                             absl::Time now) {
  if (!metadata.has_rotation() || version.compromised()) return absl::ZeroDuration();
  if (IsState(version, v1::VERSION_STATE_CURRENT)) {
    return GraceEnd(metadata, version, now, GraceOf(metadata.rotation().policy())) - now;
  }
  if (!IsState(version, v1::VERSION_STATE_GRACE)) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), absl::FromUnixMillis(version.grace_end_ms()) - now);
}

std::string RotationHint(const Uuid& secret, int64_t next_ms) {
  return schema::DueKey(secret, absl::FromUnixSeconds((next_ms + 999) / 1000), kDueRotation);
}

void MoveRotationHint(const Uuid& secret, int64_t former_next_ms, const SecretMetadata& metadata,
                      Batch& batch) {
  const int64_t next_ms = metadata.has_rotation() ? metadata.rotation().next_ms() : 0;
  const std::string former = former_next_ms == 0 ? "" : RotationHint(secret, former_next_ms);
  const std::string next = next_ms == 0 ? "" : RotationHint(secret, next_ms);
  if (former == next) return;  // steps at one moment: it is there, and need not be written again
  if (!former.empty()) batch.Delete(Family::kDue, former);
  if (!next.empty()) batch.Put(Family::kDue, next, "");
}

void LookAgain(const Uuid& secret, absl::Time now, SecretMetadata* metadata, Batch& batch) {
  if (!metadata->has_rotation()) return;
  const int64_t former = metadata->rotation().next_ms();
  metadata->mutable_rotation()->set_next_ms(absl::ToUnixMillis(now));
  MoveRotationHint(secret, former, *metadata, batch);
}

}  // namespace keyturn
