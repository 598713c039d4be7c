#include "rotation/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "vault/path.h"
#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

absl::Status OutOfRange(absl::string_view field, int64_t value, absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("policy.", field, " is ", value, "; allowed are ", allowed));
}

// 0 is the default, so always allowed.
absl::Status CheckRange(absl::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return OutOfRange(field, value, absl::StrCat("0 (the default) and ", least, " to ", most));
}

absl::Status CheckTimes(const v1::RotationPolicy& policy) {
  RETURN_IF_ERROR(CheckRange("period_seconds", policy.period_seconds(),
                             limits::kRotationPeriodSecondsMin, limits::kRotationPeriodSecondsMax));
  const int64_t period = absl::ToInt64Seconds(PeriodOf(policy));
  if (policy.grace_seconds() < -1 || policy.grace_seconds() > period) {
    return OutOfRange("grace_seconds", policy.grace_seconds(),
                      absl::StrCat("-1 (none), 0 (the default) and 1 to ", period, ", the period"));
  }
  if (policy.jitter_max_seconds() < -1 || policy.jitter_max_seconds() > period / 2) {
    return OutOfRange(
        "jitter_max_seconds", policy.jitter_max_seconds(),
        absl::StrCat("-1 (none), 0 (the default) and 1 to ", period / 2, ", half of the period"));
  }
  const int64_t grace = absl::ToInt64Seconds(GraceOf(policy));
  if (policy.grace_mode() == v1::RotationPolicy::BEFORE && grace >= period) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy.grace_seconds is ", grace, " with grace_mode BEFORE; it must be less than ", period,
        ", the period, or each version would be replaced at once"));
  }
  // Less would rotate all the time.
  const int64_t least_age = std::max(2 * grace, grace + limits::kRotationPeriodSecondsMin);
  if (policy.max_credential_age_seconds() != 0 &&
      (policy.max_credential_age_seconds() < least_age ||
       policy.max_credential_age_seconds() > limits::kRotationPeriodSecondsMax)) {
    return OutOfRange("max_credential_age_seconds", policy.max_credential_age_seconds(),
                      absl::StrCat("0 (no bound) and ", least_age, ", twice the grace, to ",
                                   limits::kRotationPeriodSecondsMax));
  }
  return CheckRange("destroy_after_seconds", policy.destroy_after_seconds(), 1,
                    limits::kRotationDestroySecondsMax);
}

absl::Status CheckWords(const v1::RotationPolicy& policy) {
  if (!v1::RotationPolicy::GraceMode_IsValid(policy.grace_mode())) {
    return OutOfRange("grace_mode", policy.grace_mode(), "AFTER and BEFORE");
  }
  if (!v1::RotationPolicy::Enforcement_IsValid(policy.enforcement())) {
    return OutOfRange("enforcement", policy.enforcement(), "STRICT and SOFT");
  }
  if (!v1::RotationPolicy::RetireGate_IsValid(policy.retire_gate())) {
    return OutOfRange("retire_gate", policy.retire_gate(), "NONE, WARN and BLOCK");
  }
  if (policy.max_live_versions() == 0) return absl::OkStatus();
  if (policy.max_live_versions() < 2 ||
      policy.max_live_versions() > limits::kRotationLiveVersionsMax) {
    return OutOfRange("max_live_versions", policy.max_live_versions(),
                      absl::StrCat("0 (the default) and 2 to ", limits::kRotationLiveVersionsMax));
  }
  return absl::OkStatus();
}

absl::Status CheckSource(const v1::RotationPolicy& policy, v1::Kind kind) {
  if (policy.source().has_generate() && kind == v1::KIND_DB_CREDENTIAL && policy.target().empty()) {
    return absl::InvalidArgumentError(
        "policy.source is generate for a db_credential, whose database would not know the value; "
        "allowed is reminder, or a target that sets it");
  }
  return absl::OkStatus();
}

absl::Status CheckOrders(const v1::RotationPolicy& policy) {
  if (policy.after_size() > static_cast<int>(limits::kRotationOrdersMax)) {
    return OutOfRange("after", policy.after_size(),
                      absl::StrCat("at most ", limits::kRotationOrdersMax, " secrets"));
  }
  for (const v1::RotationOrder& order : policy.after()) {
    if (const auto path = SecretPath::Parse(order.path()); !path.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("policy.after: ", path.status().message()));
    }
    if (order.offset_seconds() < 0 ||
        absl::Seconds(order.offset_seconds()) > PeriodOf(policy) / 2) {
      return OutOfRange("after.offset_seconds", order.offset_seconds(),
                        absl::StrCat("0 to ", absl::ToInt64Seconds(PeriodOf(policy) / 2),
                                     ", half of the period"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRotationPolicy(const v1::RotationPolicy& policy, v1::Kind kind) {
  if (policy.ByteSizeLong() > limits::kRotationPolicyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy: ", policy.ByteSizeLong(), " bytes; at most ", limits::kRotationPolicyBytesMax));
  }
  if (policy.windows_size() > static_cast<int>(limits::kWindowsMax)) {
    return OutOfRange("windows", policy.windows_size(),
                      absl::StrCat("at most ", limits::kWindowsMax));
  }
  RETURN_IF_ERROR(CheckTimes(policy));
  RETURN_IF_ERROR(CheckWords(policy));
  RETURN_IF_ERROR(CheckSource(policy, kind));
  RETURN_IF_ERROR(CheckOrders(policy));
  return WindowsOf(policy).status();
}

absl::Status CheckForgetsNothing(const SecretMetadata& metadata) {
  for (const VersionRecord& version : metadata.versions()) {
    if (!IsStillAtTarget(metadata, version)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "version ", version.version(), " is still to end at target ", TargetOf(metadata, version),
        "; wait for that, or run: keyturn rotation retire"));
  }
  return absl::OkStatus();
}

absl::StatusOr<WindowSet> WindowsOf(const v1::RotationPolicy& policy) {
  std::vector<Window> windows;
  for (const v1::RotationWindow& window : policy.windows()) {
    absl::StatusOr<Window> made =
        Window::Create(window.cron(), absl::Seconds(window.duration_seconds()),
                       window.time_zone().empty() ? "UTC" : window.time_zone());
    if (!made.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("policy.windows[", windows.size(), "]: ", made.status().message()));
    }
    windows.push_back(*std::move(made));
  }
  return WindowSet::Create(std::move(windows));
}

DueTime DueTimeOf(const KeyringSnapshot& keys, const SecretMetadata& metadata) {
  const v1::RotationPolicy& policy = metadata.rotation().policy();
  const WindowSet windows = WindowsOf(policy).value_or(WindowSet());
  RotationTimers timers;
  timers.promoted_at = absl::FromUnixMillis(metadata.rotation().promoted_ms());
  timers.period = PeriodOf(policy);
  timers.grace = GraceOf(policy);
  timers.grace_mode =
      policy.grace_mode() == v1::RotationPolicy::BEFORE ? GraceMode::kBefore : GraceMode::kAfter;
  timers.jitter_max = JitterMaxOf(policy);
  if (policy.max_credential_age_seconds() > 0) {
    timers.max_credential_age = MaxCredentialAgeOf(policy);
  }
  timers.window_mode =
      policy.enforcement() == v1::RotationPolicy::SOFT ? WindowMode::kSoft : WindowMode::kStrict;
  const std::string mac =
      IndexMac(keys, "rotation-jitter",
               absl::StrCat(metadata.uuid(), BigEndian64(metadata.current_version())));
  absl::string_view bytes = mac;
  timers.hash = ReadBigEndian64(&bytes).value_or(0);
  return ComputeDueTime(timers, windows);
}

absl::Status CheckReason(const std::string& reason, bool required) {
  if (reason.empty() && required) {
    return absl::InvalidArgumentError("reason: say why; it is kept in the audit log");
  }
  if (reason.size() <= limits::kRotationReasonBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("reason: ", reason.size(), " bytes; at most ",
                                                 limits::kRotationReasonBytesMax, " are allowed"));
}

bool MakesValues(const v1::RotationPolicy& policy, v1::Kind kind) {
  if (policy.source().has_generate()) return true;
  return !policy.source().has_reminder() && kind == v1::KIND_JWT_KEY;
}

bool MakesValues(const SecretMetadata& metadata) {
  if (metadata.has_jwt()) return true;
  return MakesValues(metadata.rotation().policy(), static_cast<v1::Kind>(metadata.kind()));
}

v1::RotationSource::Generate GenerateOf(const v1::RotationPolicy& policy) {
  v1::RotationSource::Generate out = policy.source().generate();
  if (out.field().empty()) out.set_field("value");
  return out;
}

}  // namespace keyturn
