#include "client/cli/commands.h"

namespace keyturn::cli {

void AddSecretCommands(CLI::App* app, Shell& shell) {
  CLI::App* const secret =
      shell.Add(app, "secret", "Store, read and manage secrets",
                "  keyturn secret put app/prod/api-key              # asks for the value\n"
                "  keyturn secret put app/prod/api-key --generate --bytes 32\n"
                "  keyturn secret read app/prod/api-key\n"
                "  keyturn secret list app/prod --recursive");
  secret->require_subcommand(1);
  AddSecretReadCommands(secret, shell);
  AddSecretListCommands(secret, shell);
  AddSecretWriteCommands(secret, shell);
  AddSecretDeleteCommands(secret, shell);
}

}  // namespace keyturn::cli
