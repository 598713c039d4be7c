// All keys of the vault, opened. Immutable and thread-safe; wiped when the last holder lets go. The
// snapshots before and after a rotation share the keys that stayed.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/types.h"
#include "crypto/aead.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// A key-encryption key.
struct Kek {
  KekTerm term;
  AeadSuite suite = AeadSuite::kAes256Gcm;
  SecretBytes key;
  int64_t created_ms = 0;  // Unix milliseconds
  // Records sealed and DEKs wrapped. Never too low: a crash counts some that never were.
  mutable std::atomic<uint64_t> uses{0};
};

// What is left of a KEK that nothing was sealed under any more.
struct RetiredKek {
  KekTerm term;
  AeadSuite suite = AeadSuite::kAes256Gcm;
  int64_t created_ms = 0;
  int64_t retired_ms = 0;
  uint64_t uses = 0;
};

class KeyringSnapshot {
 public:
  const Uuid& vault_id() const { return vault_id_; }
  // Seals new records.
  const Kek& active_kek() const { return *keks_.back(); }
  // nullptr for a term that is unknown, retired or destroyed. Finds KEKs of later snapshots too: a
  // call that began before a rotation meets what others have sealed after it.
  const Kek* FindKek(KekTerm term) const;
  // Ascending terms, never empty; the last one is active.
  const std::vector<std::shared_ptr<const Kek>>& keks() const { return keks_; }
  const std::vector<RetiredKek>& retired() const { return retired_; }
  // Lower terms may be known to others: what their DEKs protect is to be encrypted again.
  KekTerm compromised_below() const { return compromised_below_; }

  // One key, one purpose; 32 bytes each.
  const SecretBytes& index_key() const { return fixed_->index_key; }
  const SecretBytes& record_hash_key() const { return fixed_->record_hash_key; }
  const SecretBytes& token_key() const { return fixed_->token_key; }
  const SecretBytes& audit_mac_key() const { return fixed_->audit_mac_key; }
  const SecretBytes& audit_signing_seed() const { return fixed_->audit_signing_seed; }
  const SecretBytes& api_key_pepper() const { return fixed_->api_key_pepper; }
  const SecretBytes& revocation_hash_key() const { return fixed_->revocation_hash_key; }
  // The same key, for who outlives the snapshot and must not keep its KEKs.
  std::shared_ptr<const SecretBytes> SharedRecordHashKey() const {
    return {fixed_, &fixed_->record_hash_key};
  }

  // The snapshot after a rotation: a fresh KEK of the next term seals. RESOURCE_EXHAUSTED when
  // limits::kKeksMax are not retired yet.
  absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> WithNextKek(AeadSuite suite,
                                                                     bool older_compromised,
                                                                     int64_t now_ms) const;
  // Lets the snapshots from before open what this one seals. Before it is published.
  void Announce() const;
  // Lets go of announced KEKs of terms below `below`. REQUIRES: nobody holds a snapshot whose
  // active term is lower, since it may be using them.
  void ForgetAnnounced(KekTerm below) const;
  // The snapshot without the KEKs of terms below `below`, which are in retired() instead.
  // REQUIRES: below <= active_kek().term.
  std::shared_ptr<const KeyringSnapshot> WithoutKeks(KekTerm below, int64_t now_ms) const;

 private:
  friend class KeyringCodec;  // the decoder of keyring.ktn

  struct FixedKeys {
    SecretBytes index_key, record_hash_key, token_key, audit_mac_key, audit_signing_seed,
        api_key_pepper, revocation_hash_key;
  };

  // The KEKs that came after a snapshot's own, for all snapshots of one unseal.
  struct Later {
    absl::Mutex mu;
    std::vector<std::shared_ptr<const Kek>> keks ABSL_GUARDED_BY(mu);
  };

  Uuid vault_id_;
  std::vector<std::shared_ptr<const Kek>> keks_;
  std::vector<RetiredKek> retired_;
  KekTerm compromised_below_;
  std::shared_ptr<const FixedKeys> fixed_;
  std::shared_ptr<Later> later_ = std::make_shared<Later>();
};

}  // namespace keyturn
