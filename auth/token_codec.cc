#include "auth/token_codec.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "keyring/committed_seal.h"

namespace keyturn {
namespace {

constexpr size_t kIdSize = 16;
constexpr size_t kSecretSize = 32;
constexpr absl::string_view kPlace = "stateless token";

std::string IdOf(char kind, absl::string_view raw) {
  return absl::StrCat("kt", absl::string_view(&kind, 1), "-", HexEncode(raw));
}

absl::StatusOr<SecretBytes> TextOf(absl::string_view prefix, absl::string_view bytes) {
  std::string text = Base64UrlEncode(bytes);
  absl::StatusOr<SecretBytes> out = SecretBytes::CopyOf(absl::StrCat(prefix, text));
  WipeString(&text);
  return out;
}

}  // namespace

std::string NewTokenId(char kind) { return IdOf(kind, RandomBytes(kIdSize)); }

bool IsStatelessId(absl::string_view id) {
  if (!absl::ConsumePrefix(&id, "ktb-") || id.size() != 2 * kIdSize) return false;
  // In the one form that tokens carry: a revocation is looked up by its text.
  const std::optional<std::string> raw = HexDecode(id);
  return raw.has_value() && HexEncode(*raw) == id;
}

absl::StatusOr<SecretBytes> EncodeStateless(const KeyringSnapshot& keys,
                                            const record::v1::StatelessToken& token) {
  SealHeader header;
  header.purpose = Purpose::kStatelessToken;
  ASSIGN_OR_RETURN(
      const std::string sealed,
      SealCommitted(keys.token_key(), header, keys.vault_id(), kPlace, token.SerializeAsString()));
  ASSIGN_OR_RETURN(SecretBytes text, TextOf(kStatelessPrefix, sealed));
  if (text.size() > limits::kTokenTextBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the token would be longer than ", limits::kTokenTextBytesMax,
                     " characters; use fewer or shorter policies, or make a stored token"));
  }
  return text;
}

std::optional<record::v1::StatelessToken> DecodeStateless(const KeyringSnapshot& keys,
                                                          absl::string_view text) {
  if (text.size() > limits::kTokenTextBytesMax || !absl::ConsumePrefix(&text, kStatelessPrefix)) {
    return std::nullopt;
  }
  const std::optional<std::string> sealed = Base64UrlDecode(text);
  if (!sealed.has_value()) return std::nullopt;
  const absl::StatusOr<SecretBytes> opened =
      OpenCommitted(keys.token_key(), Purpose::kStatelessToken, keys.vault_id(), kPlace, *sealed);
  if (!opened.ok()) return std::nullopt;
  const absl::string_view bytes = opened->ExposeForCrypto();
  record::v1::StatelessToken token;
  if (!token.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return token;
}

absl::StatusOr<NewStored> MakeStored() {
  const std::string id = RandomBytes(kIdSize);
  ASSIGN_OR_RETURN(const SecretBytes secret, RandomSecret(kSecretSize));
  NewStored made;
  made.parts = {IdOf('s', id), id, Sha256(secret.ExposeForCrypto())};
  std::string bytes = absl::StrCat(id, secret.ExposeForCrypto());
  absl::StatusOr<SecretBytes> text = TextOf(kStoredPrefix, bytes);
  WipeString(&bytes);
  ASSIGN_OR_RETURN(made.text, std::move(text));
  return made;
}

std::optional<StoredParts> DecodeStored(absl::string_view text) {
  if (text.size() > limits::kTokenTextBytesMax || !absl::ConsumePrefix(&text, kStoredPrefix)) {
    return std::nullopt;
  }
  std::optional<std::string> bytes = Base64UrlDecode(text);
  if (!bytes.has_value() || bytes->size() != kIdSize + kSecretSize) return std::nullopt;
  const absl::string_view view = *bytes;
  const absl::string_view id = view.substr(0, kIdSize);
  StoredParts parts{IdOf('s', id), std::string(id), Sha256(view.substr(kIdSize))};
  WipeString(&*bytes);
  return parts;
}

}  // namespace keyturn
