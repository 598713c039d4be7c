#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyring/committed_seal.h"
#include "keyring/envelope.h"

namespace keyturn {
namespace {

constexpr uint8_t kPayloadFormat = 1;
constexpr size_t kPayloadHeaderSize = 2;  // suite, format
constexpr uint8_t kPadMark = 0x80;

// What both the payload and its DEK are bound to.
std::string EncodePlace(const VersionPlace& place) {
  std::string out(place.secret.bytes());
  AppendBigEndian64(place.version.value(), &out);
  AppendBigEndian32(place.kind, &out);
  AppendBigEndian64(static_cast<uint64_t>(place.created_ms), &out);
  return out;
}

std::string PayloadAssociatedData(const KeyringSnapshot& keys, const VersionPlace& place,
                                  uint8_t suite) {
  std::string out = "KTN1";
  out.push_back(static_cast<char>(kPayloadFormat));
  out.push_back(static_cast<char>(Purpose::kPayload));
  out.push_back(static_cast<char>(suite));
  out.append(keys.vault_id().bytes().data(), Uuid::kSize);
  out.append(EncodePlace(place));
  return out;
}

// Sizes on disk are a few steps, so that they say little about a value.
size_t PaddedSize(size_t size) {
  for (const size_t step : {64, 256, 1024, 4096, 16384, 65536}) {
    if (size <= step) return step;
  }
  return (size + 65535) / 65536 * 65536;
}

// ISO/IEC 7816-4 padding: one 0x80, then zeros.
absl::StatusOr<SecretBytes> Pad(absl::string_view plaintext) {
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(PaddedSize(plaintext.size() + 1)));
  if (!plaintext.empty()) std::memcpy(out.Mutable().data(), plaintext.data(), plaintext.size());
  out.Mutable()[plaintext.size()] = static_cast<char>(kPadMark);
  return out;
}

absl::Status Unpad(SecretBytes* padded) {
  const absl::string_view bytes = padded->ExposeForCrypto();
  size_t size = bytes.size();
  while (size > 0 && bytes[size - 1] == 0) --size;
  if (size == 0 || static_cast<uint8_t>(bytes[size - 1]) != kPadMark) {
    return absl::DataLossError("the padding of a payload is wrong");
  }
  padded->Truncate(size - 1);
  return absl::OkStatus();
}

absl::StatusOr<std::string> WrapDek(const KeyringSnapshot& keys, const VersionPlace& place,
                                    const SecretBytes& dek) {
  const Kek& kek = keys.active_kek();
  const SealHeader header{
      .suite = kek.suite, .purpose = Purpose::kDekWrap, .term = kek.term, .generation = 0};
  kek.uses.fetch_add(1, std::memory_order_relaxed);
  return SealCommitted(kek.key, header, keys.vault_id(), EncodePlace(place), dek.ExposeForCrypto());
}

absl::StatusOr<SealedVersion> SealPadded(const KeyringSnapshot& keys, const VersionPlace& place,
                                         const SecretBytes& padded) {
  const AeadSuite suite = keys.active_kek().suite;
  const auto suite_byte = static_cast<uint8_t>(suite);
  ASSIGN_OR_RETURN(const SecretBytes dek, RandomSecret(kAeadKeySize));
  ASSIGN_OR_RETURN(
      const std::string sealed,
      AeadSeal(suite, dek.ExposeForCrypto(), PayloadAssociatedData(keys, place, suite_byte),
               padded.ExposeForCrypto()));
  SealedVersion out;
  out.payload.push_back(static_cast<char>(suite_byte));
  out.payload.push_back(static_cast<char>(kPayloadFormat));
  out.payload.append(sealed);
  ASSIGN_OR_RETURN(out.wrapped_dek, WrapDek(keys, place, dek));
  return out;
}

absl::StatusOr<SecretBytes> OpenPadded(const KeyringSnapshot& keys, const VersionPlace& place,
                                       const SecretBytes& dek, absl::string_view payload) {
  if (payload.size() < kPayloadHeaderSize || !IsAeadSuite(static_cast<uint8_t>(payload[0])) ||
      static_cast<uint8_t>(payload[1]) != kPayloadFormat) {
    return absl::DataLossError("a payload is malformed");
  }
  const auto suite = static_cast<uint8_t>(payload[0]);
  return AeadOpen(static_cast<AeadSuite>(suite), dek.ExposeForCrypto(),
                  PayloadAssociatedData(keys, place, suite), payload.substr(kPayloadHeaderSize));
}

}  // namespace

absl::StatusOr<SealedVersion> SealVersion(const KeyringSnapshot& keys, const VersionPlace& place,
                                          absl::string_view plaintext) {
  ASSIGN_OR_RETURN(const SecretBytes padded, Pad(plaintext));
  return SealPadded(keys, place, padded);
}

absl::StatusOr<SecretBytes> UnwrapDek(const KeyringSnapshot& keys, const VersionPlace& place,
                                      absl::string_view wrapped_dek) {
  ASSIGN_OR_RETURN(const KekTerm term, TermOf(wrapped_dek));
  const Kek* kek = keys.FindKek(term);
  if (kek == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "a data key is wrapped under key term ", term.value(), ", which is not in the keyring"));
  }
  return OpenCommitted(kek->key, Purpose::kDekWrap, keys.vault_id(), EncodePlace(place),
                       wrapped_dek);
}

absl::StatusOr<SecretBytes> OpenPayload(const KeyringSnapshot& keys, const VersionPlace& place,
                                        const SecretBytes& dek, absl::string_view payload) {
  ASSIGN_OR_RETURN(SecretBytes padded, OpenPadded(keys, place, dek, payload));
  RETURN_IF_ERROR(Unpad(&padded));
  return padded;
}

// Padded as it is: one block of the arena, however large.
absl::StatusOr<SealedVersion> ReencryptVersion(const KeyringSnapshot& keys,
                                               const VersionPlace& place,
                                               absl::string_view wrapped_dek,
                                               absl::string_view payload) {
  ASSIGN_OR_RETURN(const SecretBytes dek, UnwrapDek(keys, place, wrapped_dek));
  ASSIGN_OR_RETURN(const SecretBytes padded, OpenPadded(keys, place, dek, payload));
  return SealPadded(keys, place, padded);
}

absl::StatusOr<std::string> RewrapDek(const KeyringSnapshot& keys, const VersionPlace& place,
                                      absl::string_view wrapped_dek) {
  ASSIGN_OR_RETURN(const SecretBytes dek, UnwrapDek(keys, place, wrapped_dek));
  return WrapDek(keys, place, dek);
}

}  // namespace keyturn
