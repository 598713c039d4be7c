// rotation policy set|show|remove.
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/message_file.h"

namespace keyturn::cli {
namespace {

struct PolicyFlags {
  std::string path, file, period, grace, mode, max_age, jitter, gate, destroy_after, source, field,
      target;
  std::vector<std::string> windows, after;
  uint32_t live = 0;
  bool soft = false;
};

// "" leaves it, "none" is -1.
absl::Status SetSeconds(absl::string_view flag, const std::string& text,
                        void (v1::RotationPolicy::*set)(int64_t), v1::RotationPolicy* policy) {
  if (text.empty()) return absl::OkStatus();
  int64_t seconds = -1;
  if (text != "none") {
    ASSIGN_OR_RETURN(seconds, ParseSeconds(flag, text));
  }
  (policy->*set)(seconds);
  return absl::OkStatus();
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

absl::Status SetWords(const PolicyFlags& flags, v1::RotationPolicy* policy) {
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
  if (!flags.target.empty()) policy->set_target(flags.target == "none" ? "" : flags.target);
  if (flags.soft) policy->set_enforcement(v1::RotationPolicy::SOFT);
  if (flags.live > 0) policy->set_max_live_versions(flags.live);
  return absl::OkStatus();
}

// Of a file, or what the secret has: flags change it.
absl::Status Begin(Shell& shell, const PolicyFlags& flags, v1::RotationPolicy* policy) {
  if (!flags.file.empty()) return ReadMessageFile(flags.file, policy);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRotationStatusRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->GetRotationStatus(request, shell.Options()));
  *policy = status.policy();
  return absl::OkStatus();
}

absl::Status Apply(const PolicyFlags& flags, v1::RotationPolicy* policy) {
  using Policy = v1::RotationPolicy;
  RETURN_IF_ERROR(SetSeconds("--period", flags.period, &Policy::set_period_seconds, policy));
  RETURN_IF_ERROR(SetSeconds("--grace", flags.grace, &Policy::set_grace_seconds, policy));
  RETURN_IF_ERROR(
      SetSeconds("--max-age", flags.max_age, &Policy::set_max_credential_age_seconds, policy));
  RETURN_IF_ERROR(SetSeconds("--jitter", flags.jitter, &Policy::set_jitter_max_seconds, policy));
  RETURN_IF_ERROR(SetSeconds("--destroy-after", flags.destroy_after,
                             &Policy::set_destroy_after_seconds, policy));
  if (!flags.windows.empty()) policy->clear_windows();
  for (const std::string& window : flags.windows) RETURN_IF_ERROR(AddWindow(window, policy));
  if (!flags.after.empty()) policy->clear_after();
  for (const std::string& order : flags.after) RETURN_IF_ERROR(AddOrder(order, policy));
  return SetWords(flags, policy);
}

absl::Status Set(Shell& shell, const PolicyFlags& flags) {
  v1::SetRotationPolicyRequest request;
  request.set_path(flags.path);
  v1::RotationPolicy checked;
  RETURN_IF_ERROR(Apply(flags, &checked));  // before anything is asked
  RETURN_IF_ERROR(Begin(shell, flags, request.mutable_policy()));
  RETURN_IF_ERROR(Apply(flags, request.mutable_policy()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->SetRotationPolicy(request, shell.Options()));
  return PrintRotation(shell, status);
}

absl::Status Show(Shell& shell, const PolicyFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRotationStatusRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->GetRotationStatus(request, shell.Options()));
  // As `set --file` takes it.
  return shell.out().PrintJson(ToJson(status.policy()));
}

absl::Status Remove(Shell& shell, const PolicyFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RemoveRotationPolicyRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->RemoveRotationPolicy(request, shell.Options()));
  return PrintRotation(shell, status);
}

void AddSet(Command policy, Shell& shell, const std::shared_ptr<PolicyFlags>& flags) {
  PolicyFlags* const f = flags.get();
  const Command set =
      policy.Add("set", "Give a secret a policy, or change the one it has",
                 "  keyturn rotation policy set app/api-key --period 90d --grace 7d\n"
                 "  keyturn rotation policy set app/jwt --source generate --window '0 2 * * SUN 4h "
                 "Europe/Berlin'\n"
                 "  keyturn rotation policy show app/jwt > policy.json\n"
                 "  keyturn rotation policy set app/other --file policy.json");
  set.AddOption("path", f->path).Required();
  set.AddOption("--period", f->period, "from one value to the next; default 90d");
  set.AddOption("--grace", f->grace, "the former one works for so long; default 7d; or none");
  set.AddOption("--grace-mode", f->mode, "whether that comes after the 90 days or before: after");
  set.AddOption("--max-age", f->max_age, "no value works for longer");
  set.AddOption("--jitter", f->jitter, "how much earlier at most; default 5 %, 72h; or none");
  set.AddOption("--window", f->windows, "start in it only: cron fields, length, zone");
  set.AddFlag("--soft", f->soft, "wait for a window, even past the deadline");
  set.AddOption("--retire-gate", f->gate, "of a former value in use: none, warn or block");
  set.AddOption("--destroy-after", f->destroy_after, "it is retired; default 30d");
  set.AddOption("--max-live", f->live, "values that work at once; default 3");
  set.AddOption("--source", f->source, "of new values: generate or reminder");
  set.AddOption("--field", f->field, "that is generated; default: value");
  set.AddOption("--target", f->target,
                "where values are set, of the server's configuration; or none");
  set.AddOption("--after", f->after, "another secret, and how long after it: 'db/admin 6h'");
  set.AddOption("--file", f->file, "a policy as JSON, instead of the one it has");
  set.On(shell, [&shell, flags] { return Set(shell, *flags); });
}

}  // namespace

void AddRotationPolicyCommands(Command rotation, Shell& shell) {
  const Command policy = rotation.Add("policy", "How often a secret rotates, and how");
  policy.NeedSubcommand();
  const auto flags = std::make_shared<PolicyFlags>();
  AddSet(policy, shell, flags);
  const Command show = policy.Add("show", "The policy as JSON, as --file takes it");
  show.AddOption("path", flags->path).Required();
  show.On(shell, [&shell, flags] { return Show(shell, *flags); });
  const Command remove = policy.Add("remove", "No rotation any more, of a generic secret");
  remove.AddOption("path", flags->path).Required();
  remove.On(shell, [&shell, flags] { return Remove(shell, *flags); });
}

}  // namespace keyturn::cli
