// A change of the root key from its beginning to the point where it can be put in force: who may
// have the present keys shows them, and holders of new ones show that they got them. Works on
// slots; touches no file but "<key_file>.next". Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring.h"
#include "keyring/share_collector.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {

class RekeySession {
 public:
  // `present`: of seal.ktn. `seals`: the new ones; empty: the present ones keep their keys. Takes
  // seconds for a passphrase. INVALID_ARGUMENT as MakeSlot; FAILED_PRECONDITION for a key file that
  // is there without being a seal. `options` outlives this.
  static absl::StatusOr<std::unique_ptr<RekeySession>> Start(const record::v1::SealFile& present,
                                                             std::vector<SealSpec> seals,
                                                             const KeyringOptions& options,
                                                             absl::Time now);
  ~RekeySession();
  RekeySession(const RekeySession&) = delete;
  RekeySession& operator=(const RekeySession&) = delete;

  // One key of the phase. Takes seconds for a passphrase. UNAUTHENTICATED for a wrong one (shares
  // are then forgotten), FAILED_PRECONDITION for a seal that this phase does not ask for.
  absl::Status Give(const SealKey& key);
  // Whether every phase has ended.
  bool finished() const { return finished_; }
  RekeyStatus status() const;
  // The new shares, once.
  std::vector<SecretBytes> TakeShares();

  // REQUIRES: finished().
  const std::vector<record::v1::SealSlot>& slots() const { return slots_; }
  SecretBytes TakeRootKey() { return std::move(root_key_); }

 private:
  // A seal to be opened in this phase.
  struct Pending {
    record::v1::SealSlot slot;
    ShareCollector shares;
    bool done = false;
  };

  RekeySession(const record::v1::SealFile& present, const KeyringOptions& options, absl::Time now);
  absl::Status MakeSlots(std::vector<SealSpec> seals);
  absl::StatusOr<Pending*> Find(SealSpec::Type type);
  absl::StatusOr<std::optional<SecretBytes>> UnsealKey(Pending& seal, const SealKey& key) const;
  bool PhaseDone() const;
  absl::Status NextPhase();
  void Await(const std::vector<record::v1::SealSlot>& slots);

  const Uuid vault_id_;
  const KeyringOptions& options_;
  const absl::Time started_;
  const std::string nonce_;
  bool root_key_only_ = true;
  bool has_key_file_ = false;  // among the present seals
  RekeyStatus::Phase phase_ = RekeyStatus::Phase::kAuthorize;
  bool finished_ = false;
  std::vector<Pending> pending_;
  SecretBytes root_key_;
  std::vector<record::v1::SealSlot> slots_;  // with root_key_
  std::vector<SecretBytes> shares_;
};

}  // namespace keyturn
