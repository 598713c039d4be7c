// Payload and wrapped key of a version: damage is refused, and so is another place. Of payloads
// made by hand, as docs/FORMAT.md has them, those open whose padding is right, to what stands
// before it.
#include "base/coding.h"
#include "keyring/envelope.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::string PayloadByHand(const VersionPlace& place, AeadSuite suite, const SecretBytes& dek,
                          absl::string_view padded) {
  const std::string head = {static_cast<char>(suite), 1};
  std::string aad = {'K', 'T', 'N', '1', 1, 3, head[0]};
  aad.append(std::string(FixedVault().bytes()));
  aad.append(std::string(place.secret.bytes()));
  AppendBigEndian64(place.version.value(), &aad);
  AppendBigEndian32(place.kind, &aad);
  AppendBigEndian64(static_cast<uint64_t>(place.created_ms), &aad);
  return head + Must(AeadSeal(suite, dek.ExposeForCrypto(), aad, padded), "it is sealed");
}

void CheckPadding(const VersionPlace& place, AeadSuite suite, const SecretBytes& dek,
                  absl::string_view padded) {
  const absl::StatusOr<SecretBytes> opened =
      OpenPayload(FixedKeys(), place, dek, PayloadByHand(place, suite, dek, padded));
  const size_t mark = padded.find_last_not_of('\0');
  const bool right = mark != absl::string_view::npos && padded[mark] == '\x80';
  Require(opened.ok() == right, "padding is 0x80, then zeros");
  if (right) Require(opened->ExposeForCrypto() == padded.substr(0, mark), "what stands before it");
}

}  // namespace

void FuzzVersion(absl::string_view input) {
  const auto suite =
      (TakeByte(&input) & 1) == 0 ? AeadSuite::kAes256Gcm : AeadSuite::kXChaCha20Poly1305;
  VersionPlace place{.secret = FixedVault(),
                     .version = SecretVersion(TakeNumber(&input)),
                     .kind = TakeByte(&input),
                     .created_ms = static_cast<int64_t>(TakeNumber(&input))};
  const absl::string_view plaintext = TakeText(&input);
  const KeyringSnapshot& keys = FixedKeys();
  const SealedVersion sealed =
      Must(SealVersion(FixedKeys(suite), place, plaintext), "it is sealed");
  const SecretBytes dek = Must(UnwrapDek(keys, place, sealed.wrapped_dek), "its key is unwrapped");
  Require(Must(OpenPayload(keys, place, dek, sealed.payload), "it opens").ExposeForCrypto() ==
              plaintext,
          "to what was sealed");
  CheckPadding(place, suite, dek, plaintext);

  const std::string wrapped = Damage(sealed.wrapped_dek, &input);
  Require(UnwrapDek(keys, place, wrapped).ok() == (wrapped == sealed.wrapped_dek), "damaged key");
  Require(RewrapDek(keys, place, wrapped).ok() == (wrapped == sealed.wrapped_dek), "as well");
  const std::string payload = Damage(sealed.payload, &input);
  const bool whole = payload == sealed.payload;
  Require(OpenPayload(keys, place, dek, payload).ok() == whole, "damaged payload");
  Require(ReencryptVersion(keys, place, sealed.wrapped_dek, payload).ok() == whole, "as well");
  place.created_ms ^= 1;
  Require(!UnwrapDek(keys, place, sealed.wrapped_dek).ok(), "a key has its place");
  Require(!OpenPayload(keys, place, dek, sealed.payload).ok(), "a payload has its place");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzVersion)
