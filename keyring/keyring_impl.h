// The keyring's state, for keyring.cc, unseal.cc and rekey.cc. The locks in the order in which they
// are taken: rekey_mu_, mu_, keys_mu_.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "keyring/keyring.h"
#include "keyring/rekey_session.h"
#include "keyring/share_collector.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {

class KeyringImpl : public Keyring {
 public:
  KeyringImpl(KeyringOptions options, FileSystem& files, Clock& clock)
      : options_(std::move(options)), files_(files), clock_(clock) {}

  absl::Status Load();
  absl::StatusOr<InitResult> Init(std::vector<SealSpec> seals) override;

  // unseal.cc
  absl::Status UnsealWithKeyFile(Revision store_revision) override;
  absl::Status UnsealWithPassphrase(const SecretBytes& passphrase,
                                    Revision store_revision) override;
  absl::Status UnsealWithShare(const SecretBytes& share, absl::string_view nonce,
                               Revision store_revision) override;
  void ResetUnseal() override;

  void Seal() override;
  SealStatus status() const override;
  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Snapshot() const override;
  absl::StatusOr<KekTerm> RotateKek(AeadSuite suite, bool compromised) override;
  absl::Status RetireKeks(KekTerm below) override;
  bool FormerSnapshotsHeld() const override;
  absl::Status SaveKekUses() override;
  absl::Status WriteAnchor(Revision revision) override;

  // rekey.cc
  absl::StatusOr<RekeyStatus> StartRekey(std::vector<SealSpec> seals) override;
  absl::StatusOr<RekeyStep> GiveRekeyKey(const SealKey& key, absl::string_view nonce) override;
  absl::Status CancelRekey() override;
  RekeyStatus rekey_status() const override;

 private:
  // A slot that a key may open, and whether it is of the root key that is about to be in force.
  struct Candidate {
    record::v1::SealSlot slot;
    bool next = false;
  };

  bool unsealed() const { return Current() != nullptr; }
  std::shared_ptr<const KeyringSnapshot> Current() const;
  void Publish(std::shared_ptr<const KeyringSnapshot> keys);
  void ForgetShares() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status WriteFirstSealFile(const record::v1::SealFile& file);
  // What an unseal has opened.
  void Use(SecretBytes root_key, uint64_t generation, std::shared_ptr<const KeyringSnapshot> keys)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Durable when it returns OK, and so before anybody seals with them.
  absl::Status WriteKeys(const KeyringSnapshot& keys, const SecretBytes& root_key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Never empty: FAILED_PRECONDITION names the seals that there are. The next root key's first.
  absl::StatusOr<std::vector<Candidate>> Candidates(record::v1::SealSlot::Type type) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OpenWith(const Candidate& candidate, const SecretBytes& unseal_key,
                        Revision store_revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // With the first candidate that the key opens.
  absl::Status OpenWithAny(const std::vector<Candidate>& candidates, const SecretBytes& unseal_key,
                           Revision store_revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRollback(const KeyringSnapshot& keys, Revision store_revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends a change of the root key, if one has not ended: seal.ktn keeps the slots that unsettled_
  // says. A key file of theirs that still waits gets its name.
  absl::Status Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The same for a change that an earlier call could not end, before another begins.
  absl::Status SettleEarlier() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // "<key_file>.next" gets its name if it opens one of the seals in force.
  absl::Status TakeNextKeyFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Ends a change that is under way, and says whether there was one.
  bool DropRekey();
  absl::Status PutInForce(RekeySession& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(rekey_mu_);

  const KeyringOptions options_;
  FileSystem& files_;
  Clock& clock_;

  mutable absl::Mutex rekey_mu_;
  std::unique_ptr<RekeySession> rekey_ ABSL_GUARDED_BY(rekey_mu_);
  // Of the last change that ended in this process: whether its keys are in force.
  bool last_rekey_in_force_ ABSL_GUARDED_BY(rekey_mu_) = false;

  mutable absl::Mutex mu_;
  record::v1::SealFile seal_ ABSL_GUARDED_BY(mu_);  // no slots: not initialised
  // Which slots of seal_ root_key_ is of, while seal_ has those of two: the next ones, or not.
  std::optional<bool> unsettled_ ABSL_GUARDED_BY(mu_);
  Uuid vault_id_ ABSL_GUARDED_BY(mu_);
  ShareCollector shares_ ABSL_GUARDED_BY(mu_);
  std::string nonce_ ABSL_GUARDED_BY(mu_);
  Revision rollback_from_ ABSL_GUARDED_BY(mu_);
  SecretBytes root_key_ ABSL_GUARDED_BY(mu_);       // while unsealed
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;    // of keyring.ktn
  uint64_t uses_on_disk_ ABSL_GUARDED_BY(mu_) = 0;  // of the active KEK

  // Apart from mu_, so that calls never wait for an unseal.
  mutable absl::Mutex keys_mu_;
  std::shared_ptr<const KeyringSnapshot> keys_ ABSL_GUARDED_BY(keys_mu_);
  // Published before keys_, while anybody may hold them.
  std::vector<std::weak_ptr<const KeyringSnapshot>> former_ ABSL_GUARDED_BY(keys_mu_);
  absl::Mutex anchor_mu_;
};

}  // namespace keyturn
