// The commands of `keyturn`, one function for each group, in the order of its help. Each adds
// subcommands and says what they do; nothing runs before Shell::Run. `shell` outlives `parent`.
#pragma once

#include "client/cli/commands/command.h"
#include "client/cli/shell.h"

namespace keyturn::cli {

// What a person does first.
void AddSessionCommands(Command app, Shell& shell);  // login logout whoami can-i
void AddProfileCommands(Command app, Shell& shell);  // profile ..., config explain

// Secrets.
void AddSecretCommands(Command app, Shell& shell);
void AddSecretReadCommands(Command secret, Shell& shell);    // get read show history diff
void AddSecretListCommands(Command secret, Shell& shell);    // list search watch
void AddSecretWriteCommands(Command secret, Shell& shell);   // put generate metadata rename
void AddSecretAdoptCommand(Command secret, Shell& shell);    // adopt
void AddSecretDeleteCommands(Command secret, Shell& shell);  // delete undelete destroy erase

// Their rotation.
void AddRotationCommands(Command app, Shell& shell);  // status list runs run rollback ...
void AddRotationForecastCommands(Command rotation, Shell& shell);  // plan calendar simulate
void AddRotationWatchCommand(Command rotation, Shell& shell);
void AddRotationPolicyCommands(Command rotation, Shell& shell);
void AddConsumerCommands(Command app, Shell& shell);           // list acknowledge forget
void AddWebhookCommands(Command app, Shell& shell);            // add list show enable roll-key rm
void AddWebhookDeliveryCommands(Command group, Shell& shell);  // test deliveries replay

// Tokens that their keys sign.
void AddJwtCommands(Command app, Shell& shell);       // create adopt update show jwks
void AddJwtTokenCommands(Command jwt, Shell& shell);  // sign verify refresh logout

// Keys for clients of others.
void AddApiKeyCommands(Command app, Shell& shell);        // create update roll grace revoke
void AddApiKeyReadCommands(Command group, Shell& shell);  // verify list show
void AddApiKeyImportCommand(Command group, Shell& shell);

// Secrets for other programs.
void AddRunCommand(Command app, Shell& shell);
void AddRenderCommand(Command app, Shell& shell);
void AddExportCommand(Command app, Shell& shell);
void AddImportCommand(Command app, Shell& shell);

// Who may do what.
void AddPolicyCommands(Command app, Shell& shell);
void AddRoleCommands(Command app, Shell& shell);
void AddPasswordPolicyCommands(Command app, Shell& shell);
void AddTokenCommands(Command app, Shell& shell);
void AddTokenCheckCommand(Command token, Shell& shell);
void AddRevokeCommand(Command app, Shell& shell);
void AddRevocationCommands(Command app, Shell& shell);

// The server.
void AddOperatorCommands(Command app, Shell& shell);
void AddOperatorInitCommand(Command parent, Shell& shell);
void AddOperatorSealCommands(Command parent, Shell& shell);     // unseal seal status
void AddOperatorKeyCommands(Command parent, Shell& shell);      // rotate-kek rewrap
void AddOperatorRekeyCommands(Command parent, Shell& shell);    // rekey rotate-root-key
void AddOperatorPurgeCommands(Command parent, Shell& shell);    // purge shred
void AddOperatorUpgradeCommands(Command parent, Shell& shell);  // upgrade check
void AddAuditCommands(Command app, Shell& shell);
void AddOfflineAuditCommand(Command audit, Shell& shell);
void AddDoctorCommand(Command app, Shell& shell);

// The command itself.
void AddCompletionCommand(Command app, Shell& shell);
void AddVersionCommand(Command app, Shell& shell);
void AddApiCommand(Command app, Shell& shell);  // call list

}  // namespace keyturn::cli
