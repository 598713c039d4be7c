// apikey verify|list|show.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/api_key_show.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/revoke_commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

struct ReadFlags {
  std::string prefix, id, source;
  std::vector<std::string> scopes;
  bool due = false;
  ValueInput key;
};

// Never from the command line: a terminal asks for it, else it is standard input.
absl::StatusOr<SecretBytes> KeyOf(const Shell& shell, const ReadFlags& flags) {
  ValueInput input = flags.key;
  if (!input.given() && !shell.terminal().can_ask()) input.file = "-";
  return ReadValue(input, shell.terminal(), "key");
}

std::string GraceText(const v1::VerifyApiKeyResponse& answer) {
  if (!answer.in_grace()) return "";
  return absl::StrCat("until ", TimeText(answer.grace_end_time()), "; there is a newer secret");
}

absl::Status Verify(Shell& shell, const ReadFlags& flags) {
  v1::VerifyApiKeyRequest request;
  *request.mutable_required_scopes() = {flags.scopes.begin(), flags.scopes.end()};
  request.set_source_address(flags.source);
  {
    ASSIGN_OR_RETURN(const SecretBytes key, KeyOf(shell, flags));
    Assign(key.ExposeForWire(), request.mutable_key());
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  const absl::StatusOr<v1::VerifyApiKeyResponse> asked =
      client->VerifyApiKey(request, shell.Options());
  WipeBuffer(request.mutable_key());
  RETURN_IF_ERROR(asked.status());
  const v1::VerifyApiKeyResponse& answer = *asked;
  const std::string reason = WordOf(v1::VerifyApiKeyResponse::Reason_Name(answer.reason()), "");
  RETURN_IF_ERROR(shell.out().Object(
      {{"valid", answer.valid() ? std::string("yes") : absl::StrCat("no: ", reason)},
       {"id", answer.id()},
       {"path", answer.path()},
       {"scopes", absl::StrJoin(answer.scopes(), ", ")},
       {"secret", answer.generation() == 0 ? "" : absl::StrCat(answer.generation())},
       {"in grace", GraceText(answer)},
       {"not after", TimeText(answer.not_after_time())},
       {"again in",
        answer.retry_after_seconds() == 0 ? "" : absl::StrCat(answer.retry_after_seconds(), "s")}},
      ToJson(answer)));
  if (answer.valid()) return absl::OkStatus();
  return WithExitCode(absl::PermissionDeniedError(""), kExitCheckFailed);  // the answer says it
}

bool IsWanted(const v1::ApiKeyInfo& key, const ReadFlags& flags) {
  return !flags.due || key.state() == v1::ApiKeyInfo::DUE || key.state() == v1::ApiKeyInfo::EXPIRED;
}

// Of those in grace, how many; who still uses them shows in `show`.
std::string FormerText(const v1::ApiKeyInfo& key) {
  int grace = 0;
  uint64_t uses = 0;
  for (const v1::ApiKeySecretInfo& secret : key.secrets()) {
    if (secret.state() != v1::ApiKeySecretInfo::GRACE) continue;
    ++grace;
    uses += secret.uses();
  }
  return grace == 0 ? "" : absl::StrCat(grace, ", used ", uses, "x");
}

absl::Status List(Shell& shell, const ReadFlags& flags) {
  const absl::Time now = shell.clock().Now();
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  Table table({"ID", "PATH", "STATE", "ENDS", "KEY", "USES", "IN GRACE", "SCOPES"});
  Json items = Json::array();
  v1::ListApiKeysRequest request;
  request.set_path(flags.prefix);
  do {
    ASSIGN_OR_RETURN(const v1::ListApiKeysResponse page,
                     client->ListApiKeys(request, shell.Options()));
    for (const v1::ApiKeyInfo& key : page.keys()) {
      if (!IsWanted(key, flags)) continue;
      const std::string last = key.secrets_size() == 0 ? "" : key.secrets(0).last_characters();
      table.Add({key.id(), key.path(), StateText(key), FromNow(TimeOf(key.not_after_time()), now),
                 key.legacy() ? "legacy" : absl::StrCat("...", last), absl::StrCat(key.uses()),
                 FormerText(key), absl::StrJoin(key.scopes(), ",")});
      items.push_back(ToJson(key));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return shell.out().List(table, std::move(items),
                          flags.due ? "no key is due" : "no API keys here");
}

absl::Status Show(Shell& shell, const std::string& id) {
  RETURN_IF_ERROR(CheckIsKeyId(id));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  v1::GetApiKeyRequest request;
  request.set_id(id);
  ASSIGN_OR_RETURN(const v1::ApiKeyInfo info, client->GetApiKey(request, shell.Options()));
  return PrintApiKey(shell, info);
}

}  // namespace

void AddApiKeyReadCommands(Command group, Shell& shell) {
  const auto flags = std::make_shared<ReadFlags>();
  ReadFlags* const f = flags.get();
  const Command verify =
      group.Add("verify", "Whether a key is good; exits with 8 if it is not",
                "  keyturn apikey verify < presented.key\n"
                "  keyturn apikey verify --value-file presented.key --scope orders:read");
  verify.AddOption("--scope", f->scopes, "that it must have");
  verify.AddOption("--source", f->source, "the address of who presented it, for limits");
  verify.AddValueFlags(&f->key);
  verify.On(shell, [&shell, flags] { return Verify(shell, *flags); });

  const Command list = group.Add("list", "The keys there are, and which are due",
                                 "  keyturn apikey list alcs/partners\n"
                                 "  keyturn apikey list --due");
  list.AddOption("prefix", f->prefix, "a path; default: everything");
  list.AddFlag("--due", f->due, "that end within 14 days, or have ended");
  list.On(shell, [&shell, flags] { return List(shell, *flags); });

  const Command show = group.Add("show", "A key, its secrets and how often each was used",
                                 "  keyturn apikey show kJ2f9Q0aXw7PzT41");
  show.AddOption("id", f->id).Required();
  show.On(shell, [&shell, flags] { return Show(shell, flags->id); });
}

}  // namespace keyturn::cli
