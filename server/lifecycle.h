// Init, unseal and seal: the order in which the rooms get their keys and lose them again.
//   unseal: keyring -> record hasher -> audit keys -> policies, tokens -> vault -> rotation, jwt ->
//           API keys -> usage -> webhooks -> revocations -> client CA -> open
//   seal:   closed -> revocations -> webhooks -> usage -> API keys -> jwt, rotation -> vault ->
//           policies, tokens, client CA -> audit keys -> record hasher -> keyring
// One transition at a time; queries are cheap. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "audit/audit_log.h"
#include "auth/auth_store.h"
#include "auth/token_store.h"
#include "keyring/keyring.h"
#include "revocation/list.h"
#include "rotation/api_key/api_keys.h"
#include "rotation/jwt/jwt.h"
#include "rotation/rotation.h"
#include "rotation/usage/usage.h"
#include "rotation/webhook/webhooks.h"
#include "server/client_ca.h"
#include "storage/store.h"
#include "vault/vault.h"

namespace keyturn {

// The identity and role that init gives the first operator.
inline constexpr char kOperatorSpiffeId[] = "spiffe://keyturn/operator";
inline constexpr char kOperatorRole[] = "operator";
inline constexpr char kRootPolicy[] = "root";

class Lifecycle {
 public:
  // All outlive this.
  struct Parts {
    Store& store;
    Keyring& keyring;
    AuditLog& audit;
    AuthStore& policies;
    TokenStore& tokens;
    Vault& vault;
    RevocationList& revocations;
    Rotation& rotation;
    Jwt& jwt;
    ApiKeys& api_keys;
    Usage& usage;
    WebhookBook& webhooks;
    ClientCa& client_ca;
    Clock& clock;
    std::string accept_rollback;  // Config::accept_rollback
    // Called with the client CA's certificate when it becomes known, and with true or false when
    // the vault opens or closes.
    std::function<absl::Status(const std::string& pem)> on_client_ca;
    std::function<void(bool unsealed)> on_change;
  };
  explicit Lifecycle(Parts parts) : parts_(std::move(parts)) {}

  struct Initialised {
    Uuid vault_id;
    std::vector<SecretBytes> shares;
    SecretBytes root_token;
    std::string client_ca_pem;
    std::string operator_certificate_pem;  // "" when no request was given
  };
  // Errors: Keyring::Init's; INVALID_ARGUMENT for a bad `operator_csr`, before anything is made.
  absl::StatusOr<Initialised> Init(Updater& updater, std::vector<SealSpec> seals,
                                   absl::string_view operator_csr);

  // Runs `give`, which gives the keyring one key or share, and opens the rest if that was enough.
  absl::Status Unseal(absl::FunctionRef<absl::Status(Keyring&)> give);
  void Seal();

  // As Keyring's, and then every room seals with the new key, or has let go of the old ones.
  absl::StatusOr<KekTerm> RotateKek(AeadSuite suite, bool compromised);
  absl::Status RetireKeks(KekTerm below);

  // What Gate asks at each call.
  const std::atomic<bool>& unsealed() const { return unsealed_; }

 private:
  absl::Status Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OpenRooms(const std::shared_ptr<const KeyringSnapshot>& keys)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Initialised> MakeFirstIdentities(Updater& updater, absl::string_view csr)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AuditRollback() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadClientCa(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MarkOpen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status UseNewKeys() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Close() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Parts parts_;
  absl::Mutex mu_;
  std::atomic<bool> unsealed_{false};
};

}  // namespace keyturn
