// role put|get|list|delete.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/message_file.h"

namespace keyturn::cli {
namespace {

struct RoleFlags {
  std::string name, file, description, ttl, max_ttl, not_after, confirm;
  std::vector<std::string> policies, spiffe_ids, fingerprints, cidrs;
};

Pairs Describe(const v1::Role& role) {
  const auto seconds = [](int64_t value) {
    return value == 0 ? "" : absl::FormatDuration(absl::Seconds(value));
  };
  return {{"role", role.name()},
          {"description", role.description()},
          {"policies", absl::StrJoin(role.policies(), ", ")},
          {"SPIFFE ids", absl::StrJoin(role.bound_spiffe_ids(), ", ")},
          {"fingerprints", absl::StrJoin(role.bound_fingerprints(), ", ")},
          {"from", absl::StrJoin(role.bound_cidrs(), ", ")},
          {"until", TimeText(role.not_after())},
          {"token lives", seconds(role.token_ttl_seconds())},
          {"at most", seconds(role.token_max_ttl_seconds())},
          {"changed", TimeText(role.update_time())}};
}

void SetIfGiven(const std::vector<std::string>& given,
                google::protobuf::RepeatedPtrField<std::string>* field) {
  if (!given.empty()) *field = {given.begin(), given.end()};
}

absl::Status Put(Shell& shell, const RoleFlags& flags) {
  v1::PutRoleRequest request;
  v1::Role& role = *request.mutable_role();
  if (!flags.file.empty()) RETURN_IF_ERROR(ReadMessageFile(flags.file, &role));
  role.set_name(flags.name);
  role.clear_update_time();
  if (!flags.description.empty()) role.set_description(flags.description);
  SetIfGiven(flags.policies, role.mutable_policies());
  SetIfGiven(flags.spiffe_ids, role.mutable_bound_spiffe_ids());
  SetIfGiven(flags.fingerprints, role.mutable_bound_fingerprints());
  SetIfGiven(flags.cidrs, role.mutable_bound_cidrs());
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--token-ttl", flags.ttl));
    role.set_token_ttl_seconds(seconds);
  }
  if (!flags.max_ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--token-max-ttl", flags.max_ttl));
    role.set_token_max_ttl_seconds(seconds);
  }
  if (!flags.not_after.empty()) {
    ASSIGN_OR_RETURN(const absl::Time until,
                     ParseEnd("--not-after", flags.not_after, shell.clock().Now()));
    role.mutable_not_after()->set_seconds(absl::ToUnixSeconds(until));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::Role written, client->PutRole(request, shell.Options()));
  return shell.out().Object(Describe(written), ToJson(written));
}

absl::Status Get(Shell& shell, const std::string& name) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetRoleRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const v1::Role role, client->GetRole(request, shell.Options()));
  return shell.out().Object(Describe(role), ToJson(role));
}

absl::Status List(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ListRolesResponse all, client->ListRoles({}, shell.Options()));
  Table table({"NAME", "POLICIES", "BOUND TO", "DESCRIPTION"});
  Json items = Json::array();
  for (const v1::Role& role : all.roles()) {
    std::vector<std::string> bound(role.bound_spiffe_ids().begin(), role.bound_spiffe_ids().end());
    bound.insert(bound.end(), role.bound_fingerprints().begin(), role.bound_fingerprints().end());
    table.Add({role.name(), absl::StrJoin(role.policies(), ","), absl::StrJoin(bound, ","),
               role.description()});
    items.push_back(ToJson(role));
  }
  return shell.out().List(table, std::move(items), "no roles");
}

absl::Status Delete(Shell& shell, const RoleFlags& flags) {
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("role ", flags.name, " goes; its certificates mean nothing from then on"),
      flags.name, flags.confirm));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::DeleteRoleRequest request;
  request.set_name(flags.name);
  RETURN_IF_ERROR(client->DeleteRole(request, shell.Options()).status());
  return shell.out().Object({{"deleted", flags.name}}, Json{{"deleted", flags.name}});
}

}  // namespace

void AddRoleCommands(Command app, Shell& shell) {
  const Command role = app.Add("role", "Which client certificates get which policies");
  role.NeedSubcommand();
  const auto flags = std::make_shared<RoleFlags>();
  RoleFlags* const f = flags.get();
  const Command put = role.Add(
      "put", "Write a role, in place of what it was",
      "  keyturn role put billing --policy billing --spiffe-id spiffe://example.com/billing\n"
      "  keyturn role put ci --policy deploy --spiffe-id 'spiffe://example.com/ci/*' --token-ttl "
      "15m");
  put.Alias("set");
  put.AddOption("name", f->name).Required();
  put.AddOption("--policy", f->policies, "which policies its certificates get");
  put.AddOption("--spiffe-id", f->spiffe_ids, "of the certificates; a trailing * is a prefix");
  put.AddOption("--fingerprint", f->fingerprints, "or their SHA-256, in hexadecimal");
  put.AddOption("--cidr", f->cidrs, "only from these networks");
  put.AddOption("--token-ttl", f->ttl, "how long a token of `login` lives");
  put.AddOption("--token-max-ttl", f->max_ttl, "at most");
  put.AddOption("--not-after", f->not_after, "the role ends then, such as 2026-12-31");
  put.AddOption("--description", f->description);
  put.AddOption("--file", f->file, "a role in JSON; flags take its place");
  put.On(shell, [&shell, flags] { return Put(shell, *flags); });

  const Command get = role.Add("get", "Show a role");
  get.Alias("show");
  get.AddOption("name", f->name).Required();
  get.On(shell, [&shell, flags] { return Get(shell, flags->name); });
  role.Add("list", "List roles").On(shell, [&shell] { return List(shell); });
  const Command remove = role.Add("delete", "Delete a role");
  remove.Alias("rm");
  remove.AddOption("name", f->name).Required();
  remove.AddOption("--confirm", f->confirm, "the name, to go on without a question");
  remove.On(shell, [&shell, flags] { return Delete(shell, *flags); });
}

}  // namespace keyturn::cli
