#include "client/cli/commands/rotation_policy_flags.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

constexpr char kNone[] = "none";

// "" leaves it. `none`: what that word stands for; std::nullopt: it is no length.
absl::Status SetSeconds(absl::string_view flag, const std::string& text,
                        std::optional<int64_t> none, void (v1::RotationPolicy::*set)(int64_t),
                        v1::RotationPolicy* policy) {
  if (text.empty()) return absl::OkStatus();
  if (text == kNone && none.has_value()) {
    (policy->*set)(*none);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds(flag, text));
  (policy->*set)(seconds);
  return absl::OkStatus();
}

// Whether the list is to be taken away. (A secret of that name at the root is 'none 1s' for
// --after.)
bool IsNone(const std::vector<std::string>& list) { return list.size() == 1 && list[0] == kNone; }

absl::Status CheckList(absl::string_view flag, const std::vector<std::string>& list) {
  if (list.size() < 2 || std::count(list.begin(), list.end(), kNone) == 0) return absl::OkStatus();
  return UsageError(absl::StrCat(flag, " none stands alone: it takes all away"));
}

// "0 2 * * SUN 4h Europe/Berlin"
absl::Status AddWindow(const std::string& text, v1::RotationPolicy* policy) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (words.size() != 6 && words.size() != 7) {
    return UsageError(absl::StrCat(
        "--window '", text,
        "' must be MINUTE HOUR DAY MONTH WEEKDAY LENGTH [ZONE], such as '0 2 * * SUN 4h "
        "Europe/Berlin'"));
  }
  v1::RotationWindow& window = *policy->add_windows();
  window.set_cron(absl::StrJoin(words.begin(), words.begin() + 5, " "));
  ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--window", words[5]));
  window.set_duration_seconds(seconds);
  if (words.size() == 7) window.set_time_zone(words[6]);
  return absl::OkStatus();
}

// "db/admin 6h"
absl::Status AddOrder(const std::string& text, v1::RotationPolicy* policy) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  v1::RotationOrder& order = *policy->add_after();
  order.set_path(parts.first);
  if (parts.second.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--after", parts.second));
  order.set_offset_seconds(seconds);
  return absl::OkStatus();
}

absl::Status SetWords(const RotationPolicyFlags& flags, v1::RotationPolicy* policy) {
  if (flags.mode == "before") {
    policy->set_grace_mode(v1::RotationPolicy::BEFORE);
  } else if (flags.mode == "after") {
    policy->set_grace_mode(v1::RotationPolicy::AFTER);
  } else if (!flags.mode.empty()) {
    return UsageError("--grace-mode must be after or before");
  }
  if (!flags.gate.empty()) {
    if (flags.gate != "none" && flags.gate != "warn" && flags.gate != "block") {
      return UsageError("--retire-gate must be none, warn or block");
    }
    policy->set_retire_gate(flags.gate == "none"   ? v1::RotationPolicy::NONE
                            : flags.gate == "warn" ? v1::RotationPolicy::WARN
                                                   : v1::RotationPolicy::BLOCK);
  }
  if (!flags.source.empty() && flags.source != "generate" && flags.source != "reminder") {
    return UsageError("--source must be generate or reminder");
  }
  if (flags.source == "reminder") {
    if (!flags.field.empty()) return UsageError("--field is of --source generate");
    policy->mutable_source()->mutable_reminder();
  } else if (flags.source == "generate" || !flags.field.empty()) {
    v1::RotationSource::Generate& generate = *policy->mutable_source()->mutable_generate();
    if (!flags.field.empty()) generate.set_field(flags.field);
  }
  if (!flags.target.empty()) policy->set_target(flags.target == kNone ? "" : flags.target);
  if (flags.soft) policy->set_enforcement(v1::RotationPolicy::SOFT);
  if (flags.strict) policy->set_enforcement(v1::RotationPolicy::STRICT);
  if (flags.live > 0) policy->set_max_live_versions(flags.live);
  return absl::OkStatus();
}

}  // namespace

void AddRotationPolicyFlags(Command command, RotationPolicyFlags* flags) {
  command.AddOption("--period", flags->period, "from one value to the next; default 90d");
  command.AddOption("--grace", flags->grace,
                    "the former one works for so long; default 7d; or none");
  command.AddOption("--grace-mode", flags->mode,
                    "whether that comes after the 90 days or before: after");
  command.AddOption("--max-age", flags->max_age, "no value works for longer; or none");
  command.AddOption("--jitter", flags->jitter,
                    "how much earlier at most; default 5 %, 72h; or none");
  command.AddOption("--window", flags->windows,
                    "start in it only: cron fields, length, zone; or none");
  const Option soft =
      command.AddFlag("--soft", flags->soft, "wait for a window, even past the deadline");
  command
      .AddFlag("--strict", flags->strict,
               "start at the deadline, if no window comes before; default")
      .Excludes(soft);
  command.AddOption("--retire-gate", flags->gate, "of a former value in use: none, warn or block");
  command.AddOption("--destroy-after", flags->destroy_after, "it is retired; default 30d");
  command.AddOption("--max-live", flags->live, "values that work at once; default 3");
  command.AddOption("--source", flags->source, "of new values: generate or reminder");
  command.AddOption("--field", flags->field, "that is generated; default: value");
  command.AddOption("--target", flags->target,
                    "where values are set, of the server's configuration; or none");
  command.AddOption("--after", flags->after,
                    "another secret, and how long after it: 'db/admin 6h'; or none");
}

absl::Status ApplyRotationPolicyFlags(const RotationPolicyFlags& flags,
                                      v1::RotationPolicy* policy) {
  using Policy = v1::RotationPolicy;
  RETURN_IF_ERROR(CheckList("--window", flags.windows));
  RETURN_IF_ERROR(CheckList("--after", flags.after));
  RETURN_IF_ERROR(
      SetSeconds("--period", flags.period, std::nullopt, &Policy::set_period_seconds, policy));
  RETURN_IF_ERROR(SetSeconds("--grace", flags.grace, -1, &Policy::set_grace_seconds, policy));
  RETURN_IF_ERROR(
      SetSeconds("--max-age", flags.max_age, 0, &Policy::set_max_credential_age_seconds, policy));
  RETURN_IF_ERROR(
      SetSeconds("--jitter", flags.jitter, -1, &Policy::set_jitter_max_seconds, policy));
  RETURN_IF_ERROR(SetSeconds("--destroy-after", flags.destroy_after, std::nullopt,
                             &Policy::set_destroy_after_seconds, policy));
  if (!flags.windows.empty()) policy->clear_windows();
  if (!IsNone(flags.windows)) {
    for (const std::string& window : flags.windows) RETURN_IF_ERROR(AddWindow(window, policy));
  }
  if (!flags.after.empty()) policy->clear_after();
  if (!IsNone(flags.after)) {
    for (const std::string& order : flags.after) RETURN_IF_ERROR(AddOrder(order, policy));
  }
  return SetWords(flags, policy);
}

std::vector<v1::ForecastRequest::Cleared> ClearedByRotationPolicyFlags(
    const RotationPolicyFlags& flags) {
  std::vector<v1::ForecastRequest::Cleared> out;
  if (flags.max_age == kNone) out.push_back(v1::ForecastRequest::MAX_CREDENTIAL_AGE);
  if (IsNone(flags.windows)) out.push_back(v1::ForecastRequest::WINDOWS);
  if (IsNone(flags.after)) out.push_back(v1::ForecastRequest::AFTER);
  if (flags.target == kNone) out.push_back(v1::ForecastRequest::TARGET);
  return out;
}

}  // namespace keyturn::cli
