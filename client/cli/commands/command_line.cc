#include "client/cli/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "base/version.h"
#include "client/cli/commands/commands.h"
#include "client/cli/commands/help.h"
#include "client/cli/diagnose.h"
#include "client/cli/exit_codes.h"
#include "client/cli/report.h"
#include "client/cli/shell.h"

namespace keyturn::cli {
namespace {

constexpr char kOverview[] =
    "keyturn: secrets, from a vault that turns its own keys\n\n"
    "Examples:\n"
    "  keyturn operator init                            # once, on the server's machine\n"
    "  keyturn import .env --path app/production        # store what a program needs\n"
    "  keyturn run --path app/production -- ./server    # run it with that\n"
    "  keyturn secret read app/production/api-key\n"
    "  keyturn doctor                                   # when something is wrong";

// One value for each time an option is given: "--metadata a=b PATH" must not take the path.
void OneValueEach(CLI::App* app) {
  for (CLI::Option* const option : app->get_options()) {
    if (!option->get_positional() && option->get_items_expected_max() > 1) {
      option->allow_extra_args(false);
    }
  }
  for (CLI::App* const child : app->get_subcommands(nullptr)) OneValueEach(child);
}

void AddGlobalFlags(CLI::App* app, GlobalFlags* flags) {
  app->add_option("-o,--output", flags->output, "table, json, raw, env or dotenv");
  app->add_option("--address", flags->address, "of the server, HOST:PORT [KEYTURN_ADDR]");
  app->add_option("--ca-cert", flags->ca_cert, "who vouches for it, a PEM file [KEYTURN_CACERT]");
  app->add_option("--client-cert", flags->client_cert, "your certificate [KEYTURN_CLIENT_CERT]");
  app->add_option("--client-key", flags->client_key, "its key [KEYTURN_CLIENT_KEY]");
  app->add_option("--token-file", flags->token_file,
                  "a file (or -) with a token [KEYTURN_TOKEN_FILE, KEYTURN_TOKEN]");
  app->add_option("--profile", flags->profile, "a saved server [KEYTURN_PROFILE]");
  app->add_option("--info-file", flags->info_file,
                  "what keyturnd wrote with its --info-file [KEYTURN_INFO_FILE]");
  app->add_option("--socket", flags->socket, "the operator socket of a server on this machine");
  app->add_option("--timeout", flags->timeout, "for the call, such as 30s");
  app->add_option("--request-id", flags->request_id, "what the audit log calls this call");
  app->add_flag("--no-input", flags->no_input, "never ask");
  app->add_flag("--no-color", flags->no_color, "no colours");
  app->add_flag("-v,--verbose", flags->verbose, "say more on standard error");
}

// The command that the words name, as far as they do.
CLI::App* Deepest(CLI::App* app) {
  for (CLI::App* deeper = app; deeper != nullptr;) {
    app = deeper;
    const std::vector<CLI::App*> parsed = app->get_subcommands();
    deeper = parsed.empty() ? nullptr : parsed.back();
  }
  return app;
}

std::string FullName(const CLI::App* command) {
  const CLI::App* const parent = command->get_parent();
  return parent == nullptr ? command->get_name()
                           : absl::StrCat(FullName(parent), " ", command->get_name());
}

// The operands are those that name secrets: others may hold what must not be repeated.
Asked WhatWasAsked(CLI::App* app) {
  CLI::App* const command = Deepest(app);
  Asked asked;
  if (command != app) asked.command = FullName(command).substr(app->get_name().size() + 1);
  const auto operand = [command](const char* name) {
    const CLI::Option* const option = command->get_option_no_throw(name);
    return option == nullptr || option->count() == 0 ? "" : option->results().front();
  };
  asked.path = operand("path");
  if (asked.path.empty()) asked.path = operand("from");
  asked.new_path = operand("to");
  return asked;
}

// A wrong word with the nearest right one.
std::string Suggestion(CLI::App* command, const std::vector<std::string>& unknown) {
  if (unknown.empty()) return "";
  absl::string_view word = unknown.front();
  const bool flag = absl::StartsWith(word, "-");
  while (absl::ConsumePrefix(&word, "-")) continue;
  std::vector<std::string> known;
  if (flag) {
    for (const CLI::App* app = command; app != nullptr; app = app->get_parent()) {
      for (const CLI::Option* const option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) known.push_back(name);
      }
    }
  } else {
    for (CLI::App* const child : command->get_subcommands(nullptr)) {
      known.push_back(child->get_name());
    }
  }
  const std::string similar = Similar(word, known);
  return similar.empty() ? "" : absl::StrCat("did you mean ", flag ? "--" : "", similar, "?");
}

absl::Status ExplainParseError(CLI::App* app, const CLI::ParseError& error) {
  CLI::App* const command = Deepest(app);
  const std::vector<std::string> unknown = app->remaining(true);
  const std::string help = absl::StrCat(FullName(command), " --help");
  // A flag's value may be a secret that was typed in the wrong place: only the word that looks
  // like a flag or command is repeated.
  std::string message = error.what();
  if (error.get_name() == "ExtrasError" || !unknown.empty()) {
    const bool shown = !unknown.empty() && (absl::StartsWith(unknown.front(), "-") ||
                                            !command->get_subcommands(nullptr).empty());
    const std::string word = shown ? unknown.front().substr(0, unknown.front().find('=')) : "";
    message = shown ? absl::StrCat("'", word, "' is not known to ", FullName(command))
                    : absl::StrCat(FullName(command), " takes no further arguments");
    const std::string suggestion = Suggestion(command, {word});
    return WithHelp(UsageError(message), suggestion.empty() ? help : suggestion);
  }
  if (absl::StrContains(message, "A subcommand is required")) {
    message = absl::StrCat(FullName(command), " needs a subcommand");
  }
  return WithHelp(UsageError(message), help);
}

absl::Status UnknownFlag(CLI::App* app, absl::string_view flag) {
  const std::string name = FullName(Deepest(app));
  return WithHelp(UsageError(absl::StrCat("'", flag, "' is not known to ", name)),
                  absl::StrCat(name, " --help"));
}

int ReportUsage(absl::Status status, CLI::App* app, const Shell& shell) {
  // Of `run`, every code below 125 is the program's. Not of `rotation run`.
  if (FullName(Deepest(app)) == "keyturn run") {
    status = WithExitCode(std::move(status), kExitRunFailed);
  }
  return Report(status, shell.flags);
}

// All commands; they refer to `shell`, which outlives the result.
std::unique_ptr<CLI::App> BuildCommandLine(Shell& shell) {
  auto app = std::make_unique<CLI::App>(kOverview, "keyturn");
  app->formatter(MakeHelpFormatter());
  app->set_version_flag("--version", std::string("keyturn ") + kVersion);
  app->fallthrough();
  app->require_subcommand(1);
  AddGlobalFlags(app.get(), &shell.flags);
  const Command all(app.get());
  AddSecretCommands(all, shell);
  AddRotationCommands(all, shell);
  AddJwtCommands(all, shell);
  AddApiKeyCommands(all, shell);
  AddConsumerCommands(all, shell);
  AddWebhookCommands(all, shell);
  AddRunCommand(all, shell);
  AddRenderCommand(all, shell);
  AddExportCommand(all, shell);
  AddImportCommand(all, shell);
  AddSessionCommands(all, shell);
  AddProfileCommands(all, shell);
  AddPolicyCommands(all, shell);
  AddRoleCommands(all, shell);
  AddTokenCommands(all, shell);
  AddRevokeCommand(all, shell);
  AddRevocationCommands(all, shell);
  AddPasswordPolicyCommands(all, shell);
  AddOperatorCommands(all, shell);
  AddAuditCommands(all, shell);
  AddDoctorCommand(all, shell);
  AddCompletionCommand(all, shell);
  AddVersionCommand(all, shell);
  AddApiCommand(all, shell);
  OneValueEach(app.get());
  return app;
}

// gRPC's words about a connection, in those of `doctor`.
absl::Status ExplainUnreachable(const absl::Status& status, Shell& shell) {
  if (!absl::IsUnavailable(status) || HelpOf(status).has_value() ||
      !absl::StrContains(status.message(), "failed to connect to all addresses") ||
      absl::StrContains(status.message(), "unix:")) {  // the operator's socket
    return status;
  }
  const absl::StatusOr<Settings*> settings = shell.settings();
  if (!settings.ok() || absl::StartsWith((**settings)["address"], "unix:")) return status;
  const Diagnosis why = ExplainConnection(status, **settings);
  return WithHelp(WithMessage(status, why.evidence), absl::StrCat(why.fix,
                                                                  "; keyturn doctor looks "
                                                                  "at the rest"));
}

}  // namespace

int RunCommandLine(std::vector<std::string> arguments) {
  Shell shell;
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  if (end != arguments.end()) {
    shell.rest.assign(end + 1, arguments.end());
    arguments.erase(end, arguments.end());
  }
  for (const std::string& argument : arguments) {
    // Names are UTF-8, and a message with other bytes would not even be sent.
    if (std::mbstowcs(nullptr, argument.c_str(), 0) != static_cast<size_t>(-1)) continue;
    return Report(UsageError("an argument is not UTF-8; names of secrets are"), shell.flags);
  }
  const std::unique_ptr<CLI::App> app = BuildCommandLine(shell);
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  if (arguments.empty()) {
    std::fputs(app->help().c_str(), stderr);
    return kExitUsage;
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app->parse(arguments);
  } catch (const CLI::CallForVersion& asked) {
    // Of a command that has no such flag: printing a version and ending with 0 would read as if the
    // command had done its work.
    if (Deepest(app.get()) == app.get()) return app->exit(asked);
    return ReportUsage(UnknownFlag(app.get(), "--version"), app.get(), shell);
  } catch (const CLI::Success& asked) {  // --help
    return app->exit(asked);
  } catch (const CLI::ParseError& error) {
    return ReportUsage(ExplainParseError(app.get(), error), app.get(), shell);
  }
  shell.asked = WhatWasAsked(app.get());
  const absl::Status ran = ExplainUnreachable(shell.Run(), shell);
  shell.asked.profile = shell.ProfileToName();
  return Report(ran, shell.flags, shell.asked);
}

}  // namespace keyturn::cli
