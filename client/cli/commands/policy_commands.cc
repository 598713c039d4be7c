// policy put|get|list|delete, password-policy put|list|delete.
#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/message_file.h"

namespace keyturn::cli {
namespace {

struct PolicyFlags {
  std::string name, file, description, not_after, confirm;
  std::vector<std::string> grants, denials, cidrs;
};

// Those of the other domains are about secrets, keys that sign or API keys. A word that is no
// permission is the server's to refuse.
bool NeedsPath(absl::string_view permission) {
  return absl::StrContains(permission, ':') && !absl::StartsWith(permission, "admin:") &&
         !absl::StartsWith(permission, "revocation:");
}

// "secret:read,secret:list app/prod/*". Permissions that are about a path need it: one forgotten
// would otherwise grant all.
absl::Status AddGrant(const std::string& text, bool deny, v1::Policy* policy) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  const std::vector<std::string> permissions =
      words.empty() ? words : absl::StrSplit(words[0], ',');
  const bool needs_path =
      std::any_of(permissions.begin(), permissions.end(),
                  [](const std::string& permission) { return NeedsPath(permission); });
  if (words.empty() || words.size() > 2 || (needs_path && words.size() != 2)) {
    return UsageError(absl::StrCat(deny ? "--deny '" : "--grant '", text,
                                   "' must be PERMISSION[,PERMISSION...] PATH, such as "
                                   "'secret:read,secret:list app/prod/*', or 'secret:read *' for "
                                   "all secrets; admin: and revocation: permissions need no PATH"));
  }
  v1::Grant& grant = *policy->add_grants();
  *grant.mutable_permissions() = {permissions.begin(), permissions.end()};
  grant.set_path(words.size() == 2 ? words[1] : "*");
  grant.set_deny(deny);
  return absl::OkStatus();
}

// What --not-after and --cidr say holds for the grants of the command line; a denial has no end.
absl::Status LimitGrants(const PolicyFlags& flags, absl::Time now, int first, v1::Policy* policy) {
  if (flags.not_after.empty() && flags.cidrs.empty()) return absl::OkStatus();
  if (flags.grants.empty()) {
    return UsageError("--not-after and --cidr limit what --grant gives, and there is none");
  }
  v1::Grant limits;
  *limits.mutable_bound_cidrs() = {flags.cidrs.begin(), flags.cidrs.end()};
  if (!flags.not_after.empty()) {
    ASSIGN_OR_RETURN(const absl::Time until, ParseEnd("--not-after", flags.not_after, now));
    limits.mutable_not_after()->set_seconds(absl::ToUnixSeconds(until));
  }
  for (int i = first; i < policy->grants_size(); ++i) policy->mutable_grants(i)->MergeFrom(limits);
  return absl::OkStatus();
}

absl::Status PrintPolicy(const Shell& shell, const v1::Policy& policy) {
  if (shell.out().json()) return shell.out().PrintJson(ToJson(policy));
  RETURN_IF_ERROR(shell.out().Object({{"policy", policy.name()},
                                      {"description", policy.description()},
                                      {"changed", TimeText(policy.update_time())}},
                                     nullptr));
  Table table({"", "PERMISSIONS", "PATH", "UNTIL", "FROM"});
  for (const v1::Grant& grant : policy.grants()) {
    table.Add({grant.deny() ? "deny" : "allow", absl::StrJoin(grant.permissions(), ","),
               grant.path(), TimeText(grant.not_after()), absl::StrJoin(grant.bound_cidrs(), ",")});
  }
  RETURN_IF_ERROR(shell.out().Raw("\n"));
  return shell.out().List(table, nullptr, "");
}

absl::Status Put(Shell& shell, const PolicyFlags& flags) {
  v1::PutPolicyRequest request;
  v1::Policy& policy = *request.mutable_policy();
  if (!flags.file.empty()) RETURN_IF_ERROR(ReadMessageFile(flags.file, &policy));
  policy.set_name(flags.name);
  policy.clear_update_time();
  if (!flags.description.empty()) policy.set_description(flags.description);
  const int first = policy.grants_size();
  for (const std::string& grant : flags.grants) RETURN_IF_ERROR(AddGrant(grant, false, &policy));
  RETURN_IF_ERROR(LimitGrants(flags, shell.clock().Now(), first, &policy));
  for (const std::string& grant : flags.denials) RETURN_IF_ERROR(AddGrant(grant, true, &policy));
  if (policy.grants().empty()) {
    return UsageError("a policy needs a grant: --grant 'PERMISSION PATH' or --file FILE");
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::Policy written, client->PutPolicy(request, shell.Options()));
  return PrintPolicy(shell, written);
}

absl::Status Get(Shell& shell, const std::string& name) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetPolicyRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const v1::Policy policy, client->GetPolicy(request, shell.Options()));
  return PrintPolicy(shell, policy);
}

absl::Status List(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ListPoliciesResponse all, client->ListPolicies({}, shell.Options()));
  Table table({"NAME", "GRANTS", "CHANGED", "DESCRIPTION"});
  Json items = Json::array();
  for (const v1::Policy& policy : all.policies()) {
    table.Add({policy.name(), absl::StrCat(policy.grants_size()), TimeText(policy.update_time()),
               policy.description()});
    items.push_back(ToJson(policy));
  }
  return shell.out().List(table, std::move(items), "no policies");
}

absl::Status Delete(Shell& shell, const PolicyFlags& flags) {
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("policy ", flags.name, " goes; who has it loses its grants at once"), flags.name,
      flags.confirm));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::DeletePolicyRequest request;
  request.set_name(flags.name);
  RETURN_IF_ERROR(client->DeletePolicy(request, shell.Options()).status());
  return shell.out().Object({{"deleted", flags.name}}, Json{{"deleted", flags.name}});
}

struct PasswordPolicyFlags {
  std::string name, alphabet, confirm;
  std::vector<std::string> rules;
  uint32_t length = 0;
  bool force = false;
};

// As they are typed after --require.
std::string RulesText(const v1::PasswordPolicy& policy) {
  return absl::StrJoin(policy.rules(), " ",
                       [](std::string* out, const v1::PasswordPolicy::Rule& rule) {
                         absl::StrAppend(out, rule.at_least(), ":", rule.characters());
                       });
}

absl::Status PutPasswordPolicy(Shell& shell, const PasswordPolicyFlags& flags) {
  v1::PutPasswordPolicyRequest request;
  v1::PasswordPolicy& policy = *request.mutable_policy();
  policy.set_name(flags.name);
  policy.set_length(flags.length);
  policy.set_alphabet(flags.alphabet);
  policy.set_force(flags.force);
  for (const std::string& text : flags.rules) {
    const size_t colon = text.find(':');
    uint32_t count = 0;
    if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(0, colon), &count)) {
      return UsageError(absl::StrCat("--require '", text,
                                     "' must be COUNT:CHARACTERS, such as "
                                     "1:0123456789"));
    }
    v1::PasswordPolicy::Rule& rule = *policy.add_rules();
    rule.set_at_least(count);
    rule.set_characters(text.substr(colon + 1));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::PasswordPolicy written,
                   client->PutPasswordPolicy(request, shell.Options()));
  return shell.out().Object({{"password policy", written.name()},
                             {"length", absl::StrCat(written.length())},
                             {"alphabet", written.alphabet()},
                             {"required", RulesText(written)}},
                            ToJson(written));
}

absl::Status ListPasswordPolicies(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ListPasswordPoliciesResponse all,
                   client->ListPasswordPolicies({}, shell.Options()));
  Table table({"NAME", "LENGTH", "ALPHABET", "REQUIRED"});
  Json items = Json::array();
  for (const v1::PasswordPolicy& policy : all.policies()) {
    table.Add({policy.name(), absl::StrCat(policy.length()), policy.alphabet(), RulesText(policy)});
    items.push_back(ToJson(policy));
  }
  return shell.out().List(table, std::move(items), "no password policies");
}

absl::Status DeletePasswordPolicy(Shell& shell, const PasswordPolicyFlags& flags) {
  RETURN_IF_ERROR(shell.terminal().Confirm(absl::StrCat("password policy ", flags.name, " goes"),
                                           flags.name, flags.confirm));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::DeletePasswordPolicyRequest request;
  request.set_name(flags.name);
  RETURN_IF_ERROR(client->DeletePasswordPolicy(request, shell.Options()).status());
  return shell.out().Object({{"deleted", flags.name}}, Json{{"deleted", flags.name}});
}

constexpr char kConfirmHelp[] = "the name, to go on without a question";

}  // namespace

void AddPolicyCommands(Command app, Shell& shell) {
  const Command policy = app.Add("policy", "Named lists of grants");
  policy.NeedSubcommand();
  const auto flags = std::make_shared<PolicyFlags>();
  const Command put = policy.Add(
      "put", "Write a policy, in place of what it was",
      "  keyturn policy put billing --grant 'secret:read app/billing/*' \\\n"
      "      --deny 'secret:read app/billing/root'\n"
      "  keyturn policy get billing -o json > billing.json; keyturn policy put billing --file "
      "billing.json");
  put.Alias("set");
  put.AddOption("name", flags->name).Required();
  put.AddOption("--grant", flags->grants,
                "'PERMISSION[,PERMISSION] PATH'; + is one segment, a "
                "trailing * the rest");
  put.AddOption("--deny", flags->denials,
                "the same, refused; of two that match, the longer decides, then deny");
  put.AddOption("--not-after", flags->not_after,
                "what --grant gives ends then, such as 2026-12-31");
  put.AddOption("--cidr", flags->cidrs, "what --grant gives holds from these networks only");
  put.AddOption("--file", flags->file, "a policy in JSON; flags are added to it");
  put.AddOption("--description", flags->description);
  put.On(shell, [&shell, flags] { return Put(shell, *flags); });

  const Command get = policy.Add("get", "Show a policy");
  get.Alias("show");
  get.AddOption("name", flags->name).Required();
  get.On(shell, [&shell, flags] { return Get(shell, flags->name); });
  policy.Add("list", "List policies").On(shell, [&shell] { return List(shell); });

  const Command remove = policy.Add("delete", "Delete a policy");
  remove.Alias("rm");
  remove.AddOption("name", flags->name).Required();
  remove.AddOption("--confirm", flags->confirm, kConfirmHelp);
  remove.On(shell, [&shell, flags] { return Delete(shell, *flags); });
}

void AddPasswordPolicyCommands(Command app, Shell& shell) {
  const Command policy = app.Add("password-policy", "Recipes for generated passwords");
  policy.NeedSubcommand();
  const auto flags = std::make_shared<PasswordPolicyFlags>();
  const Command put =
      policy.Add("put", "Write a recipe",
                 "  keyturn password-policy put db --length 32 --alphabet alphanumeric \\\n"
                 "      --require 1:0123456789\n"
                 "  keyturn secret generate app/prod/db#password --policy db");
  put.Alias("set");
  put.AddOption("name", flags->name).Required();
  put.AddOption("--length", flags->length, "characters").Required();
  put.AddOption("--alphabet", flags->alphabet,
                "alphanumeric, hex, base64url, printable, or the characters themselves")
      .Required();
  put.AddOption("--require", flags->rules, "COUNT:CHARACTERS, at least so many of these");
  put.AddFlag("--force", flags->force, "allow less than 128 bits");
  put.On(shell, [&shell, flags] { return PutPasswordPolicy(shell, *flags); });
  policy.Add("list", "List recipes").On(shell, [&shell] { return ListPasswordPolicies(shell); });
  const Command remove = policy.Add("delete", "Delete a recipe");
  remove.Alias("rm");
  remove.AddOption("name", flags->name).Required();
  remove.AddOption("--confirm", flags->confirm, kConfirmHelp);
  remove.On(shell, [&shell, flags] { return DeletePasswordPolicy(shell, *flags); });
}

}  // namespace keyturn::cli
