#include "rotation/status.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "base/limits.h"
#include "rotation/due_time.h"
#include "rotation/next_action.h"
#include "rotation/policy.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;

v1::RotationStatus::Lateness Wire(Lateness lateness) {
  switch (lateness) {
    case Lateness::kDue:
      return v1::RotationStatus::DUE;
    case Lateness::kOverdue:
      return v1::RotationStatus::OVERDUE;
    case Lateness::kCritical:
      return v1::RotationStatus::CRITICAL;
    default:
      return v1::RotationStatus::ON_TIME;
  }
}

void SetTime(int64_t millis, google::protobuf::Timestamp* (v1::RotationStatus::*field)(),
             v1::RotationStatus* status) {
  if (millis != 0) *(status->*field)() = TimeUtil::MillisecondsToTimestamp(millis);
}

}  // namespace

bool IsFulfilled(const SecretMetadata& metadata, const v1::RotationRun& run) {
  return run.state() == v1::RotationRun::AWAITING_VALUE &&
         metadata.current_version() != run.previous_version();
}

int MaxLiveVersions(const v1::RotationPolicy& policy) {
  return static_cast<int>(policy.max_live_versions() == 0 ? limits::kRotationLiveVersionsDefault
                                                          : policy.max_live_versions());
}

int LiveVersions(const SecretMetadata& metadata) {
  return static_cast<int>(std::count_if(
      metadata.versions().begin(), metadata.versions().end(), [](const VersionRecord& version) {
        return IsState(version, v1::VERSION_STATE_CURRENT) ||
               (IsState(version, v1::VERSION_STATE_GRACE) && version.promoted_ms() != 0) ||
               IsState(version, v1::VERSION_STATE_RETIRING);
      }));
}

v1::RotationPolicy EffectivePolicy(const v1::RotationPolicy& policy, v1::Kind kind) {
  v1::RotationPolicy out = policy;
  out.set_period_seconds(absl::ToInt64Seconds(PeriodOf(policy)));
  out.set_grace_seconds(absl::ToInt64Seconds(GraceOf(policy)));
  out.set_jitter_max_seconds(absl::ToInt64Seconds(JitterMaxOf(policy)));
  out.set_destroy_after_seconds(absl::ToInt64Seconds(DestroyAfterOf(policy)));
  out.set_max_live_versions(static_cast<uint32_t>(MaxLiveVersions(policy)));
  if (out.grace_mode() == v1::RotationPolicy::GRACE_MODE_UNSPECIFIED) {
    out.set_grace_mode(v1::RotationPolicy::AFTER);
  }
  if (out.enforcement() == v1::RotationPolicy::ENFORCEMENT_UNSPECIFIED) {
    out.set_enforcement(v1::RotationPolicy::STRICT);
  }
  if (out.retire_gate() == v1::RotationPolicy::RETIRE_GATE_UNSPECIFIED) {
    out.set_retire_gate(v1::RotationPolicy::WARN);
  }
  if (MakesValues(policy, kind)) {
    *out.mutable_source()->mutable_generate() = GenerateOf(policy);
  } else {
    out.mutable_source()->mutable_reminder();
  }
  return out;
}

v1::RotationStatus StatusOf(const std::string& path, const SecretMetadata& metadata,
                            const std::optional<v1::RotationRun>& run, absl::Time now,
                            bool all_versions) {
  v1::RotationStatus status;
  status.set_path(path);
  status.set_kind(static_cast<v1::Kind>(metadata.kind()));
  status.set_current_version(metadata.current_version());
  status.set_rotates(metadata.has_rotation());
  for (int i = metadata.versions_size() - 1; i >= 0; --i) {
    const VersionRecord& version = metadata.versions(i);
    const bool gone = version.version() == metadata.current_version() &&
                      IsReadable(metadata, now) != Readable::kYes;
    if (all_versions || gone || !version.retire_error().empty()) {
      *status.add_versions() = ToInfo(version);
    }
  }
  if (!metadata.has_rotation()) return status;
  const record::v1::RotationState& rotation = metadata.rotation();
  *status.mutable_policy() = rotation.policy();
  *status.mutable_effective_policy() = EffectivePolicy(rotation.policy(), status.kind());
  SetTime(rotation.promoted_ms(), &v1::RotationStatus::mutable_promote_time, &status);
  SetTime(rotation.due_ms(), &v1::RotationStatus::mutable_due_time, &status);
  SetTime(rotation.deadline_ms(), &v1::RotationStatus::mutable_deadline_time, &status);
  if (absl::FromUnixMillis(rotation.hold_until_ms()) > now &&
      rotation.hold_until_ms() > rotation.due_ms()) {
    SetTime(rotation.hold_until_ms(), &v1::RotationStatus::mutable_hold_until_time, &status);
  }
  status.set_paused(rotation.paused());
  status.set_pause_reason(rotation.pause_reason());
  if (rotation.due_ms() != 0) {
    const DueTime due{absl::FromUnixMillis(rotation.due_ms()),
                      absl::FromUnixMillis(rotation.deadline_ms())};
    status.set_lateness(Wire(LatenessAt(now, due, GraceOf(rotation.policy()))));
  }
  if (run.has_value() && !IsFulfilled(metadata, *run)) *status.mutable_open_run() = *run;
  return status;
}

void AddConsumers(std::vector<v1::Consumer> consumers, v1::RotationStatus* status) {
  for (v1::Consumer& consumer : consumers) {
    if (consumer.state() == v1::Consumer::GONE) continue;
    status->set_consumers(status->consumers() + 1);
    const bool in_grace =
        std::any_of(status->versions().begin(), status->versions().end(), [&](const auto& version) {
          return version.version() == consumer.version() &&
                 version.state() == v1::VERSION_STATE_GRACE;
        });
    if (consumer.state() != v1::Consumer::LAGGING || !in_grace) continue;
    consumer.set_path(status->path());
    *status->add_laggards() = std::move(consumer);
  }
}

}  // namespace keyturn
