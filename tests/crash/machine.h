// The rooms of a server, wired as the server wires them, without its doors; on a disk that can
// fail, or on the machine's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "server/key_turner.h"
#include "server/lifecycle.h"
#include "server/revocation_audit.h"
#include "server/rooms.h"
#include "storage/rocks_store.h"
#include "tests/support/fault_env.h"
#include "tests/support/fault_files.h"

namespace keyturn {

struct Machine {
  Machine(FaultDisk& disk, const KeyringOptions& options)
      : env(NewFaultEnv(disk)), fault_files(NewFaultFileSystem(disk)), options(options) {}
  // Store and audit log go where options.directory says.
  explicit Machine(const KeyringOptions& options) : options(options) {}

  absl::Status Start() {
    Clock& clock = Clock::Real();
    FileSystem& files = fault_files == nullptr ? FileSystem::Posix() : *fault_files;
    ASSIGN_OR_RETURN(
        store,
        OpenRocksStore({.directory = options.directory + "/store", .env = env.get()}, clock));
    ASSIGN_OR_RETURN(keyring, Keyring::Open(options, files, clock));
    audit_options.directory = options.directory + "/audit";
    ASSIGN_OR_RETURN(audit, AuditLog::Open(audit_options, files, *store, clock));
    policies = AuthStore::Create(*store, clock);
    tokens = TokenStore::Create(*store, clock);
    vault = Vault::Create(*store, *keyring, clock);
    committer = std::make_unique<AuditedGroupCommitter>(*store, *audit, clock);
    ASSIGN_OR_RETURN(revocations, RevocationList::Create({}, *store, *committer, clock));
    usage = std::make_unique<Usage>(Usage::Parts{*store, *keyring, clock, nullptr});
    credentials =
        std::make_unique<CredentialList>(*revocations, CredentialList::Options{"revoked:", true});
    ASSIGN_OR_RETURN(targets, Targets::Create({}, clock));
    webhooks = WebhookBook::Create(WebhookParts(*store, *keyring, *audit, *usage, {}, clock));
    rotation = Rotation::Create(RotationParts(*store, *keyring, *audit, *policies, *credentials,
                                              *usage, *targets, *webhooks, clock));
    jwt = Jwt::Create(JwtParts(*store, *keyring, *audit, *credentials, *vault, *rotation, clock));
    api_keys = ApiKeys::Create(ApiKeyParts(*store, *keyring, *audit, *credentials, clock));
    store->SetCommitListener([this](absl::Span<const CommittedUpdate> group) {
      audit->OnCommitted(group);
      vault->OnCommitted(group);
      rotation->OnCommitted(group);
      jwt->OnCommitted(group);
      api_keys->OnCommitted(group);
      usage->OnCommitted(group);
      webhooks->OnCommitted(group);
    });
    lifecycle = std::make_unique<Lifecycle>(
        Lifecycle::Parts{*store, *keyring, *audit, *policies, *tokens, *vault, *revocations,
                         *rotation, *jwt, *api_keys, *usage, *webhooks, ca, Clock::Real(), "",
                         [](const std::string&) { return absl::OkStatus(); }, [](bool) {}});
    return absl::OkStatus();
  }
  ~Machine() {
    if (lifecycle != nullptr) lifecycle->Seal();
    if (store != nullptr) store->SetCommitListener(nullptr);
  }

  absl::Status Init(absl::string_view csr) {
    std::vector<SealSpec> seals(1);
    AuditEvent event;
    event.event = "system_initialized";
    AuditedUpdater updater(*store, *audit, event);
    return lifecycle->Init(updater, std::move(seals), csr).status();
  }
  absl::Status Unseal() {
    return lifecycle->Unseal(
        [&](Keyring& keys) { return keys.UnsealWithKeyFile(store->LastRevision()); });
  }

  KeyTurner Turner() {
    return KeyTurner({*store, *keyring, *vault, *audit, *lifecycle, Clock::Real()});
  }
  // Until the older keys are retired, as the server's thread.
  absl::Status Turn() {
    KeyTurner turner = Turner();
    while (true) {
      {
        // Let go at once: a snapshot that is held keeps its keys from being retired.
        ASSIGN_OR_RETURN(const auto keys, keyring->Snapshot());
        if (keys->keks().size() == 1) return absl::OkStatus();
      }
      RETURN_IF_ERROR(turner.Turn());
    }
  }

  // What the store, the vault and the audit log find in themselves. REQUIRES: unsealed.
  std::vector<std::string> Problems() {
    std::vector<std::string> problems;
    for (const auto& found : {store->Verify(NoProgress), vault->Verify(NoProgress)}) {
      if (!found.ok()) problems.push_back(found.status().ToString());
      for (size_t i = 0; found.ok() && i < found->size(); ++i) problems.push_back((*found)[i].what);
    }
    const absl::StatusOr<AuditVerification> log = audit->Verify();
    if (!log.ok()) problems.push_back(log.status().ToString());
    if (log.ok()) problems.insert(problems.end(), log->problems.begin(), log->problems.end());
    return problems;
  }

  const std::unique_ptr<rocksdb::Env> env;
  const std::unique_ptr<FileSystem> fault_files;
  const KeyringOptions options;
  AuditLogOptions audit_options;
  std::unique_ptr<Store> store;
  std::unique_ptr<Keyring> keyring;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AuthStore> policies;
  std::unique_ptr<TokenStore> tokens;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<Usage> usage;
  std::unique_ptr<AuditedGroupCommitter> committer;
  std::unique_ptr<RevocationList> revocations;
  std::unique_ptr<CredentialList> credentials;
  std::unique_ptr<Targets> targets;
  std::unique_ptr<WebhookBook> webhooks;
  std::unique_ptr<Rotation> rotation;
  std::unique_ptr<Jwt> jwt;
  std::unique_ptr<ApiKeys> api_keys;
  ClientCa ca{Clock::Real()};
  std::unique_ptr<Lifecycle> lifecycle;
};

}  // namespace keyturn
