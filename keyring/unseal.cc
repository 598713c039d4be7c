// Unsealing: from a key, a passphrase or shares to the root key, and from there to all others.
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/anchor.h"
#include "keyring/key_file.h"
#include "keyring/keyring_codec.h"
#include "keyring/keyring_impl.h"
#include "keyring/seal_slot.h"
#include "keyring/share_text.h"

namespace keyturn {

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
  absl::StatusOr<SecretBytes> key = ReadKeyFile(options_.key_file);
  absl::Status problem = absl::IsNotFound(key.status())
                             ? absl::FailedPreconditionError(key.status().message())
                             : absl::Status(key.status());
  if (key.ok()) problem = OpenWithAny(candidates, *key, store_revision);
  if (problem.ok()) return problem;
  // A crash may have come between the new seal and the new file's name.
  key = ReadKeyFile(NextKeyFile(options_.key_file));
  if (key.ok() && OpenWithAny(candidates, *key, store_revision).ok()) return absl::OkStatus();
  return problem;
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
  ASSIGN_OR_RETURN(const TextShare share, DecodeShare(text.ExposeForCrypto()));
  // After a change of the root key alone, the same shares are for both slots.
  std::vector<Candidate> of_share;
  for (const Candidate& candidate : candidates) {
    if (candidate.slot.id().substr(0, share.slot_prefix.size()) == share.slot_prefix) {
      of_share.push_back(candidate);
    }
  }
  if (of_share.empty()) {
    return absl::InvalidArgumentError("the share belongs to another vault or an older seal");
  }
  const absl::StatusOr<std::optional<SecretBytes>> key = shares_.Add(of_share[0].slot, text);
  if (shares_.given() == 0) {
    nonce_.clear();
  } else if (nonce_.empty()) {
    nonce_ = HexEncode(RandomBytes(8));
  }
  RETURN_IF_ERROR(key.status());
  if (!key->has_value()) return absl::OkStatus();
  return OpenWithAny(of_share, **key, store_revision);
}

absl::Status KeyringImpl::OpenWithAny(const std::vector<Candidate>& candidates,
                                      const SecretBytes& unseal_key, Revision store_revision) {
  absl::Status problem;
  for (const Candidate& candidate : candidates) {
    const absl::Status opened = OpenWith(candidate, unseal_key, store_revision);
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
  KEYTURN_FAILPOINT("keyring/unseal-slot-opened");
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
  KEYTURN_FAILPOINT("keyring/unseal-anchored");
  if (!seal_.next_slots().empty()) {
    LogWarning("a change of the root key that was cut off is being ended",
               {{"in_force", candidate.next ? "the new one" : "the old one"}});
    unsettled_ = candidate.next;
  }
  if (const absl::Status settled = Settle();
      !settled.ok()) {  // the vault opens all the same, now and at the next unseal
    LogError("a change of the root key is not ended yet",
             {{"error", std::string(settled.message())}});
  }
  KEYTURN_FAILPOINT("keyring/unseal-settled");
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

}  // namespace keyturn
