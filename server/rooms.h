// The rooms below the server, opened in order. Members are destroyed in the reverse order.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "audit/audit_log.h"
#include "auth/auth_store.h"
#include "auth/authenticator.h"
#include "auth/token_store.h"
#include "base/clock.h"
#include "keyring/keyring.h"
#include "revocation/list.h"
#include "rotation/api_key/api_keys.h"
#include "rotation/jwt/jwt.h"
#include "rotation/rotation.h"
#include "rotation/target/targets.h"
#include "rotation/usage/usage.h"
#include "rotation/webhook/webhooks.h"
#include "server/config.h"
#include "server/credential_list.h"
#include "server/revocation_audit.h"
#include "storage/file_system.h"
#include "storage/store.h"
#include "vault/vault.h"

namespace keyturn {

// What the rotation engine works with. All outlive it.
RotationContext RotationParts(Store& store, Keyring& keyring, AuditLog& audit, AuthStore& policies,
                              CredentialList& credentials, const Usage& usage,
                              const Targets& targets, const WebhookBook& webhooks, Clock& clock);
// And what signs and verifies tokens.
JwtContext JwtParts(Store& store, Keyring& keyring, AuditLog& audit, CredentialList& credentials,
                    Vault& vault, Rotation& rotation, Clock& clock);

// What the API keys work with. All outlive them.
ApiKeyContext ApiKeyParts(Store& store, Keyring& keyring, AuditLog& audit, CredentialList& list,
                          Clock& clock);

// And what tells others of rotations.
WebhookContext WebhookParts(Store& store, Keyring& keyring, AuditLog& audit, const Usage& usage,
                            WebhookOptions options, Clock& clock);

struct Rooms {
  std::unique_ptr<FileSystem> memory;  // dev only
  std::unique_ptr<Store> store;
  std::unique_ptr<Keyring> keyring;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AuthStore> policies;
  std::unique_ptr<TokenStore> tokens;
  std::unique_ptr<AuditedGroupCommitter> committer;  // of the list's changes
  std::unique_ptr<RevocationList> revocations;
  std::unique_ptr<CredentialList> credentials;  // the same list
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<Usage> usage;
  std::unique_ptr<Targets> targets;
  std::unique_ptr<WebhookBook> webhooks;
  std::unique_ptr<Rotation> rotation;
  std::unique_ptr<Jwt> jwt;
  std::unique_ptr<ApiKeys> api_keys;

  // With `config.dev` nothing touches a disk. `on_committed` is called after audit and vault were
  // told of a group. Errors name what could not be opened. `clock` outlives the rooms.
  static absl::StatusOr<std::unique_ptr<Rooms>> Open(const Config& config, Clock& clock,
                                                     std::function<void()> on_committed);
};

}  // namespace keyturn
