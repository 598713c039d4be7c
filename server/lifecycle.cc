#include "server/lifecycle.h"

#include "absl/strings/str_cat.h"
#include "audit/server_event.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/x509_make.h"
#include "keyring/envelope.h"

namespace keyturn {

absl::StatusOr<Lifecycle::Initialised> Lifecycle::Init(Updater& updater,
                                                       std::vector<SealSpec> seals,
                                                       absl::string_view operator_csr) {
  absl::MutexLock lock(&mu_);
  if (parts_.keyring.status().initialized) {
    return WithReason(absl::FailedPreconditionError(
                          "the vault is initialised already; run `keyturn operator unseal`"),
                      "ALREADY_INITIALIZED");
  }
  if (!operator_csr.empty()) RETURN_IF_ERROR(CheckCertificateRequest(operator_csr));
  ASSIGN_OR_RETURN(InitResult made, parts_.keyring.Init(std::move(seals)));
  KEYTURN_FAILPOINT("server/init-keys-made");
  absl::StatusOr<Initialised> result = MakeFirstIdentities(updater, operator_csr);
  if (!result.ok()) {
    Close();
    return result;
  }
  result->vault_id = made.vault_id;
  result->shares = std::move(made.shares);
  KEYTURN_FAILPOINT("server/init-done");
  MarkOpen();
  return result;
}

absl::StatusOr<Lifecycle::Initialised> Lifecycle::MakeFirstIdentities(Updater& updater,
                                                                      absl::string_view csr) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  RETURN_IF_ERROR(OpenRooms(keys));
  Initialised result;
  TokenParams root;
  root.principal = "root";
  root.auth_method = "root-token";
  root.display_name = "root";
  root.policies = {kRootPolicy};
  root.never_expires = true;
  ASSIGN_OR_RETURN(CreatedToken created, parts_.tokens.CreateStored(updater, root));
  result.root_token = std::move(created.token);
  KEYTURN_FAILPOINT("server/init-token-made");

  v1::Role role;
  role.set_name(kOperatorRole);
  role.add_policies(kRootPolicy);
  role.add_bound_spiffe_ids(kOperatorSpiffeId);
  role.set_description("the first operator, made by init");
  RETURN_IF_ERROR(parts_.policies.PutRole(updater, role).status());
  KEYTURN_FAILPOINT("server/init-role-made");

  // Last: a vault without a client CA is one whose init did not finish.
  RETURN_IF_ERROR(parts_.client_ca.Make(updater, *keys));
  KEYTURN_FAILPOINT("server/init-ca-made");
  result.client_ca_pem = parts_.client_ca.certificate_pem();
  RETURN_IF_ERROR(parts_.on_client_ca(result.client_ca_pem));
  if (!csr.empty()) {
    ASSIGN_OR_RETURN(ClientCa::Issued issued,
                     parts_.client_ca.Sign(csr, kOperatorSpiffeId, absl::ZeroDuration()));
    result.operator_certificate_pem = std::move(issued.certificate_pem);
  }
  return result;
}

absl::Status Lifecycle::Unseal(absl::FunctionRef<absl::Status(Keyring&)> give) {
  absl::MutexLock lock(&mu_);
  if (unsealed_.load(std::memory_order_relaxed)) return absl::OkStatus();
  RETURN_IF_ERROR(give(parts_.keyring));
  if (parts_.keyring.status().sealed) return absl::OkStatus();  // shares are missing
  KEYTURN_FAILPOINT("server/unseal-keyring-open");
  const absl::Status opened = Open();
  if (!opened.ok()) {
    LogError("the vault could not be opened and was sealed again",
             {{"error", std::string(opened.message())}});
    Close();
  }
  return opened;
}

absl::Status Lifecycle::Open() {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  RETURN_IF_ERROR(OpenRooms(keys));
  KEYTURN_FAILPOINT("server/unseal-rooms-open");
  RETURN_IF_ERROR(AuditRollback());
  RETURN_IF_ERROR(LoadClientCa(*keys));
  KEYTURN_FAILPOINT("server/unseal-done");
  MarkOpen();
  return absl::OkStatus();
}

absl::Status Lifecycle::OpenRooms(const std::shared_ptr<const KeyringSnapshot>& keys) {
  parts_.store.SetRecordHasher(NewRecordHasher(*keys));
  parts_.audit.SetKeys(keys);
  RETURN_IF_ERROR(parts_.policies.Load(keys));
  RETURN_IF_ERROR(parts_.tokens.Load(keys));
  RETURN_IF_ERROR(parts_.vault.OnUnsealed());
  RETURN_IF_ERROR(parts_.rotation.OnUnsealed());
  RETURN_IF_ERROR(parts_.jwt.OnUnsealed());
  RETURN_IF_ERROR(parts_.api_keys.OnUnsealed());
  RETURN_IF_ERROR(parts_.usage.OnUnsealed());
  RETURN_IF_ERROR(parts_.webhooks.OnUnsealed());
  return parts_.revocations.Load(keys);
}

// An override that is not in the log did not happen.
absl::Status Lifecycle::AuditRollback() {
  const SealStatus seal = parts_.keyring.status();
  if (seal.rollback_from == Revision(0)) return absl::OkStatus();
  return parts_.audit.Append(RollbackEvent(parts_.accept_rollback, "anchor", seal.rollback_from,
                                           parts_.store.LastRevision(), parts_.clock));
}

absl::Status Lifecycle::LoadClientCa(const KeyringSnapshot& keys) {
  const absl::Status loaded = parts_.client_ca.Load(parts_.store.Newest(), keys);
  if (absl::IsNotFound(loaded)) {
    return WithReason(
        absl::FailedPreconditionError(
            "the initialisation of this vault did not finish, so it has no operator and no "
            "secrets; stop the server, remove the data directory and run `keyturn operator init`"),
        "INIT_INCOMPLETE");
  }
  RETURN_IF_ERROR(loaded);
  return parts_.on_client_ca(parts_.client_ca.certificate_pem());
}

void Lifecycle::MarkOpen() {
  unsealed_.store(true, std::memory_order_release);
  parts_.on_change(true);
  LogInfo("the vault is unsealed");
}

void Lifecycle::Seal() {
  absl::MutexLock lock(&mu_);
  if (!unsealed_.load(std::memory_order_relaxed)) return;
  Close();
  LogInfo("the vault is sealed");
}

absl::StatusOr<KekTerm> Lifecycle::RotateKek(AeadSuite suite, bool compromised) {
  absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const KekTerm term, parts_.keyring.RotateKek(suite, compromised));
  KEYTURN_FAILPOINT("server/kek-rotated");
  RETURN_IF_ERROR(UseNewKeys());
  LogInfo("the key-encryption key was rotated",
          {{"term", term.value()}, {"older_compromised", compromised}});
  return term;
}

absl::Status Lifecycle::RetireKeks(KekTerm below) {
  absl::MutexLock lock(&mu_);
  RETURN_IF_ERROR(parts_.keyring.RetireKeks(below));
  KEYTURN_FAILPOINT("server/keks-retired");
  RETURN_IF_ERROR(UseNewKeys());
  LogInfo("older key-encryption keys were retired", {{"terms_below", below.value()}});
  return absl::OkStatus();
}

absl::Status Lifecycle::UseNewKeys() {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, parts_.keyring.Snapshot());
  parts_.audit.SetKeys(keys);
  parts_.policies.UseKeys(keys);
  parts_.tokens.UseKeys(keys);
  return absl::OkStatus();
}

void Lifecycle::Close() {
  unsealed_.store(false, std::memory_order_release);
  parts_.on_change(false);
  KEYTURN_FAILPOINT("server/sealing");
  if (const absl::Status dropped = parts_.revocations.Load(nullptr); !dropped.ok()) {
    LogError("revocations were not dropped at seal", {{"error", std::string(dropped.message())}});
  }
  parts_.webhooks.OnSealed();
  parts_.jwt.OnSealed();
  parts_.api_keys.OnSealed();
  parts_.usage.OnSealed();
  parts_.rotation.OnSealed();
  parts_.vault.OnSealed();
  const absl::Status tokens = parts_.tokens.Load(nullptr);
  const absl::Status policies = parts_.policies.Load(nullptr);
  if (!tokens.ok() || !policies.ok()) LogError("identities were not dropped at seal");
  parts_.client_ca.Clear();
  parts_.audit.SetKeys(nullptr);
  parts_.store.SetRecordHasher(nullptr);
  parts_.keyring.Seal();
  KEYTURN_FAILPOINT("server/sealed");
}

}  // namespace keyturn
