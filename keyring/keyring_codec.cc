#include "keyring/keyring_codec.h"

#include <cstring>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/committed_seal.h"
#include "keyturn/record/v1/keyring.pb.h"

namespace keyturn {
namespace {

constexpr size_t kKeySize = 32;
constexpr absl::string_view kPlace = "keyring";  // of format 1; each has one of its own

// Protobuf keeps bytes in ordinary strings; they are wiped before it frees them.
void WipeKeys(record::v1::Keyring* message) {
  for (record::v1::Kek& kek : *message->mutable_keks()) WipeString(kek.mutable_key());
  WipeString(message->mutable_index_key());
  WipeString(message->mutable_record_hash_key());
  WipeString(message->mutable_token_key());
  WipeString(message->mutable_audit_mac_key());
  WipeString(message->mutable_audit_signing_seed());
  WipeString(message->mutable_api_key_pepper());
  WipeString(message->mutable_revocation_hash_key());
}

absl::Status CopyKey(const std::string& from, SecretBytes* to) {
  if (from.size() != kKeySize) return absl::DataLossError("the keyring lacks a key");
  ASSIGN_OR_RETURN(*to, SecretBytes::CopyOf(from));
  return absl::OkStatus();
}

std::string Text(const SecretBytes& key) { return std::string(key.ExposeForCrypto()); }

void EncodeRetired(const RetiredKek& kek, record::v1::Kek* out) {
  out->set_term(static_cast<uint32_t>(kek.term.value()));
  out->set_suite(static_cast<uint32_t>(kek.suite));
  out->set_created_ms(kek.created_ms);
  out->set_retired_ms(kek.retired_ms);
  out->set_uses(kek.uses);
  out->set_state(record::v1::Kek::RETIRED);
}

void EncodeKek(const Kek& kek, bool active, record::v1::Kek* out) {
  out->set_term(static_cast<uint32_t>(kek.term.value()));
  out->set_key(Text(kek.key));
  out->set_suite(static_cast<uint32_t>(kek.suite));
  out->set_created_ms(kek.created_ms);
  out->set_state(active ? record::v1::Kek::ACTIVE : record::v1::Kek::DECRYPT_ONLY);
  // Ahead, so that a crash before the next write counts too many and never too few.
  out->set_uses(kek.uses.load() + limits::kKekUsesStep);
}

struct Copy {
  uint64_t generation = 0;
  SecretBytes plain;
};

absl::StatusOr<Copy> ReadCopy(const std::string& path, const Uuid& vault_id,
                              const SecretBytes& root_key, FileSystem& files) {
  ASSIGN_OR_RETURN(const std::string bytes, files.Read(path));
  record::v1::KeyringFile file;
  if (!file.ParseFromString(bytes) || file.vault_id() != vault_id.bytes()) {
    return absl::DataLossError(absl::StrCat(path, " is not a keyring of this vault"));
  }
  absl::StatusOr<SecretBytes> plain =
      OpenCommitted(root_key, Purpose::kKeyring, vault_id, kPlace, file.sealed());
  if (file.format() != kKeyringFormat) {
    // What opens as this format is of this format: the number is damaged.
    if (plain.ok()) return absl::DataLossError(absl::StrCat(path, " has a wrong format number"));
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has format ", file.format(), "; this program reads ", kKeyringFormat));
  }
  Copy copy;
  copy.generation = file.generation();
  ASSIGN_OR_RETURN(copy.plain, std::move(plain));
  // The header inside the seal is the one that counts.
  if (ReadSealHeader(file.sealed())->generation != file.generation()) {
    return absl::DataLossError(absl::StrCat(path, " has a wrong generation"));
  }
  return copy;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> KeyringCodec::Generate(const Uuid& vault_id,
                                                                              int64_t created_ms) {
  auto kek = std::make_shared<Kek>();
  kek->term = KekTerm(1);
  kek->created_ms = created_ms;
  ASSIGN_OR_RETURN(kek->key, RandomSecret(kKeySize));
  auto fixed = std::make_shared<KeyringSnapshot::FixedKeys>();
  for (SecretBytes* key :
       {&fixed->index_key, &fixed->record_hash_key, &fixed->token_key, &fixed->audit_mac_key,
        &fixed->audit_signing_seed, &fixed->api_key_pepper, &fixed->revocation_hash_key}) {
    ASSIGN_OR_RETURN(*key, RandomSecret(kKeySize));
  }
  auto keys = std::make_shared<KeyringSnapshot>();
  keys->vault_id_ = vault_id;
  keys->keks_.push_back(std::move(kek));
  keys->fixed_ = std::move(fixed);
  return keys;
}

absl::StatusOr<SecretBytes> KeyringCodec::Encode(const KeyringSnapshot& keys) {
  record::v1::Keyring message;
  const absl::Cleanup wipe = [&message] { WipeKeys(&message); };
  for (const RetiredKek& kek : keys.retired_) EncodeRetired(kek, message.add_keks());
  for (const std::shared_ptr<const Kek>& kek : keys.keks_) {
    const bool active = kek == keys.keks_.back();
    EncodeKek(*kek, active, message.add_keks());
  }
  message.set_compromised_below(static_cast<uint32_t>(keys.compromised_below_.value()));
  message.set_index_key(Text(keys.index_key()));
  message.set_record_hash_key(Text(keys.record_hash_key()));
  message.set_token_key(Text(keys.token_key()));
  message.set_audit_mac_key(Text(keys.audit_mac_key()));
  message.set_audit_signing_seed(Text(keys.audit_signing_seed()));
  message.set_api_key_pepper(Text(keys.api_key_pepper()));
  message.set_revocation_hash_key(Text(keys.revocation_hash_key()));
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(message.ByteSizeLong()));
  if (!message.SerializeToArray(out.Mutable().data(), static_cast<int>(out.size()))) {
    return absl::InternalError("the keyring does not encode");
  }
  return out;
}

absl::Status KeyringCodec::DecodeKek(const record::v1::Kek& kek, KeyringSnapshot* keys) {
  const bool retired = kek.state() == record::v1::Kek::RETIRED;
  const bool opens =
      kek.state() == record::v1::Kek::ACTIVE || kek.state() == record::v1::Kek::DECRYPT_ONLY;
  if (!retired && !opens) return absl::OkStatus();
  if (kek.suite() > UINT8_MAX || !IsAeadSuite(static_cast<uint8_t>(kek.suite()))) {
    return absl::DataLossError("the keyring names an unknown cipher suite");
  }
  const auto suite = static_cast<AeadSuite>(kek.suite());
  if (retired) {
    keys->retired_.push_back(
        {KekTerm(kek.term()), suite, kek.created_ms(), kek.retired_ms(), kek.uses()});
    return absl::OkStatus();
  }
  // What seals and opens relies on it: the last one is active, and a term has one key.
  const KekTerm before = keys->keks_.empty() ? KekTerm(0) : keys->keks_.back()->term;
  if (KekTerm(kek.term()) <= before) {
    return absl::DataLossError("the terms of the keyring do not ascend");
  }
  auto out = std::make_shared<Kek>();
  out->term = KekTerm(kek.term());
  out->suite = suite;
  RETURN_IF_ERROR(CopyKey(kek.key(), &out->key));
  out->created_ms = kek.created_ms();
  out->uses = kek.uses();
  keys->keks_.push_back(std::move(out));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> KeyringCodec::Decode(
    const Uuid& vault_id, const SecretBytes& plain) {
  record::v1::Keyring message;
  const absl::Cleanup wipe = [&message] { WipeKeys(&message); };
  const absl::string_view bytes = plain.ExposeForCrypto();
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.keks().empty()) {
    return absl::DataLossError("the keyring does not parse");
  }
  auto keys = std::make_shared<KeyringSnapshot>();
  keys->vault_id_ = vault_id;
  for (const record::v1::Kek& kek : message.keks()) {
    RETURN_IF_ERROR(DecodeKek(kek, keys.get()));
  }
  if (keys->keks_.empty()) return absl::DataLossError("the keyring has no active key");
  keys->compromised_below_ = KekTerm(message.compromised_below());
  auto fixed = std::make_shared<KeyringSnapshot::FixedKeys>();
  RETURN_IF_ERROR(CopyKey(message.index_key(), &fixed->index_key));
  RETURN_IF_ERROR(CopyKey(message.record_hash_key(), &fixed->record_hash_key));
  RETURN_IF_ERROR(CopyKey(message.token_key(), &fixed->token_key));
  RETURN_IF_ERROR(CopyKey(message.audit_mac_key(), &fixed->audit_mac_key));
  RETURN_IF_ERROR(CopyKey(message.audit_signing_seed(), &fixed->audit_signing_seed));
  RETURN_IF_ERROR(CopyKey(message.api_key_pepper(), &fixed->api_key_pepper));
  RETURN_IF_ERROR(CopyKey(message.revocation_hash_key(), &fixed->revocation_hash_key));
  keys->fixed_ = std::move(fixed);
  return keys;
}

absl::Status KeyringCodec::Write(const KeyringSnapshot& keys, const SecretBytes& root_key,
                                 uint64_t generation, const std::string& directory,
                                 FileSystem& files) {
  ASSIGN_OR_RETURN(const SecretBytes plain, Encode(keys));
  const SealHeader header{.suite = AeadSuite::kAes256Gcm,
                          .purpose = Purpose::kKeyring,
                          .term = KekTerm(0),
                          .generation = generation};
  record::v1::KeyringFile file;
  file.set_format(kKeyringFormat);
  file.set_vault_id(std::string(keys.vault_id().bytes()));
  file.set_generation(generation);
  ASSIGN_OR_RETURN(*file.mutable_sealed(), SealCommitted(root_key, header, keys.vault_id(), kPlace,
                                                         plain.ExposeForCrypto()));
  const std::string bytes = file.SerializeAsString();
  for (const absl::string_view name : kKeyringCopies) {
    RETURN_IF_ERROR(WriteFileAtomically(files, absl::StrCat(directory, "/", name), bytes, 0600));
    KEYTURN_FAILPOINT("keyring/copy-written");
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyringCodec::Opened> KeyringCodec::Read(const Uuid& vault_id,
                                                        const SecretBytes& root_key,
                                                        const std::string& directory,
                                                        FileSystem& files) {
  std::optional<Copy> best;
  absl::Status problem;
  bool uneven = false;
  for (const absl::string_view name : kKeyringCopies) {
    absl::StatusOr<Copy> copy =
        ReadCopy(absl::StrCat(directory, "/", name), vault_id, root_key, files);
    // Another program's: what it knows of keys must not be written over.
    if (absl::IsFailedPrecondition(copy.status())) return copy.status();
    if (!copy.ok()) {
      LogWarning("a copy of the keyring is bad", {{"file", name}});
      problem = copy.status();
      uneven = true;
      continue;
    }
    uneven = uneven || (best.has_value() && best->generation != copy->generation);
    if (!best.has_value() || copy->generation > best->generation) best = *std::move(copy);
  }
  if (!best.has_value()) {
    return absl::DataLossError(absl::StrCat("no copy of the keyring opens: ", problem.message()));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const KeyringSnapshot> keys, Decode(vault_id, best->plain));
  if (uneven) {
    RETURN_IF_ERROR(Write(*keys, root_key, ++best->generation, directory, files));
    KEYTURN_FAILPOINT("keyring/copies-evened");
  }
  return Opened{std::move(keys), best->generation};
}

}  // namespace keyturn
