// A vault with its store and its keyring on one disk that can lose its power, wired as the server
// wires them (without what the server has beside them), and what opens it. Not thread-safe; the
// vault and the store it holds are.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "keyring/keyring.h"
#include "storage/rocks_store.h"
#include "tests/support/fault_env.h"
#include "tests/support/fault_files.h"
#include "vault/vault.h"

namespace keyturn {

// What the holders of the seals have. Of a seal that there is not: empty.
struct VaultKeys {
  std::string passphrase;
  std::vector<std::string> shares;  // two of three open
};

class FaultVault {
 public:
  // Puts something in front of each vault that is opened, to break it.
  using Wrap = std::function<std::unique_ptr<Vault>(std::unique_ptr<Vault>)>;

  explicit FaultVault(uint64_t seed, Wrap wrap = nullptr)
      : disk(seed),
        wrap_(std::move(wrap)),
        random_(seed),
        env_(NewFaultEnv(disk)),
        files_(NewFaultFileSystem(disk)) {}
  ~FaultVault() { Close(); }

  // A new vault, unsealed.
  absl::Status Begin() {
    RETURN_IF_ERROR(files_->CreateDirectory("/anchor", 0700));
    RETURN_IF_ERROR(Open());
    keys = {NewPassphrase(), {}};
    ASSIGN_OR_RETURN(const InitResult made, keyring->Init(Seals(true, true, keys)));
    for (const SecretBytes& share : made.shares) keys.shares.emplace_back(share.ExposeForCrypto());
    return UseKeys();
  }

  // What a start does: sealed.
  absl::Status Open() {
    ASSIGN_OR_RETURN(store, OpenRocksStore({.directory = "/data/store", .env = env_.get()}, clock));
    KeyringOptions options;
    options.directory = "/data";
    options.anchor_file = "/anchor/anchor.ktn";
    options.argon2 = {1, 64 * 1024};
    ASSIGN_OR_RETURN(keyring, Keyring::Open(options, *files_, clock));
    vault = Vault::Create(*store, *keyring, clock);
    if (wrap_ != nullptr) vault = wrap_(std::move(vault));
    store->SetCommitListener(
        [this](absl::Span<const CommittedUpdate> group) { vault->OnCommitted(group); });
    return absl::OkStatus();
  }
  void Close() {
    if (vault != nullptr && !keyring->status().sealed) Seal();
    if (store != nullptr) store->SetCommitListener(nullptr);
    vault.reset();
    keyring.reset();
    store.reset();
  }

  absl::Status Unseal() { return UnsealWith(keys, random_() % 2 == 0); }
  // By the passphrase or by two shares, where the vault has both.
  absl::Status UnsealWith(const VaultKeys& with, bool prefer_shares) {
    const Revision revision = store->LastRevision();
    if (with.passphrase.empty() && with.shares.empty()) return absl::UnauthenticatedError("no key");
    if (with.passphrase.empty() || (prefer_shares && !with.shares.empty())) {
      const size_t left_out = random_() % with.shares.size();
      for (size_t i = 0; i < with.shares.size(); ++i) {
        if (i == left_out) continue;
        const absl::Status given =
            keyring->UnsealWithShare(*SecretBytes::CopyOf(with.shares[i]), "", revision);
        if (!given.ok()) {
          keyring->ResetUnseal();
          return given;
        }
      }
    } else {
      RETURN_IF_ERROR(
          keyring->UnsealWithPassphrase(*SecretBytes::CopyOf(with.passphrase), revision));
    }
    return UseKeys();
  }
  void Seal() {
    vault->OnSealed();
    store->SetRecordHasher(nullptr);
    keyring->Seal();
  }

  // The whole change: new seals and a new root key, or with neither kind of seal the root key
  // alone. `*fresh` are the keys that open the vault afterwards; also when it fails, and then
  // either may.
  absl::Status Rekey(bool passphrase, bool shamir, VaultKeys* fresh) {
    const bool root_key_only = !passphrase && !shamir;
    if (root_key_only) {
      *fresh = keys;
      RETURN_IF_ERROR(keyring->StartRekey({}).status());
      return GiveAll(keys, fresh);
    }
    *fresh = {passphrase ? NewPassphrase() : "", {}};
    RETURN_IF_ERROR(keyring->StartRekey(Seals(passphrase, shamir, *fresh)).status());
    RETURN_IF_ERROR(GiveAll(keys, fresh));
    return GiveAll(*fresh, fresh);
  }

  SimulatedClock clock;
  FaultDisk disk;
  VaultKeys keys;
  std::unique_ptr<Store> store;
  std::unique_ptr<Keyring> keyring;
  std::unique_ptr<Vault> vault;

 private:
  std::string NewPassphrase() { return "a passphrase " + std::to_string(random_()); }

  static std::vector<SealSpec> Seals(bool passphrase, bool shamir, const VaultKeys& fresh) {
    std::vector<SealSpec> seals;
    if (passphrase) {
      seals.emplace_back();
      seals.back().type = SealSpec::Type::kPassphrase;
      seals.back().passphrase = *SecretBytes::CopyOf(fresh.passphrase);
    }
    if (shamir) {
      seals.emplace_back();
      seals.back().type = SealSpec::Type::kShamir;
      seals.back().shares = 3;
      seals.back().threshold = 2;
    }
    return seals;
  }

  // As the server: the keyring is open, now the others.
  absl::Status UseKeys() {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> snapshot, keyring->Snapshot());
    store->SetRecordHasher(NewRecordHasher(*snapshot));
    return vault->OnUnsealed();
  }

  // What this phase of a change asks for. New shares come with the answer that ends the first.
  absl::Status GiveAll(const VaultKeys& from, VaultKeys* fresh) {
    const VaultKeys given = from;  // which may be *fresh
    const RekeyStatus::Phase phase = keyring->rekey_status().phase;
    size_t next_share = 0;
    while (keyring->rekey_status().phase == phase) {
      const RekeyStatus status = keyring->rekey_status();
      SealKey key;
      for (const RekeyStatus::Seal& seal : status.seals) {
        if (seal.done) continue;
        const bool share = seal.name == "shamir";
        key.type = share ? SealSpec::Type::kShamir : SealSpec::Type::kPassphrase;
        key.secret = *SecretBytes::CopyOf(share ? given.shares.at(next_share++) : given.passphrase);
        break;
      }
      ASSIGN_OR_RETURN(const RekeyStep step, keyring->GiveRekeyKey(key, status.nonce));
      for (const SecretBytes& share : step.shares) {
        fresh->shares.emplace_back(share.ExposeForCrypto());
      }
      if (step.finished) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  const Wrap wrap_;
  std::mt19937_64 random_;
  const std::unique_ptr<rocksdb::Env> env_;
  const std::unique_ptr<FileSystem> files_;
};

}  // namespace keyturn
