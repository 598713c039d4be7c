#include "vault/page_token.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyring/committed_seal.h"

namespace keyturn {

absl::StatusOr<std::string> EncodePageToken(const KeyringSnapshot& keys, absl::string_view binding,
                                            const WalkPosition& position) {
  std::string plain;
  for (const WalkPosition::Level& level : position.levels) {
    plain.push_back(level.by_key ? 1 : 0);
    AppendLengthPrefixed(level.name, &plain);
  }
  // Not under a KEK, which may be forgotten before the next page is asked for.
  SealHeader header;
  header.purpose = Purpose::kPageToken;
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealCommitted(keys.token_key(), header, keys.vault_id(), binding, plain));
  return Base64UrlEncode(sealed);
}

absl::StatusOr<WalkPosition> DecodePageToken(const KeyringSnapshot& keys, absl::string_view binding,
                                             absl::string_view token) {
  WalkPosition position;
  if (token.empty()) return position;
  const absl::Status bad = absl::InvalidArgumentError(
      "page_token: is not from the previous answer to this request; start without one");
  const std::optional<std::string> sealed = Base64UrlDecode(token);
  if (!sealed.has_value()) return bad;
  const absl::StatusOr<SecretBytes> opened =
      OpenCommitted(keys.token_key(), Purpose::kPageToken, keys.vault_id(), binding, *sealed);
  if (!opened.ok()) return bad;
  absl::string_view rest = opened->ExposeForCrypto();
  while (!rest.empty()) {
    const std::optional<uint8_t> by_key = ReadByte(&rest);
    const std::optional<absl::string_view> name = ReadLengthPrefixed(&rest);
    if (!name.has_value() || *by_key > 1) return bad;
    position.levels.push_back({std::string(*name), *by_key != 0});
  }
  return position;
}

absl::StatusOr<size_t> PageSize(int32_t asked) {
  if (asked == 0) return limits::kListPageDefault;
  if (asked < 0 || static_cast<size_t>(asked) > limits::kListPageMax) {
    return absl::InvalidArgumentError(absl::StrCat("page_size: ", asked, "; allowed are 1 to ",
                                                   limits::kListPageMax, ", or 0 for ",
                                                   limits::kListPageDefault));
  }
  return static_cast<size_t>(asked);
}

}  // namespace keyturn
