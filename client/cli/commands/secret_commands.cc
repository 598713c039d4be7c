#include "client/cli/commands/commands.h"

namespace keyturn::cli {

void AddSecretCommands(Command app, Shell& shell) {
  const Command secret =
      app.Add("secret", "Store, read and manage secrets",
              "  keyturn secret put app/prod/api-key              # asks for the value\n"
              "  keyturn secret put app/prod/api-key --generate --bytes 32\n"
              "  keyturn secret read app/prod/api-key\n"
              "  keyturn secret list app/prod --recursive");
  secret.NeedSubcommand();
  AddSecretReadCommands(secret, shell);
  AddSecretListCommands(secret, shell);
  AddSecretWriteCommands(secret, shell);
  AddSecretAdoptCommand(secret, shell);
  AddSecretDeleteCommands(secret, shell);
}

}  // namespace keyturn::cli
