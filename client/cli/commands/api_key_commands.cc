// apikey create|update|roll|grace|revoke.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/api_key_show.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/revoke_commands.h"
#include "client/cli/duration.h"
#include "client/cli/exit_codes.h"
#include "client/cli/metadata_flag.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

struct ApiKeyFlags {
  std::string path, id, description, ttl, grace, until, not_after, reason, confirm, output_file;
  std::vector<std::string> scopes, metadata;
  uint64_t generation = 0;
  bool force = false, no_scopes = false;
  Option description_given;  // an empty one removes what is there
};

constexpr char kReasonHelp[] = "why; it is kept in the audit log";

absl::Status SetSeconds(absl::string_view flag, const std::string& text,
                        const std::function<void(int64_t)>& set) {
  if (text.empty()) return absl::OkStatus();
  // "0" is no duration of others.
  ASSIGN_OR_RETURN(const int64_t seconds,
                   text == "0" ? absl::StatusOr<int64_t>(0) : ParseSeconds(flag, text));
  set(seconds);
  return absl::OkStatus();
}

absl::Status Create(Shell& shell, const ApiKeyFlags& flags) {
  v1::CreateApiKeyRequest request;
  request.set_path(flags.path);
  request.set_description(flags.description);
  *request.mutable_scopes() = {flags.scopes.begin(), flags.scopes.end()};
  RETURN_IF_ERROR(ParseMetadata(flags.metadata, request.mutable_custom_metadata()));
  RETURN_IF_ERROR(
      SetSeconds("--ttl", flags.ttl, [&](int64_t seconds) { request.set_ttl_seconds(seconds); }));
  RETURN_IF_ERROR(CheckNewFile(flags.output_file));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(v1::CreateApiKeyResponse made, client->CreateApiKey(request, shell.Options()));
  const absl::Status printed = PrintNewApiKey(shell, made.key(), made.info(), flags.output_file);
  WipeBuffer(made.mutable_key());
  return printed;
}

absl::Status Roll(Shell& shell, const ApiKeyFlags& flags) {
  RETURN_IF_ERROR(CheckIsKeyId(flags.id));
  v1::RollApiKeyRequest request;
  request.set_id(flags.id);
  request.set_force(flags.force);
  RETURN_IF_ERROR(SetSeconds("--grace", flags.grace,
                             [&](int64_t seconds) { request.set_grace_seconds(seconds); }));
  RETURN_IF_ERROR(
      SetSeconds("--ttl", flags.ttl, [&](int64_t seconds) { request.set_ttl_seconds(seconds); }));
  RETURN_IF_ERROR(CheckNewFile(flags.output_file));
  if (flags.force) {
    RETURN_IF_ERROR(shell.terminal().Confirm(
        absl::StrCat("if three secrets of ", flags.id, " work, the oldest ends at once"), flags.id,
        flags.confirm));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(v1::RollApiKeyResponse rolled, client->RollApiKey(request, shell.Options()));
  const absl::Status printed =
      PrintNewApiKey(shell, rolled.key(), rolled.info(), flags.output_file);
  WipeBuffer(rolled.mutable_key());
  return printed;
}

absl::Status Update(Shell& shell, const ApiKeyFlags& flags) {
  RETURN_IF_ERROR(CheckIsKeyId(flags.id));
  if (!flags.description_given.given() && flags.scopes.empty() && !flags.no_scopes &&
      flags.metadata.empty() && flags.not_after.empty()) {
    return UsageError("there is nothing to change");
  }
  v1::UpdateApiKeyRequest request;
  request.set_id(flags.id);
  if (flags.description_given.given()) request.set_description(flags.description);
  *request.mutable_scopes() = {flags.scopes.begin(), flags.scopes.end()};
  request.set_replace_scopes(flags.no_scopes || !flags.scopes.empty());
  RETURN_IF_ERROR(ParseMetadata(flags.metadata, request.mutable_custom_metadata()));
  if (!flags.not_after.empty()) {
    ASSIGN_OR_RETURN(const absl::Time end,
                     ParseEnd("--not-after", flags.not_after, shell.clock().Now()));
    request.mutable_not_after_time()->set_seconds(absl::ToUnixSeconds(end));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ApiKeyInfo info, client->UpdateApiKey(request, shell.Options()));
  return PrintApiKey(shell, info);
}

absl::Status Grace(Shell& shell, const ApiKeyFlags& flags) {
  RETURN_IF_ERROR(CheckIsKeyId(flags.id));
  v1::SetApiKeyGraceRequest request;
  request.set_id(flags.id);
  request.set_generation(flags.generation);
  request.set_reason(flags.reason);
  const absl::Time now = shell.clock().Now();
  absl::Time end = now;
  if (flags.until != "now") {
    ASSIGN_OR_RETURN(end, ParseEnd("--until", flags.until, now));
  }
  request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(end));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ApiKeyInfo info, client->SetApiKeyGrace(request, shell.Options()));
  return PrintApiKey(shell, info);
}

absl::Status Revoke(Shell& shell, const ApiKeyFlags& flags) {
  RETURN_IF_ERROR(CheckIsKeyId(flags.id));
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("the key ", flags.id, " is refused from now on, with all its secrets, for good"),
      flags.id, flags.confirm));
  v1::RevokeApiKeyRequest request;
  request.set_id(flags.id);
  request.set_reason(flags.reason);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ApiKeyInfo info, client->RevokeApiKey(request, shell.Options()));
  return PrintApiKey(shell, info);
}

void AddMaking(Command group, Shell& shell, const std::shared_ptr<ApiKeyFlags>& flags) {
  ApiKeyFlags* const f = flags.get();
  const Command create = group.Add(
      "create", "Make a key for a client; it is shown this once",
      "  keyturn apikey create alcs/partners/acme --scope orders:read --scope orders:write\n"
      "  keyturn apikey create alcs/partners/acme -o raw | pbcopy\n"
      "  keyturn apikey create alcs/ci --ttl 12h --output-file ci.key");
  create.AddOption("path", f->path, "what it is for, such as alcs/partners/acme").Required();
  create.AddOption("--scope", f->scopes, "what it may do; verifiers ask for these");
  create.AddOption("--ttl", f->ttl, "until it must be rolled; default and most: 90d");
  create.AddOption("--description", f->description, "for people");
  create.AddOption("--metadata", f->metadata, "KEY=VALUE; verifiers get them");
  create.AddOption("--output-file", f->output_file, "write the key there (mode 0600) instead");
  create.On(shell, [&shell, flags] { return Create(shell, *flags); });

  const Command roll =
      group.Add("roll", "A new secret under the same id; the former one works on for a while",
                "  keyturn apikey roll kJ2f9Q0aXw7PzT41\n"
                "  keyturn apikey roll kJ2f9Q0aXw7PzT41 --grace 0 --output-file acme.key");
  roll.AddOption("id", f->id).Required();
  roll.AddOption("--grace", f->grace, "of the former secret; default 7d, 0 ends it now");
  roll.AddOption("--ttl", f->ttl, "until it must be rolled again; default and most: 90d");
  roll.AddFlag("--force", f->force, "if three secrets work, end the oldest");
  roll.AddOption("--output-file", f->output_file, "write the key there (mode 0600) instead");
  roll.AddOption("--confirm", f->confirm, "the id, to go on without a question");
  roll.On(shell, [&shell, flags] { return Roll(shell, *flags); });
}

void AddChanging(Command group, Shell& shell, const std::shared_ptr<ApiKeyFlags>& flags) {
  ApiKeyFlags* const f = flags.get();
  const Command update = group.Add("update", "Change what a key may do, or end it earlier",
                                   "  keyturn apikey update kJ2f9Q0aXw7PzT41 --scope orders:read\n"
                                   "  keyturn apikey update kJ2f9Q0aXw7PzT41 --not-after 2d");
  update.AddOption("id", f->id).Required();
  f->description_given = update.AddOption("--description", f->description, "for people");
  const Option scopes = update.AddOption("--scope", f->scopes, "in place of those it has");
  update.AddFlag("--no-scopes", f->no_scopes, "it has none any more").Excludes(scopes);
  update.AddOption("--metadata", f->metadata, "KEY=VALUE; an empty value removes the key");
  update.AddOption("--not-after", f->not_after, "a moment, or how long from now; earlier only");
  update.On(shell, [&shell, flags] { return Update(shell, *flags); });

  const Command grace =
      group.Add("grace", "Move the end of a former secret's grace, or end it",
                "  keyturn apikey grace kJ2f9Q0aXw7PzT41 --until 14d --reason 'a partner is late'\n"
                "  keyturn apikey grace kJ2f9Q0aXw7PzT41 --until now --reason 'all have moved'");
  grace.AddOption("id", f->id).Required();
  grace.AddOption("--until", f->until, "a moment, how long from now, or now").Required();
  grace.AddOption("--generation", f->generation, "default: the one that ends first");
  grace.AddOption("--reason", f->reason, kReasonHelp).Required();
  grace.On(shell, [&shell, flags] { return Grace(shell, *flags); });

  const Command revoke =
      group.Add("revoke", "Refuse a key from now on, with all its secrets, for good",
                "  keyturn apikey revoke kJ2f9Q0aXw7PzT41 --reason 'it is on GitHub'");
  revoke.AddOption("id", f->id).Required();
  revoke.AddOption("--reason", f->reason, kReasonHelp).Required();
  revoke.AddOption("--confirm", f->confirm, "the id, to go on without a question");
  revoke.On(shell, [&shell, flags] { return Revoke(shell, *flags); });
}

}  // namespace

void AddApiKeyCommands(Command app, Shell& shell) {
  const Command group = app.Add("apikey", "Keys that clients of yours call you with");
  group.NeedSubcommand();
  const auto flags = std::make_shared<ApiKeyFlags>();
  AddMaking(group, shell, flags);
  AddApiKeyReadCommands(group, shell);
  AddChanging(group, shell, flags);
  AddApiKeyImportCommand(group, shell);
}

}  // namespace keyturn::cli
