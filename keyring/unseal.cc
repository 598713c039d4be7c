// Unsealing: from a key, a passphrase or shares to the root key, and from there to all others.
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/anchor.h"
#include "keyring/key_file.h"
#include "keyring/keyring_codec.h"
#include "keyring/keyring_impl.h"
#include "keyring/seal_file.h"
#include "keyring/seal_slot.h"

namespace keyturn {

using record::v1::SealFile;
using record::v1::SealSlot;

absl::StatusOr<std::vector<KeyringImpl::Candidate>> KeyringImpl::Candidates(
    SealSlot::Type type) const {
  if (seal_.slots().empty()) {
    return absl::FailedPreconditionError(
        "the vault is not initialised; run: keyturn operator init");
  }
  std::vector<Candidate> found;
  std::string have;
  for (const bool next : {true, false}) {
    for (const SealSlot& slot : next ? seal_.next_slots() : seal_.slots()) {
      if (slot.type() == type) found.push_back({slot, next});
      if (!next) absl::StrAppend(&have, have.empty() ? "" : ", ", SealName(slot.type()));
    }
  }
  if (!found.empty()) return found;
  return absl::FailedPreconditionError(
      absl::StrCat("the vault has no ", SealName(type), " seal; it has: ", have));
}

absl::Status KeyringImpl::UnsealWithKeyFile(Revision store_revision) {
  const absl::MutexLock lock(&mu_);
  if (unsealed()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, Candidates(SealSlot::KEY_FILE));
  if (options_.key_file.empty()) {
    return absl::FailedPreconditionError("key_file is not set in the server's configuration");
  }
  absl::Status problem;
  // A crash may have come between the new seal and the new file's name.
  for (const std::string& path : {options_.key_file, NextKeyFile(options_.key_file)}) {
    const absl::StatusOr<SecretBytes> key = ReadKeyFile(path);
    for (const Candidate& candidate : candidates) {
      absl::Status opened =
          key.ok() ? OpenWith(candidate, *key, store_revision) : absl::Status(key.status());
      if (absl::IsNotFound(opened)) opened = absl::FailedPreconditionError(opened.message());
      if (opened.ok() && path != options_.key_file) TakeNextKeyFile();
      if (opened.ok()) return opened;
      if (problem.ok() || absl::IsUnauthenticated(problem)) problem = opened;
    }
    if (!std::filesystem::exists(NextKeyFile(options_.key_file))) break;
  }
  return problem;
}

void KeyringImpl::TakeNextKeyFile() {
  const absl::Status promoted = PromoteNextKeyFile(options_.key_file);
  if (promoted.ok()) return;
  LogError("the new key file has not taken its name yet",
           {{"error", std::string(promoted.message())}});
}

absl::Status KeyringImpl::UnsealWithPassphrase(const SecretBytes& passphrase,
                                               Revision store_revision) {
  std::vector<Candidate> candidates;
  {
    const absl::MutexLock lock(&mu_);
    if (unsealed()) return absl::OkStatus();
    ASSIGN_OR_RETURN(candidates, Candidates(SealSlot::PASSPHRASE));
  }
  absl::Status problem;
  for (const Candidate& candidate : candidates) {
    // Seconds of work: status must answer meanwhile.
    ASSIGN_OR_RETURN(const SecretBytes key, PassphraseKey(candidate.slot, passphrase));
    const absl::MutexLock lock(&mu_);
    const absl::Status opened = OpenWith(candidate, key, store_revision);
    if (opened.ok()) return opened;
    if (problem.ok() || absl::IsUnauthenticated(problem)) problem = opened;
  }
  return problem;
}

absl::Status KeyringImpl::UnsealWithShare(const SecretBytes& text, absl::string_view nonce,
                                          Revision store_revision) {
  const absl::MutexLock lock(&mu_);
  if (unsealed()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, Candidates(SealSlot::SHAMIR));
  if (!nonce.empty() && nonce != nonce_) {
    return absl::InvalidArgumentError(
        "the nonce is not that of the unseal under way; ask for the status, or start again with "
        "reset");
  }
  absl::StatusOr<std::optional<SecretBytes>> key = absl::InvalidArgumentError("no slot");
  const Candidate* slot = nullptr;
  for (const Candidate& candidate : candidates) {
    slot = &candidate;
    key = shares_.Add(candidate.slot, text);
    if (key.ok()) break;
  }
  if (shares_.given() == 0) {
    nonce_.clear();
  } else if (nonce_.empty()) {
    nonce_ = HexEncode(RandomBytes(8));
  }
  RETURN_IF_ERROR(key.status());
  if (!key->has_value()) return absl::OkStatus();
  // After a change of the root key alone, the same shares are for both slots.
  absl::Status problem;
  for (const Candidate& candidate : candidates) {
    if (candidate.slot.id() != slot->slot.id()) continue;
    const absl::Status opened = OpenWith(candidate, **key, store_revision);
    if (opened.ok()) return opened;
    if (problem.ok() || absl::IsUnauthenticated(problem)) problem = opened;
  }
  return problem;
}

void KeyringImpl::ResetUnseal() {
  const absl::MutexLock lock(&mu_);
  ForgetShares();
}

absl::Status KeyringImpl::OpenWith(const Candidate& candidate, const SecretBytes& unseal_key,
                                   Revision store_revision) {
  ASSIGN_OR_RETURN(SecretBytes root_key, OpenSlot(candidate.slot, vault_id_, unseal_key));
  absl::StatusOr<KeyringCodec::Opened> opened =
      KeyringCodec::Read(vault_id_, root_key, options_.directory, files_);
  if (absl::IsDataLoss(opened.status()) && !seal_.next_slots().empty()) {
    return absl::FailedPreconditionError(
        candidate.next ? "a change of the seals was cut off before the new ones were in force; "
                         "unseal with the old keys"
                       : "a change of the seals was cut off when the new ones were in force "
                         "already; unseal with the new keys");
  }
  RETURN_IF_ERROR(opened.status());
  RETURN_IF_ERROR(CheckRollback(*opened->keys, store_revision));
  if (!seal_.next_slots().empty()) {
    RETURN_IF_ERROR(SettleRootKey(candidate.next));
    LogWarning("a change of the root key that was cut off has been ended",
               {{"in_force", candidate.next ? "the new one" : "the old one"}});
  }
  Use(std::move(root_key), opened->generation, std::move(opened->keys));
  return absl::OkStatus();
}

absl::Status KeyringImpl::CheckRollback(const KeyringSnapshot& keys, Revision store_revision) {
  Revision seen;
  const absl::Status anchored =
      CheckAnchor(files_, options_.anchor_file, keys, store_revision, &seen);
  const bool older = seen > store_revision;
  if (!(older && options_.accept_rollback)) RETURN_IF_ERROR(anchored);
  rollback_from_ = older ? seen : Revision(0);
  return SaveAnchor(files_, options_.anchor_file, keys, store_revision);
}

absl::Status KeyringImpl::SettleRootKey(bool forward) {
  SealFile settled = seal_;
  if (forward) settled.mutable_slots()->Swap(settled.mutable_next_slots());
  settled.clear_next_slots();
  RETURN_IF_ERROR(WriteSealFile(files_, options_.directory, settled));
  seal_ = std::move(settled);
  if (!forward) RemoveNextKeyFile(options_.key_file);
  return absl::OkStatus();
}

}  // namespace keyturn
