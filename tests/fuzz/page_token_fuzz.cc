// Page tokens: as text from anywhere, and as plain bytes that this vault sealed. One that is
// accepted is encoded to the same text; a damaged one, or one of another request, is refused.
#include "vault/page_token.h"

#include "base/coding.h"
#include "keyring/committed_seal.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr char kBinding[] = "list/app";

void CheckPageToken(absl::string_view token) {
  const absl::StatusOr<WalkPosition> position = DecodePageToken(FixedKeys(), kBinding, token);
  if (!position.ok() || token.empty()) return;
  NextRandom(RandomnessOf(*Base64UrlDecode(token)));
  Require(Must(EncodePageToken(FixedKeys(), kBinding, *position), "it encodes") == token,
          "a page token has one form");
  Require(!DecodePageToken(FixedKeys(), "list/other", token).ok(), "it is of one request");
}

}  // namespace

void FuzzPageToken(absl::string_view input) {
  CheckPageToken(input);
  const bool damaged = (TakeByte(&input) & 1) != 0;
  const absl::string_view plain = damaged ? TakeText(&input) : input;
  SealHeader header;
  header.purpose = Purpose::kPageToken;
  const std::string sealed =
      Must(SealCommitted(FixedKeys().token_key(), header, FixedVault(), kBinding, plain),
           "it is sealed");
  CheckPageToken(Base64UrlEncode(sealed));
  if (!damaged) return;
  const std::string changed = Damage(sealed, &input);
  if (changed.empty() || changed == sealed) return;
  Require(!DecodePageToken(FixedKeys(), kBinding, Base64UrlEncode(changed)).ok(), "damage");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzPageToken)
