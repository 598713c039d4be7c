#include "rotation/jwt/refresh_token.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

constexpr size_t kPartsSize = Uuid::kSize + sizeof(uint64_t);

absl::StatusOr<std::string> MacOf(const KeyringSnapshot& keys, absl::string_view parts) {
  ASSIGN_OR_RETURN(const SecretBytes key,
                   HkdfSha256(keys.token_key().ExposeForCrypto(), keys.vault_id().bytes(),
                              "refresh token/v1", kSha256Size));
  return HmacSha256(key.ExposeForCrypto(), parts);
}

}  // namespace

absl::StatusOr<SecretBytes> EncodeRefresh(const KeyringSnapshot& keys, const RefreshParts& parts) {
  std::string bytes = absl::StrCat(parts.family.bytes(), BigEndian64(parts.sequence));
  ASSIGN_OR_RETURN(const std::string mac, MacOf(keys, bytes));
  std::string text = absl::StrCat(kRefreshPrefix, Base64UrlEncode(absl::StrCat(bytes, mac)));
  absl::StatusOr<SecretBytes> out = SecretBytes::CopyOf(text);
  WipeString(&text);
  return out;
}

std::optional<RefreshParts> DecodeRefresh(const KeyringSnapshot& keys, absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kRefreshPrefix)) return std::nullopt;
  const std::optional<std::string> bytes = Base64UrlDecode(text);
  if (!bytes.has_value() || bytes->size() != kPartsSize + kSha256Size) return std::nullopt;
  absl::string_view rest = *bytes;
  const absl::StatusOr<std::string> mac = MacOf(keys, rest.substr(0, kPartsSize));
  if (!mac.ok() || !ConstantTimeEquals(*mac, rest.substr(kPartsSize))) return std::nullopt;
  const absl::StatusOr<Uuid> family = Uuid::FromBytes(rest.substr(0, Uuid::kSize));
  rest.remove_prefix(Uuid::kSize);
  const std::optional<uint64_t> sequence = ReadBigEndian64(&rest);
  if (!family.ok() || !sequence.has_value()) return std::nullopt;
  return RefreshParts{*family, *sequence};
}

}  // namespace keyturn
