// webhook add|list|show|enable|roll-key|rm.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/cli/commands/api_key_show.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/rotation_status.h"
#include "client/cli/exit_codes.h"
#include "client/cli/files.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

using v1::WebhookInfo;

struct WebhookFlags {
  std::string id, url, signature = "v1a", description, output_file, confirm;
  std::vector<std::string> types, paths;
  bool force = false;
};

std::string StateOf(const WebhookInfo& info) {
  std::string out = WordOf(WebhookInfo::State_Name(info.state()), "");
  if (info.state() == WebhookInfo::DISABLED) {
    absl::StrAppend(&out, ", ", WordOf(WebhookInfo::DisableReason_Name(info.disable_reason()), ""));
  } else if (info.has_failing_since_time()) {
    absl::StrAppend(&out, ", failing");
  }
  return out;
}

// Of one that signs by Ed25519 what a receiver needs; of the other, until when it signs.
std::string KeyText(const v1::WebhookKeyInfo& key) {
  std::string out = key.public_key();
  if (out.empty()) out = absl::StrCat("of ", TimeText(key.create_time()));
  if (key.has_end_time()) absl::StrAppend(&out, ", until ", TimeText(key.end_time()));
  return out;
}

Pairs Describe(const WebhookInfo& info) {
  Pairs pairs = {{"id", info.id()},
                 {"url", info.url()},
                 {"description", info.description()},
                 {"state", StateOf(info)},
                 {"types", info.types().empty() ? "all" : absl::StrJoin(info.types(), ", ")},
                 {"paths", info.paths().empty() ? "all" : absl::StrJoin(info.paths(), ", ")},
                 {"owner", info.owner()},
                 {"created", TimeText(info.create_time())},
                 {"disabled", TimeText(info.disable_time())},
                 {"failing since", TimeText(info.failing_since_time())},
                 {"signature", WordOf(WebhookInfo::Signature_Name(info.signature()), "")}};
  for (int i = 0; i < info.keys_size(); ++i) {
    pairs.emplace_back(i == 0 ? "key" : "former key", KeyText(info.keys(i)));
  }
  return pairs;
}

absl::Status Print(const Shell& shell, const WebhookInfo& info) {
  return shell.out().Object(Describe(info), ToJson(info));
}

// With the key of an HMAC, which is shown this once, or goes into a file of its own.
absl::Status PrintNew(const Shell& shell, const std::string& secret, const WebhookInfo& info,
                      const std::string& output_file) {
  Json value = {{"info", ToJson(info)}};
  Pairs pairs = Describe(info);
  if (!secret.empty() && output_file.empty()) {
    value["secret"] = secret;
    pairs.insert(pairs.begin(), {"secret", secret});
  } else if (!secret.empty()) {
    RETURN_IF_ERROR(WriteFileWhole(output_file, secret + "\n", 0600));
    pairs.insert(pairs.begin(), {"secret file", output_file});
  }
  RETURN_IF_ERROR(shell.out().Object(pairs, value));
  if (!secret.empty() && output_file.empty()) {
    shell.terminal().Say("the secret is shown this once");
  }
  return absl::OkStatus();
}

absl::Status Add(Shell& shell, const WebhookFlags& flags) {
  v1::CreateWebhookRequest request;
  request.set_url(flags.url);
  *request.mutable_types() = {flags.types.begin(), flags.types.end()};
  *request.mutable_paths() = {flags.paths.begin(), flags.paths.end()};
  request.set_description(flags.description);
  if (flags.signature != "v1a" && flags.signature != "v1") {
    return UsageError("--signature must be v1a or v1");
  }
  const bool symmetric = flags.signature == "v1";
  if (!symmetric && !flags.output_file.empty()) {
    return UsageError("--output-file is for the secret of --signature v1");
  }
  request.set_signature(symmetric ? WebhookInfo::V1 : WebhookInfo::V1A);
  RETURN_IF_ERROR(CheckNewFile(flags.output_file));
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(v1::CreateWebhookResponse made, client->CreateWebhook(request, shell.Options()));
  const absl::Status printed = PrintNew(shell, made.secret(), made.info(), flags.output_file);
  WipeBuffer(made.mutable_secret());
  return printed;
}

absl::Status List(Shell& shell) {
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const v1::ListWebhooksResponse listed,
                   client->ListWebhooks({}, shell.Options()));
  Table table({"ID", "URL", "STATE", "TYPES", "PATHS", "DESCRIPTION"});
  Json items = Json::array();
  for (const WebhookInfo& info : listed.webhooks()) {
    table.Add({info.id(), info.url(), StateOf(info),
               info.types().empty() ? "all" : absl::StrJoin(info.types(), ","),
               info.paths().empty() ? "all" : absl::StrJoin(info.paths(), ","),
               info.description()});
    items.push_back(ToJson(info));
  }
  return shell.out().List(table, std::move(items), "there are no webhooks");
}

absl::Status Show(Shell& shell, const WebhookFlags& flags) {
  v1::GetWebhookRequest request;
  request.set_id(flags.id);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const WebhookInfo info, client->GetWebhook(request, shell.Options()));
  return Print(shell, info);
}

absl::Status Enable(Shell& shell, const WebhookFlags& flags) {
  v1::EnableWebhookRequest request;
  request.set_id(flags.id);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(const WebhookInfo info, client->EnableWebhook(request, shell.Options()));
  return Print(shell, info);
}

absl::Status RollKey(Shell& shell, const WebhookFlags& flags) {
  v1::RollWebhookKeyRequest request;
  request.set_id(flags.id);
  request.set_force(flags.force);
  RETURN_IF_ERROR(CheckNewFile(flags.output_file));
  if (flags.force) {
    RETURN_IF_ERROR(shell.terminal().Confirm("if two keys sign, the older one signs no more",
                                             flags.id, flags.confirm));
  }
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  ASSIGN_OR_RETURN(v1::RollWebhookKeyResponse rolled,
                   client->RollWebhookKey(request, shell.Options()));
  const absl::Status printed = PrintNew(shell, rolled.secret(), rolled.info(), flags.output_file);
  WipeBuffer(rolled.mutable_secret());
  return printed;
}

absl::Status Remove(Shell& shell, const WebhookFlags& flags) {
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("the webhook ", flags.id, " is told nothing more, not even what waits for it"),
      flags.id, flags.confirm));
  v1::DeleteWebhookRequest request;
  request.set_id(flags.id);
  ASSIGN_OR_RETURN(Client* const client, shell.Connect());
  RETURN_IF_ERROR(client->DeleteWebhook(request, shell.Options()).status());
  return shell.out().Object({{"deleted", flags.id}}, {{"deleted", flags.id}});
}

void AddMaking(Command group, Shell& shell, const std::shared_ptr<WebhookFlags>& flags) {
  WebhookFlags* const f = flags.get();
  const Command add = group.Add(
      "add", "Tell a URL of rotations from now on",
      "  keyturn webhook add https://deploy.example/keyturn --type rotation.promoted --path "
      "'app/*'\n"
      "  keyturn webhook add https://old.example/hook --signature v1 --output-file hook.secret");
  add.AddOption("url", f->url, "https").Required();
  add.AddOption("--type", f->types, "of events, a * at the end for any; default: all");
  add.AddOption("--path", f->paths, "patterns of secrets, as in policies; default: all");
  add.AddOption("--signature", f->signature, "v1a (Ed25519, the default) or v1 (HMAC-SHA256)");
  add.AddOption("--description", f->description, "for people");
  add.AddOption("--output-file", f->output_file,
                "write the secret of v1 there (mode 0600) instead");
  add.On(shell, [&shell, flags] { return Add(shell, *flags); });
  const Command roll =
      group.Add("roll-key", "A new key to sign with; the former one signs as well for 7 days",
                "  keyturn webhook roll-key ID");
  roll.AddOption("id", f->id).Required();
  const Option force = roll.AddFlag("--force", f->force, "if two keys sign, end the older one");
  roll.AddOption("--confirm", f->confirm, "the id, to go on without a question").Needs(force);
  roll.AddOption("--output-file", f->output_file,
                 "write the secret of v1 there (mode 0600) instead");
  roll.On(shell, [&shell, flags] { return RollKey(shell, *flags); });
}

}  // namespace

void AddWebhookCommands(Command app, Shell& shell) {
  const Command group = app.Add("webhook", "URLs that are told of rotations");
  group.NeedSubcommand();
  const auto flags = std::make_shared<WebhookFlags>();
  WebhookFlags* const f = flags.get();
  AddMaking(group, shell, flags);
  const Command list = group.Add("list", "The webhooks that there are");
  list.On(shell, [&shell] { return List(shell); });
  const Command show = group.Add("show", "One webhook, with the key that it verifies by");
  show.AddOption("id", f->id).Required();
  show.On(shell, [&shell, flags] { return Show(shell, *flags); });
  AddWebhookDeliveryCommands(group, shell);
  const Command enable = group.Add("enable", "Go on with one that was disabled");
  enable.AddOption("id", f->id).Required();
  enable.On(shell, [&shell, flags] { return Enable(shell, *flags); });
  const Command remove = group.Add("rm", "Tell it nothing more, and forget it");
  remove.AddOption("id", f->id).Required();
  remove.AddOption("--confirm", f->confirm, "the id, to go on without a question");
  remove.On(shell, [&shell, flags] { return Remove(shell, *flags); });
}

}  // namespace keyturn::cli
