#include "keyring/seal_slot.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/password_hash.h"
#include "crypto/random.h"
#include "keyring/committed_seal.h"
#include "keyring/key_file.h"
#include "keyring/share_text.h"

namespace keyturn {
namespace {

using record::v1::SealSlot;

absl::StatusOr<SecretBytes> KeyFileKey(const KeyringOptions& options) {
  if (options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "the key file seal needs key_file in the server's configuration");
  }
  absl::StatusOr<SecretBytes> existing = ReadKeyFile(options.key_file);
  if (!absl::IsNotFound(existing.status())) return existing;
  return CreateKeyFile(options.key_file);
}

absl::Status CheckPassphrase(const SecretBytes& passphrase) {
  if (passphrase.size() >= limits::kPassphraseBytesMin &&
      passphrase.size() <= limits::kPassphraseBytesMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the passphrase has ", passphrase.size(), " bytes; allowed are ",
                   limits::kPassphraseBytesMin, " to ", limits::kPassphraseBytesMax));
}

absl::StatusOr<SecretBytes> NewPassphraseKey(const SealSpec& spec, const KeyringOptions& options,
                                             SealSlot* slot) {
  RETURN_IF_ERROR(CheckPassphrase(spec.passphrase));
  slot->mutable_argon2()->set_salt(RandomBytes(kArgon2SaltSize));
  slot->mutable_argon2()->set_iterations(options.argon2.iterations);
  slot->mutable_argon2()->set_memory_bytes(options.argon2.memory_bytes);
  return PassphraseKey(*slot, spec.passphrase);
}

absl::StatusOr<SecretBytes> NewShamirKey(const SealSpec& spec, SealSlot* slot,
                                         std::vector<SecretBytes>* shares) {
  slot->set_shares(static_cast<uint32_t>(spec.shares));
  slot->set_threshold(static_cast<uint32_t>(spec.threshold));
  ASSIGN_OR_RETURN(SecretBytes key, RandomSecret(kAeadKeySize));
  ASSIGN_OR_RETURN(std::vector<ShamirShare> split, ShamirSplit(key, spec.shares, spec.threshold));
  for (ShamirShare& share : split) {
    const TextShare text{slot->id().substr(0, 4), spec.threshold, std::move(share)};
    ASSIGN_OR_RETURN(SecretBytes encoded, EncodeShare(text));
    shares->push_back(std::move(encoded));
  }
  return key;
}

absl::StatusOr<std::string> WrapRootKey(const SealSlot& slot, const Uuid& vault_id,
                                        const SecretBytes& unseal_key,
                                        const SecretBytes& root_key) {
  const SealHeader header{.suite = AeadSuite::kAes256Gcm,
                          .purpose = Purpose::kRootKeyWrap,
                          .term = KekTerm(0),
                          .generation = 0};
  return SealCommitted(unseal_key, header, vault_id, slot.id(), root_key.ExposeForCrypto());
}

absl::StatusOr<SecretBytes> NewUnsealKey(const SealSpec& spec, const KeyringOptions& options,
                                         NewSlot* out) {
  switch (spec.type) {
    case SealSpec::Type::kKeyFile:
      return KeyFileKey(options);
    case SealSpec::Type::kPassphrase:
      return NewPassphraseKey(spec, options, &out->slot);
    case SealSpec::Type::kShamir:
      return NewShamirKey(spec, &out->slot, &out->shares);
  }
  return absl::InvalidArgumentError("unknown seal; allowed: keyfile, passphrase, shamir");
}

}  // namespace

SealSlot::Type SlotType(SealSpec::Type type) {
  switch (type) {
    case SealSpec::Type::kKeyFile:
      return SealSlot::KEY_FILE;
    case SealSpec::Type::kPassphrase:
      return SealSlot::PASSPHRASE;
    case SealSpec::Type::kShamir:
      return SealSlot::SHAMIR;
  }
  return SealSlot::TYPE_UNSPECIFIED;
}

std::string SealName(SealSlot::Type type) {
  switch (type) {
    case SealSlot::KEY_FILE:
      return "keyfile";
    case SealSlot::PASSPHRASE:
      return "passphrase";
    case SealSlot::SHAMIR:
      return "shamir";
    default:
      return "unknown";
  }
}

absl::StatusOr<NewSlot> MakeSlot(const SealSpec& spec, const KeyringOptions& options,
                                 const Uuid& vault_id, const SecretBytes& root_key,
                                 int64_t created_ms) {
  NewSlot out;
  out.slot.set_id(RandomBytes(16));
  out.slot.set_type(SlotType(spec.type));
  out.slot.set_created_ms(created_ms);
  ASSIGN_OR_RETURN(const SecretBytes unseal_key, NewUnsealKey(spec, options, &out));
  ASSIGN_OR_RETURN(*out.slot.mutable_wrapped_root_key(),
                   WrapRootKey(out.slot, vault_id, unseal_key, root_key));
  return out;
}

absl::Status CheckSeals(absl::Span<const SealSpec> seals) {
  if (seals.empty()) {
    return absl::InvalidArgumentError("no seal given; allowed: keyfile, passphrase, shamir");
  }
  for (size_t i = 0; i < seals.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (seals[i].type == seals[j].type) {
        return absl::InvalidArgumentError("the same type of seal was given twice");
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SealSlot> RewrapSlot(const SealSlot& slot, const Uuid& vault_id,
                                    const SecretBytes& unseal_key, const SecretBytes& root_key) {
  SealSlot out = slot;
  ASSIGN_OR_RETURN(*out.mutable_wrapped_root_key(),
                   WrapRootKey(slot, vault_id, unseal_key, root_key));
  return out;
}

absl::StatusOr<SecretBytes> PassphraseKey(const SealSlot& slot, const SecretBytes& passphrase) {
  const Argon2Params params{slot.argon2().iterations(), slot.argon2().memory_bytes()};
  absl::StatusOr<SecretBytes> key =
      Argon2idKey(passphrase.ExposeForCrypto(), slot.argon2().salt(), params);
  if (absl::IsInvalidArgument(key.status())) {
    return absl::DataLossError(absl::StrCat("seal.ktn: ", key.status().message()));
  }
  return key;
}

absl::StatusOr<SecretBytes> OpenSlot(const SealSlot& slot, const Uuid& vault_id,
                                     const SecretBytes& unseal_key) {
  absl::StatusOr<SecretBytes> root = OpenCommitted(unseal_key, Purpose::kRootKeyWrap, vault_id,
                                                   slot.id(), slot.wrapped_root_key());
  if (absl::IsDataLoss(root.status())) {
    return absl::UnauthenticatedError(
        absl::StrCat("the ", SealName(slot.type()), " does not open this vault"));
  }
  return root;
}

}  // namespace keyturn
