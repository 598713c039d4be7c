// token create|list|revoke|check|renew.
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/revoke_commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

struct TokenFlags {
  std::string name, ttl, period, not_after, output_file, id;
  std::vector<std::string> policies, cidrs;
  uint64_t max_uses = 0;
  bool stateless = false;
};

Pairs Describe(const v1::TokenInfo& info) {
  return {{"id", info.id()},
          {"name", info.display_name()},
          {"principal", info.principal()},
          {"policies", absl::StrJoin(info.policies(), ", ")},
          {"expires", info.has_expire_time() ? TimeText(info.expire_time()) : "never"},
          {"uses left", info.uses_left() == 0 ? "" : absl::StrCat(info.uses_left())},
          {"only from", absl::StrJoin(info.bound_cidrs(), ", ")}};
}

absl::StatusOr<v1::CreateTokenRequest> RequestOf(const TokenFlags& flags, absl::Time now) {
  v1::CreateTokenRequest request;
  request.set_display_name(flags.name);
  *request.mutable_policies() = {flags.policies.begin(), flags.policies.end()};
  *request.mutable_bound_cidrs() = {flags.cidrs.begin(), flags.cidrs.end()};
  request.set_max_uses(flags.max_uses);
  request.set_stateless(flags.stateless);
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request.set_ttl_seconds(seconds);
  }
  if (!flags.period.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--period", flags.period));
    request.set_period_seconds(seconds);
  }
  if (!flags.not_after.empty()) {
    ASSIGN_OR_RETURN(const absl::Time until, ParseEnd("--not-after", flags.not_after, now));
    request.mutable_not_after()->set_seconds(absl::ToUnixSeconds(until));
  }
  return request;
}

absl::Status Create(Shell& shell, const TokenFlags& flags) {
  ASSIGN_OR_RETURN(const v1::CreateTokenRequest request, RequestOf(flags, shell.clock().Now()));
  if (std::filesystem::exists(flags.output_file)) {
    return absl::AlreadyExistsError(
        absl::StrCat(flags.output_file, " exists already; no token was made"));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made,
                   client->CreateToken(request, shell.Options()));
  Json value = ToJson(made);
  Pairs pairs = Describe(made.info());
  if (flags.output_file.empty()) {
    pairs.insert(pairs.begin(), {"token", made.token()});
    if (shell.out().format() == Format::kRaw) return shell.out().Raw(made.token() + "\n");
  } else {
    RETURN_IF_ERROR(WriteFileWhole(flags.output_file, made.token() + "\n", 0600));
    value.erase("token");
    pairs.insert(pairs.begin(), {"token file", flags.output_file});
  }
  RETURN_IF_ERROR(shell.out().Object(pairs, value));
  if (flags.output_file.empty()) shell.terminal().Say("the token is shown this once");
  return absl::OkStatus();
}

absl::Status List(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Table table({"ID", "NAME", "POLICIES", "CREATED", "EXPIRES"});
  Json items = Json::array();
  v1::ListTokensRequest request;
  do {
    ASSIGN_OR_RETURN(const v1::ListTokensResponse page,
                     client->ListTokens(request, shell.Options()));
    for (const v1::TokenInfo& info : page.tokens()) {
      table.Add({info.id(), info.display_name(), absl::StrJoin(info.policies(), ","),
                 TimeText(info.create_time()),
                 info.has_expire_time() ? TimeText(info.expire_time()) : "never"});
      items.push_back(ToJson(info));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return shell.out().List(table, std::move(items), "no stored tokens");
}

absl::Status Revoke(Shell& shell, const std::string& id) {
  RETURN_IF_ERROR(CheckIsId(id));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RevokeTokenRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(const v1::RevokeTokenResponse response,
                   client->RevokeToken(request, shell.Options()));
  Json value = ToJson(response);
  value["revoked"] = id;
  return shell.out().Object({{"revoked", id}}, value);
}

absl::Status Renew(Shell& shell, const TokenFlags& flags) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::RenewTokenRequest request;
  if (!flags.ttl.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSeconds("--ttl", flags.ttl));
    request.set_ttl_seconds(seconds);
  }
  ASSIGN_OR_RETURN(const v1::TokenInfo info, client->RenewToken(request, shell.Options()));
  return shell.out().Object(Describe(info), ToJson(info));
}

}  // namespace

void AddTokenCommands(Command app, Shell& shell) {
  const Command token = app.Add("token", "Tokens for callers without a certificate");
  token.NeedSubcommand();
  const auto flags = std::make_shared<TokenFlags>();
  TokenFlags* const f = flags.get();
  const Command create =
      token.Add("create", "Make a token",
                "  keyturn token create --name billing --policy billing --ttl 12h --output-file "
                "billing.token\n"
                "  keyturn token create --name ci --policy deploy --max-uses 1 -o raw");
  create.AddOption("--name", f->name, "who it is for; the principal is token:NAME").Required();
  create.AddOption("--policy", f->policies, "at most what you may do yourself").Required();
  create.AddOption("--ttl", f->ttl, "how long it lives; default 1h");
  create.AddOption("--period", f->period, "can be renewed for ever, each time for so long");
  create.AddOption("--max-uses", f->max_uses, "how many calls it is good for; default: any number");
  create.AddOption("--cidr", f->cidrs, "only from these networks");
  create.AddOption("--not-after", f->not_after, "dead then, however often renewed");
  create.AddFlag("--stateless", f->stateless, "nothing is stored for it; cannot be renewed");
  create.AddOption("--output-file", f->output_file, "write the token there (mode 0600) instead");
  create.On(shell, [&shell, flags] { return Create(shell, *flags); });

  token.Add("list", "List stored tokens").On(shell, [&shell] { return List(shell); });
  const Command revoke = token.Add("revoke", "Revoke a token by its id, at once");
  revoke.AddOption("id", f->id).Required();
  revoke.On(shell, [&shell, flags] { return Revoke(shell, flags->id); });
  AddTokenCheckCommand(token, shell);
  const Command renew = token.Add("renew", "Extend the token that you are using");
  renew.AddOption("--ttl", f->ttl, "for how long");
  renew.On(shell, [&shell, flags] { return Renew(shell, *flags); });
}

}  // namespace keyturn::cli
