// profile list|use|add|rm, config explain.
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/commands/commands.h"
#include "client/cli/exit_codes.h"
#include "client/cli/token_choice.h"

namespace keyturn::cli {
namespace {

absl::Status List(Shell& shell) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  const Profiles& profiles = settings->profiles();
  Table table({"", "NAME", "ADDRESS", "CA", "CERTIFICATE"});
  Json items = Json::array();
  for (const auto& [name, profile] : profiles.all()) {
    const bool current = name == profiles.current();
    table.Add({current ? "*" : " ", name, profile.address, profile.ca_cert, profile.client_cert});
    items.push_back({{"name", name},
                     {"current", current},
                     {"address", profile.address},
                     {"caCert", profile.ca_cert},
                     {"clientCert", profile.client_cert},
                     {"clientKey", profile.client_key}});
  }
  return shell.out().List(table, std::move(items),
                          "no profiles; add one: keyturn profile add NAME --address HOST:PORT "
                          "--ca-cert FILE");
}

std::string Absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

// The profile of the common flags --address, --ca-cert, --client-cert and --client-key.
absl::Status Save(Shell& shell, const std::string& name, bool overwrite) {
  RETURN_IF_ERROR(CheckProfileName(name));
  const GlobalFlags& flags = shell.flags;
  if (flags.address.empty() || flags.ca_cert.empty()) {
    return UsageError("a profile needs --address HOST:PORT and --ca-cert FILE");
  }
  if (flags.client_cert.empty() != flags.client_key.empty()) {
    return UsageError("--client-cert and --client-key go together");
  }
  for (const std::string& file : {flags.ca_cert, flags.client_cert, flags.client_key}) {
    if (!file.empty() && !std::filesystem::exists(file)) {
      return absl::NotFoundError(absl::StrCat("there is no file ", file));
    }
  }
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  Profiles& profiles = settings->profiles();
  if (profiles.Find(name) != nullptr && !overwrite) {
    return absl::AlreadyExistsError(
        absl::StrCat("there is a profile '", name, "' already; --overwrite replaces it"));
  }
  profiles.Set(name, {flags.address, Absolute(flags.ca_cert), Absolute(flags.client_cert),
                      Absolute(flags.client_key)});
  RETURN_IF_ERROR(profiles.Save());
  shell.terminal().Say(
      absl::StrCat("saved profile ", name, "; the current one is ", profiles.current()));
  return absl::OkStatus();
}

absl::Status Use(Shell& shell, const std::string& name) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(settings->profiles().Use(name));
  RETURN_IF_ERROR(settings->profiles().Save());
  shell.terminal().Say(absl::StrCat("the current profile is ", name));
  return absl::OkStatus();
}

absl::Status Remove(Shell& shell, const std::string& name, const std::string& confirm) {
  RETURN_IF_ERROR(CheckProfileName(name));
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  RETURN_IF_ERROR(shell.terminal().Confirm(
      absl::StrCat("profile ", name, " goes, with its certificate, key and token"), name, confirm));
  RETURN_IF_ERROR(settings->profiles().Remove(name));
  return settings->profiles().Save();
}

absl::Status Explain(Shell& shell) {
  ASSIGN_OR_RETURN(Settings* const settings, shell.settings());
  Table table({"SETTING", "VALUE", "FROM"});
  Json items = Json::array();
  for (const auto& [name, setting] : settings->All()) {
    table.Add({name, setting.value, setting.source});
    items.push_back({{"name", name}, {"value", setting.value}, {"source", setting.source}});
  }
  std::string why;
  const auto token = ChooseToken(*settings, shell.clock().Now(), &why);
  const std::string state = !token.ok()            ? std::string(token.status().message())
                            : !why.empty()         ? why
                            : token->token.empty() ? "none"
                                                   : "not shown";
  const std::string source = token.ok() ? token->source : "";
  table.Add({"token", state, source});
  items.push_back({{"name", "token"}, {"value", state}, {"source", source}});
  return shell.out().List(table, std::move(items), "");
}

}  // namespace

void AddProfileCommands(Command app, Shell& shell) {
  const Command profile = app.Add("profile", "Servers and how to reach them, by name");
  profile.NeedSubcommand();
  profile.Add("list", "Show all profiles").On(shell, [&shell] { return List(shell); });

  const auto name = std::make_shared<std::string>();
  const auto confirm = std::make_shared<std::string>();
  const auto overwrite = std::make_shared<bool>(false);
  const Command use = profile.Add("use", "Make a profile the current one");
  use.AddOption("name", *name).Required();
  use.On(shell, [&shell, name] { return Use(shell, *name); });

  const Command add = profile.Add(
      "add", "Save the connection flags as a profile",
      "  keyturn profile add prod --address vault.example.com:7400 --ca-cert ca.pem \\\n"
      "      --client-cert me.pem --client-key me.key");
  add.AddOption("name", *name).Required();
  add.AddFlag("--overwrite", *overwrite, "replace a profile of that name");
  add.On(shell, [&shell, name, overwrite] { return Save(shell, *name, *overwrite); });

  const Command remove = profile.Add("rm", "Remove a profile, with its certificate, key and token");
  remove.AddOption("name", *name).Required();
  remove.AddOption("--confirm", *confirm, "the profile's name, to remove it without a question");
  remove.On(shell, [&shell, name, confirm] { return Remove(shell, *name, *confirm); });

  const Command config = app.Add("config", "The settings in force");
  config.NeedSubcommand();
  config.Add("explain", "Show each setting and where it comes from").On(shell, [&shell] {
    return Explain(shell);
  });
}

}  // namespace keyturn::cli
