// The commands of `keyturn`, one function for each group, in the order of its help. Each adds
// subcommands and says what they do; nothing runs before Shell::Run. `shell` outlives `parent`.
#pragma once

#include <CLI/CLI.hpp>

#include "client/cli/shell.h"

namespace keyturn::cli {

// What a person does first.
void AddSessionCommands(CLI::App* app, Shell& shell);  // login logout whoami can-i
void AddProfileCommands(CLI::App* app, Shell& shell);  // profile ..., config explain

// Secrets.
void AddSecretCommands(CLI::App* app, Shell& shell);
void AddSecretReadCommands(CLI::App* secret, Shell& shell);    // get read show history diff
void AddSecretListCommands(CLI::App* secret, Shell& shell);    // list search watch
void AddSecretWriteCommands(CLI::App* secret, Shell& shell);   // put generate metadata rename
void AddSecretDeleteCommands(CLI::App* secret, Shell& shell);  // delete undelete destroy

// Secrets for other programs.
void AddRunCommand(CLI::App* app, Shell& shell);
void AddRenderCommand(CLI::App* app, Shell& shell);
void AddExportCommand(CLI::App* app, Shell& shell);
void AddImportCommand(CLI::App* app, Shell& shell);

// Who may do what.
void AddPolicyCommands(CLI::App* app, Shell& shell);
void AddRoleCommands(CLI::App* app, Shell& shell);
void AddPasswordPolicyCommands(CLI::App* app, Shell& shell);
void AddTokenCommands(CLI::App* app, Shell& shell);

// The server.
void AddOperatorCommands(CLI::App* app, Shell& shell);
void AddOperatorInitCommand(CLI::App* parent, Shell& shell);
void AddOperatorSealCommands(CLI::App* parent, Shell& shell);  // unseal seal status
void AddAuditCommands(CLI::App* app, Shell& shell);
void AddOfflineAuditCommand(CLI::App* audit, Shell& shell);
void AddDoctorCommand(CLI::App* app, Shell& shell);

// The command itself.
void AddCompletionCommand(CLI::App* app, Shell& shell);
void AddVersionCommand(CLI::App* app, Shell& shell);

}  // namespace keyturn::cli
