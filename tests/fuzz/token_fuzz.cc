// Tokens as callers send them. A kts. token is its 48 bytes in one form; a ktb. token that opens
// was sealed by this vault, and says the same when it is sealed again; damage is refused.
#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/token_codec.h"
#include "auth/token_forms.h"
#include "base/coding.h"
#include "base/limits.h"
#include "crypto/mac.h"
#include "keyring/committed_seal.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

void CheckStored(absl::string_view text) {
  const std::optional<StoredParts> parts = DecodeStored(text);
  if (!parts.has_value()) return;
  const std::string bytes = *Base64UrlDecode(absl::StripPrefix(text, kStoredPrefix));
  Require(absl::StrCat(kStoredPrefix, Base64UrlEncode(bytes)) == text, "one form");
  Require(parts->id == absl::StrCat("kts-", HexEncode(bytes.substr(0, 16))), "its id");
  Require(parts->secret_hash == Sha256(bytes.substr(16)), "the hash of its secret");
}

std::string SealedToken(absl::string_view plain) {
  SealHeader header;
  header.purpose = Purpose::kStatelessToken;
  return Must(
      SealCommitted(FixedKeys().token_key(), header, FixedVault(), "stateless token", plain),
      "it is sealed");
}

std::string StatelessText(const std::string& sealed) {
  return absl::StrCat(kStatelessPrefix, Base64UrlEncode(sealed));
}

void CheckStateless(absl::string_view text) {
  const std::optional<record::v1::StatelessToken> token = DecodeStateless(FixedKeys(), text);
  if (!token.has_value()) return;
  const absl::StatusOr<SecretBytes> again = EncodeStateless(FixedKeys(), *token);
  if (!again.ok()) return;  // protobuf may write it longer, and the most a token has is bounded
  const auto same = DecodeStateless(FixedKeys(), again->ExposeForCrypto());
  Require(same.has_value() && google::protobuf::util::MessageDifferencer::Equals(*same, *token),
          "a token says the same");
}

}  // namespace

void FuzzToken(absl::string_view input) {
  CheckStored(input);
  CheckStateless(input);
  Require(!IsStatelessId(input) || input.size() == 36, "an id has 36 characters");
  const uint8_t way = TakeByte(&input) % 3;
  if (way == 0) {
    const std::string text = StatelessText(SealedToken(input));
    record::v1::StatelessToken token;
    const bool parses = token.ParseFromString(std::string(input));
    const bool fits = text.size() <= limits::kTokenTextBytesMax;
    Require(DecodeStateless(FixedKeys(), text).has_value() == (parses && fits), "ours opens");
    CheckStateless(text);
  } else if (way == 1) {
    const std::string sealed = SealedToken(TakeText(&input));
    const std::string damaged = Damage(sealed, &input);
    if (damaged != sealed) {
      Require(!DecodeStateless(FixedKeys(), StatelessText(damaged)).has_value(), "damage");
    }
  } else {
    record::v1::StoredToken token;
    if (!token.ParseFromString(std::string(input))) return;
    Require(ToInfo(token).id() == token.id(), "what is shown of a token");
    Require(ToMs(FromMs(token.expire_ms())) == token.expire_ms(), "its end");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzToken)
