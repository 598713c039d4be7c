// Changing the root key. Two files are involved, and a crash may come between any two writes:
//   1. seal.ktn gets the next root key's slots beside the present ones
//   2. both copies of keyring.ktn are written under the next root key, one after the other
//   3. seal.ktn keeps the next slots only
//   4. a new key file takes its name
// After 1 either root key may be in force; which one is, the copies of keyring.ktn tell. Unsealing
// ends what was cut off (unseal.cc, Settle).
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "keyring/key_file.h"
#include "keyring/keyring_codec.h"
#include "keyring/keyring_impl.h"
#include "keyring/seal_file.h"
#include "keyring/seal_slot.h"

namespace keyturn {

using record::v1::SealFile;

absl::StatusOr<RekeyStatus> KeyringImpl::StartRekey(std::vector<SealSpec> seals) {
  const absl::MutexLock lock(&rekey_mu_);
  RETURN_IF_ERROR(Snapshot().status());
  if (rekey_ != nullptr) {
    return absl::FailedPreconditionError(
        "a change of the root key is under way; see: keyturn operator rekey status");
  }
  SealFile present;
  {
    const absl::MutexLock state(&mu_);
    RETURN_IF_ERROR(SettleEarlier());
    present = seal_;
  }
  ASSIGN_OR_RETURN(rekey_, RekeySession::Start(present, std::move(seals), options_, clock_.Now()));
  return rekey_->status();
}

absl::StatusOr<RekeyStep> KeyringImpl::GiveRekeyKey(const SealKey& key, absl::string_view nonce) {
  const absl::MutexLock lock(&rekey_mu_);
  RETURN_IF_ERROR(Snapshot().status());
  if (rekey_ == nullptr) {
    return absl::FailedPreconditionError(
        "no change of the root key is under way; start one: keyturn operator rekey start");
  }
  if (nonce != rekey_->status().nonce) {
    return absl::InvalidArgumentError(
        "the nonce is not that of the change under way; see: keyturn operator rekey status");
  }
  RETURN_IF_ERROR(rekey_->Give(key));
  RekeyStep step;
  if (!rekey_->finished()) {
    step.status = rekey_->status();
    step.shares = rekey_->TakeShares();
    return step;
  }
  const std::unique_ptr<RekeySession> session = std::move(rekey_);
  last_rekey_in_force_ = false;
  RETURN_IF_ERROR(PutInForce(*session));
  last_rekey_in_force_ = true;
  step.finished = true;
  return step;
}

absl::Status KeyringImpl::CancelRekey() {
  if (DropRekey()) return absl::OkStatus();
  const absl::MutexLock lock(&rekey_mu_);
  return absl::FailedPreconditionError(
      absl::StrCat("no change of the root key is under way, and nothing was changed",
                   last_rekey_in_force_ ? ": the last one was finished and is in force, so "
                                        : "; if one was finished, ",
                   "the shares, passphrase or key file it ended with are those to keep"));
}

bool KeyringImpl::DropRekey() {
  const absl::MutexLock lock(&rekey_mu_);
  if (rekey_ == nullptr) return false;
  last_rekey_in_force_ = false;
  rekey_.reset();
  return true;
}

RekeyStatus KeyringImpl::rekey_status() const {
  const absl::MutexLock lock(&rekey_mu_);
  return rekey_ == nullptr ? RekeyStatus() : rekey_->status();
}

absl::Status KeyringImpl::PutInForce(RekeySession& session) {
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
  SecretBytes root_key = session.TakeRootKey();
  SealFile both = seal_;
  *both.mutable_next_slots() = {session.slots().begin(), session.slots().end()};
  KEYTURN_FAILPOINT("keyring/rekey-ready");
  absl::Status written = WriteSealFile(files_, options_.directory, both);
  KEYTURN_FAILPOINT("keyring/rekey-both-sealed");
  if (written.ok()) written = WriteKeys(*keys, root_key);
  KEYTURN_FAILPOINT("keyring/rekey-keys-written");
  seal_ = std::move(both);
  unsettled_ = written.ok();
  if (!written.ok()) {
    // Back to the root key that is in use, as far as the disk lets us.
    SettleEarlier().IgnoreError();
    return absl::Status(written.code(),
                        absl::StrCat("the root key was not changed, but the next unseal may find "
                                     "the new one: keep the keys of old and new seals until then: ",
                                     written.message()));
  }
  root_key_ = std::move(root_key);
  // The new root key is in force. What is left to do takes nothing away from that, and the next
  // unseal or change does it if this fails: the old slots open a root key that opens nothing.
  KEYTURN_FAILPOINT("keyring/rekey-in-force");
  const absl::Status settled = Settle();
  if (!settled.ok()) {
    LogError("the new root key is in force, but seal.ktn or the key file is not as it will be",
             {{"error", std::string(settled.message())}});
  }
  return absl::OkStatus();
}

absl::Status KeyringImpl::SettleEarlier() {
  if (unsettled_.has_value()) {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, Snapshot());
    // A copy may be under the other root key.
    RETURN_IF_ERROR(WriteKeys(*keys, root_key_));
  }
  return Settle();
}

absl::Status KeyringImpl::Settle() {
  if (unsettled_.has_value()) {
    SealFile settled = seal_;
    if (*unsettled_) settled.mutable_slots()->Swap(settled.mutable_next_slots());
    settled.clear_next_slots();
    RETURN_IF_ERROR(WriteSealFile(files_, options_.directory, settled));
    KEYTURN_FAILPOINT("keyring/rekey-settled");
    seal_ = std::move(settled);
    unsettled_.reset();
  }
  return TakeNextKeyFile();
}

absl::Status KeyringImpl::TakeNextKeyFile() {
  if (options_.key_file.empty()) return absl::OkStatus();
  const absl::StatusOr<SecretBytes> key = ReadKeyFile(NextKeyFile(options_.key_file));
  if (absl::IsNotFound(key.status())) return absl::OkStatus();
  for (const record::v1::SealSlot& slot : seal_.slots()) {
    if (slot.type() != record::v1::SealSlot::KEY_FILE) continue;
    RETURN_IF_ERROR(key.status());
    if (!OpenSlot(slot, vault_id_, *key).ok()) continue;  // it is of a change that came to nothing
    RETURN_IF_ERROR(PromoteNextKeyFile(options_.key_file));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
