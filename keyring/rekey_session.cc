#include "keyring/rekey_session.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "keyring/key_file.h"
#include "keyring/seal_slot.h"

namespace keyturn {
namespace {

using record::v1::SealFile;
using record::v1::SealSlot;
using Phase = RekeyStatus::Phase;

constexpr size_t kNonceBytes = 8;

}  // namespace

RekeySession::RekeySession(const SealFile& present, const KeyringOptions& options, absl::Time now)
    : vault_id_(*Uuid::FromBytes(present.vault_id())),
      options_(options),
      started_(now),
      nonce_(HexEncode(RandomBytes(kNonceBytes))) {
  Await({present.slots().begin(), present.slots().end()});
  has_key_file_ = Find(SealSpec::Type::kKeyFile).ok();
}

RekeySession::~RekeySession() {
  // It was of no use to anybody, or has taken its name.
  if (!root_key_only_ && !finished_) RemoveNextKeyFile(options_.key_file);
}

absl::StatusOr<std::unique_ptr<RekeySession>> RekeySession::Start(const SealFile& present,
                                                                  std::vector<SealSpec> seals,
                                                                  const KeyringOptions& options,
                                                                  absl::Time now) {
  auto session = std::unique_ptr<RekeySession>(new RekeySession(present, options, now));
  ASSIGN_OR_RETURN(session->root_key_, RandomSecret(kAeadKeySize));
  if (!seals.empty()) RETURN_IF_ERROR(session->MakeSlots(std::move(seals)));
  return session;
}

absl::Status RekeySession::MakeSlots(std::vector<SealSpec> seals) {
  RETURN_IF_ERROR(CheckSeals(seals));
  root_key_only_ = false;
  KeyringOptions waiting = options_;
  if (!options_.key_file.empty()) {
    waiting.key_file = NextKeyFile(options_.key_file);
    RemoveNextKeyFile(options_.key_file);
  }
  for (const SealSpec& spec : seals) {
    std::error_code unknown;
    if (spec.type == SealSpec::Type::kKeyFile && !has_key_file_ && !options_.key_file.empty() &&
        std::filesystem::exists(options_.key_file, unknown)) {
      return absl::FailedPreconditionError(
          absl::StrCat("key file ", options_.key_file,
                       " is there but is no seal of this vault; move it away first"));
    }
    ASSIGN_OR_RETURN(NewSlot made,
                     MakeSlot(spec, waiting, vault_id_, root_key_, absl::ToUnixMillis(started_)));
    slots_.push_back(std::move(made.slot));
    for (SecretBytes& share : made.shares) shares_.push_back(std::move(share));
  }
  return absl::OkStatus();
}

void RekeySession::Await(const std::vector<SealSlot>& slots) {
  pending_.clear();
  for (const SealSlot& slot : slots) pending_.push_back({slot, {}, false});
}

absl::StatusOr<RekeySession::Pending*> RekeySession::Find(SealSpec::Type type) {
  std::string wanted;
  for (Pending& seal : pending_) {
    if (seal.slot.type() == SlotType(type) && !seal.done) return &seal;
    if (!seal.done)
      absl::StrAppend(&wanted, wanted.empty() ? "" : ", ", SealName(seal.slot.type()));
  }
  return absl::FailedPreconditionError(absl::StrCat("no key of a ", SealName(SlotType(type)),
                                                    " seal is asked for now; asked for: ", wanted));
}

absl::StatusOr<std::optional<SecretBytes>> RekeySession::UnsealKey(Pending& seal,
                                                                   const SealKey& key) const {
  absl::StatusOr<SecretBytes> found = absl::InvalidArgumentError("no key");
  switch (key.type) {
    case SealSpec::Type::kShamir:
      return seal.shares.Add(seal.slot, key.secret);
    case SealSpec::Type::kPassphrase:
      found = PassphraseKey(seal.slot, key.secret);
      break;
    case SealSpec::Type::kKeyFile:
      if (options_.key_file.empty()) {
        return absl::FailedPreconditionError("key_file is not set in the server's configuration");
      }
      found = ReadKeyFile(phase_ == Phase::kVerify ? NextKeyFile(options_.key_file)
                                                   : options_.key_file);
      if (absl::IsNotFound(found.status())) {
        return absl::FailedPreconditionError(found.status().message());
      }
      break;
  }
  RETURN_IF_ERROR(found.status());
  return std::optional<SecretBytes>(*std::move(found));
}

absl::Status RekeySession::Give(const SealKey& key) {
  ASSIGN_OR_RETURN(Pending* const seal, Find(key.type));
  ASSIGN_OR_RETURN(const std::optional<SecretBytes> unseal_key, UnsealKey(*seal, key));
  if (!unseal_key.has_value()) return absl::OkStatus();  // shares are missing
  RETURN_IF_ERROR(OpenSlot(seal->slot, vault_id_, *unseal_key).status());
  if (root_key_only_) {
    ASSIGN_OR_RETURN(SealSlot slot, RewrapSlot(seal->slot, vault_id_, *unseal_key, root_key_));
    slots_.push_back(std::move(slot));
  }
  seal->done = true;
  return PhaseDone() ? NextPhase() : absl::OkStatus();
}

bool RekeySession::PhaseDone() const {
  const auto done = [](const Pending& seal) { return seal.done; };
  return status().any_is_enough ? std::any_of(pending_.begin(), pending_.end(), done)
                                : std::all_of(pending_.begin(), pending_.end(), done);
}

absl::Status RekeySession::NextPhase() {
  if (root_key_only_ || phase_ == Phase::kVerify) {
    finished_ = true;
    return absl::OkStatus();
  }
  phase_ = Phase::kVerify;
  Await(slots_);
  // The server is the holder of the key file.
  if (!Find(SealSpec::Type::kKeyFile).ok()) return absl::OkStatus();
  return Give({SealSpec::Type::kKeyFile, {}});
}

RekeyStatus RekeySession::status() const {
  RekeyStatus out;
  out.phase = phase_;
  out.nonce = nonce_;
  out.root_key_only = root_key_only_;
  out.started = started_;
  out.any_is_enough = phase_ == Phase::kAuthorize && !root_key_only_;
  for (const Pending& seal : pending_) {
    out.seals.push_back({SealName(seal.slot.type()), seal.shares.given(),
                         static_cast<int>(seal.slot.threshold()), seal.done});
  }
  return out;
}

std::vector<SecretBytes> RekeySession::TakeShares() {
  if (phase_ != Phase::kVerify) return {};
  return std::move(shares_);
}

}  // namespace keyturn
