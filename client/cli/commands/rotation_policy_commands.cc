// rotation policy set|show|remove.
#include <memory>

#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_policy_flags.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/message_file.h"

namespace keyturn::cli {
namespace {

// Of a file, or what the secret has: flags change it.
absl::Status Begin(Shell& shell, const RotationPolicyFlags& flags, v1::RotationPolicy* policy) {
  if (!flags.file.empty()) return ReadMessageFile(flags.file, policy);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRotationStatusRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->GetRotationStatus(request, shell.Options()));
  *policy = status.policy();
  return absl::OkStatus();
}

absl::Status Set(Shell& shell, const RotationPolicyFlags& flags) {
  v1::SetRotationPolicyRequest request;
  request.set_path(flags.path);
  v1::RotationPolicy checked;
  RETURN_IF_ERROR(ApplyRotationPolicyFlags(flags, &checked));  // before anything is asked
  RETURN_IF_ERROR(Begin(shell, flags, request.mutable_policy()));
  RETURN_IF_ERROR(ApplyRotationPolicyFlags(flags, request.mutable_policy()));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->SetRotationPolicy(request, shell.Options()));
  return PrintRotation(shell, status);
}

absl::Status Show(Shell& shell, const RotationPolicyFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRotationStatusRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->GetRotationStatus(request, shell.Options()));
  // As `set --file` takes it.
  return shell.out().PrintJson(ToJson(status.policy()));
}

absl::Status Remove(Shell& shell, const RotationPolicyFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RemoveRotationPolicyRequest request;
  request.set_path(flags.path);
  ASSIGN_OR_RETURN(const v1::RotationStatus status,
                   client->RemoveRotationPolicy(request, shell.Options()));
  return PrintRotation(shell, status);
}

void AddSet(Command policy, Shell& shell, const std::shared_ptr<RotationPolicyFlags>& flags) {
  RotationPolicyFlags* const f = flags.get();
  const Command set =
      policy.Add("set", "Give a secret a policy, or change the one it has",
                 "  keyturn rotation policy set app/api-key --period 90d --grace 7d\n"
                 "  keyturn rotation policy set app/jwt --source generate --window '0 2 * * SUN 4h "
                 "Europe/Berlin'\n"
                 "  keyturn rotation policy show app/jwt > policy.json\n"
                 "  keyturn rotation policy set app/other --file policy.json");
  set.AddOption("path", f->path).Required();
  AddRotationPolicyFlags(set, f);
  set.AddOption("--file", f->file, "a policy as JSON, instead of the one it has");
  set.On(shell, [&shell, flags] { return Set(shell, *flags); });
}

}  // namespace

void AddRotationPolicyCommands(Command rotation, Shell& shell) {
  const Command policy = rotation.Add("policy", "How often a secret rotates, and how");
  policy.NeedSubcommand();
  const auto flags = std::make_shared<RotationPolicyFlags>();
  AddSet(policy, shell, flags);
  const Command show = policy.Add("show", "The policy as JSON, as --file takes it");
  show.AddOption("path", flags->path).Required();
  show.On(shell, [&shell, flags] { return Show(shell, *flags); });
  const Command remove = policy.Add("remove", "No rotation any more, of a generic secret");
  remove.AddOption("path", flags->path).Required();
  remove.On(shell, [&shell, flags] { return Remove(shell, *flags); });
}

}  // namespace keyturn::cli
