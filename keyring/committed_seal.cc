#include "keyring/committed_seal.h"

#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

constexpr size_t kHeaderSize = kSealedHeaderBytes;
constexpr size_t kSaltSize = 32;
constexpr size_t kCommitmentSize = 32;
constexpr absl::string_view kMagic = "KTN1";

std::string EncodeHeader(const SealHeader& header) {
  std::string out;
  out.push_back(static_cast<char>(header.suite));
  out.push_back(static_cast<char>(header.purpose));
  AppendBigEndian32(static_cast<uint32_t>(header.term.value()), &out);
  AppendBigEndian64(header.generation, &out);
  return out;
}

std::string AssociatedData(absl::string_view header, const Uuid& vault_id,
                           absl::string_view place) {
  std::string out(kMagic);
  out.append(header.data(), header.size());
  out.append(vault_id.bytes().data(), Uuid::kSize);
  AppendLengthPrefixed(place, &out);
  return out;
}

// 32 bytes of AEAD key, then 32 of commitment.
absl::StatusOr<SecretBytes> Derive(const SecretBytes& key, absl::string_view salt,
                                   Purpose purpose) {
  std::string info = "keyturn/seal/v1";
  info.push_back(static_cast<char>(purpose));
  return HkdfSha256(key.ExposeForCrypto(), salt, info, kAeadKeySize + kCommitmentSize);
}

absl::Status BadRecord(Purpose purpose) {
  return absl::DataLossError(absl::StrCat("a sealed record of purpose ", static_cast<int>(purpose),
                                          " does not open: corrupted or tampered with"));
}

}  // namespace

absl::StatusOr<std::string> SealCommitted(const SecretBytes& key, const SealHeader& header,
                                          const Uuid& vault_id, absl::string_view place,
                                          absl::string_view plaintext) {
  std::string out = EncodeHeader(header);
  const std::string aad = AssociatedData(out, vault_id, place);
  const std::string salt = RandomBytes(kSaltSize);
  ASSIGN_OR_RETURN(const SecretBytes derived, Derive(key, salt, header.purpose));
  const absl::string_view material = derived.ExposeForCrypto();
  ASSIGN_OR_RETURN(const std::string sealed,
                   AeadSeal(header.suite, material.substr(0, kAeadKeySize), aad, plaintext));
  out.append(salt);
  out.append(material.data() + kAeadKeySize, kCommitmentSize);
  out.append(sealed);
  return out;
}

std::optional<SealHeader> ReadSealHeader(absl::string_view sealed) {
  if (sealed.size() < kHeaderSize + kSaltSize + kCommitmentSize) return std::nullopt;
  SealHeader header;
  const uint8_t suite = *ReadByte(&sealed);
  if (!IsAeadSuite(suite)) return std::nullopt;
  header.suite = static_cast<AeadSuite>(suite);
  header.purpose = static_cast<Purpose>(*ReadByte(&sealed));
  header.term = KekTerm(*ReadBigEndian32(&sealed));
  header.generation = *ReadBigEndian64(&sealed);
  return header;
}

absl::StatusOr<SecretBytes> OpenCommitted(const SecretBytes& key, Purpose purpose,
                                          const Uuid& vault_id, absl::string_view place,
                                          absl::string_view sealed) {
  const std::optional<SealHeader> header = ReadSealHeader(sealed);
  if (!header.has_value() || header->purpose != purpose) return BadRecord(purpose);
  const absl::string_view salt = sealed.substr(kHeaderSize, kSaltSize);
  const absl::string_view commitment = sealed.substr(kHeaderSize + kSaltSize, kCommitmentSize);
  ASSIGN_OR_RETURN(const SecretBytes derived, Derive(key, salt, purpose));
  const absl::string_view material = derived.ExposeForCrypto();
  if (!ConstantTimeEquals(material.substr(kAeadKeySize), commitment)) return BadRecord(purpose);
  absl::StatusOr<SecretBytes> opened =
      AeadOpen(header->suite, material.substr(0, kAeadKeySize),
               AssociatedData(sealed.substr(0, kHeaderSize), vault_id, place),
               sealed.substr(kHeaderSize + kSaltSize + kCommitmentSize));
  if (absl::IsDataLoss(opened.status())) return BadRecord(purpose);
  return opened;
}

}  // namespace keyturn
