// Signed tokens. One that is taken apart is the same text when it is put together again; one that
// verifies is what its key signs, byte for byte; claims that are read and written are the same, in
// one form; damage is refused.
#include "crypto/jws.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "crypto/jwt_check.h"
#include "crypto/jwt_claims.h"
#include "crypto/mac.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr absl::string_view kSecret = "a secret of tests, which is long enough for HS256";

const SecretBytes& HmacKey() {
  static const auto* const key = new SecretBytes(Must(SecretBytes::CopyOf(kSecret), "room"));
  return *key;
}

const JwsSigner& Signer() {
  static const auto* const signer =
      Must(JwsSigner::New(JoseAlgorithm::kHs256, "k", HmacKey()), "a signer is made").release();
  return *signer;
}

const JwsVerifier& Verifier() {
  static const auto* const verifier =
      Must(JwsVerifier::FromPrivate(JoseAlgorithm::kHs256, "k", HmacKey()), "a verifier is made")
          .release();
  return *verifier;
}

// P-256's base point as a key: its private half, 1, is known, but no input has signed with it.
const JwsVerifier& EcdsaVerifier() {
  static const auto* const verifier = [] {
    const std::string der = *HexDecode(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f27703"
        "7d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51"
        "f5");
    return Must(JwsVerifier::FromPublic(JoseAlgorithm::kEs256, "k", der), "a verifier is made")
        .release();
  }();
  return *verifier;
}

void CheckRefusal(const absl::Status& refused) {
  Require(refused.code() == absl::StatusCode::kUnauthenticated, "a refusal is UNAUTHENTICATED");
  Require(absl::StartsWith(ReasonOf(refused), "TOKEN_"), "a refusal has a reason");
}

// One that need not name its key is the same token otherwise.
void CheckUnnamed(absl::string_view token, const absl::StatusOr<ParsedJws>& named) {
  const absl::StatusOr<ParsedJws> jws =
      ParseJws(token, JwsTypeRule::kMayBeAbsent, JwsKeyRule::kMayBeAbsent);
  if (!jws.ok()) {
    Require(!named.ok(), "a stricter rule takes no more");
    return CheckRefusal(jws.status());
  }
  Require(named.ok() == !jws->kid.empty(), "a key is named or not");
  if (jws->kid.empty()) Require(!Verifier().Verify(*jws).ok(), "no key verifies by itself");
}

void CheckJws(absl::string_view token) {
  const absl::StatusOr<ParsedJws> jws = ParseJws(token, JwsTypeRule::kMayBeAbsent);
  CheckUnnamed(token, jws);
  const absl::StatusOr<ParsedJws> typed = ParseJws(token);
  if (!jws.ok()) {
    Require(!typed.ok(), "a stricter rule takes no more");
    return CheckRefusal(jws.status());
  }
  Require(typed.ok() == (jws->type != JwsType::kAbsent), "a type is there or not");
  Require(token.size() <= limits::kJwsBytesMax && ValidateKeyId(jws->kid).ok(), "its bounds");
  Require(absl::StrCat(jws->signing_input, ".", Base64UrlEncode(jws->signature)) == token,
          "it is put together again");
  Require(absl::EndsWith(jws->signing_input, "." + Base64UrlEncode(jws->payload)), "its payload");
  const bool signed_so = jws->kid == "k" && jws->algorithm == JoseAlgorithm::kHs256 &&
                         HmacSha256(kSecret, jws->signing_input) == jws->signature;
  const absl::Status verified = Verifier().Verify(*jws);
  Require(verified.ok() == signed_so, "it verifies when its key signed it");
  if (!verified.ok()) CheckRefusal(verified);
  const absl::Status forged = EcdsaVerifier().Verify(*jws);
  Require(!forged.ok(), "nobody signed it");
  CheckRefusal(forged);
}

void CheckParsedClaims(absl::string_view payload) {
  const absl::StatusOr<JwtClaims> claims = ParseClaims(payload);
  if (!claims.ok()) return CheckRefusal(claims.status());
  // Escapes of JSON may make it longer than it was, and the most is bounded.
  const absl::StatusOr<std::string> text = WriteClaims(*claims);
  if (!text.ok()) {
    Require(payload.size() > limits::kJwsBytesMax / 6, "what was read can be written");
    return;
  }
  const JwtClaims again = Must(ParseClaims(*text), "what was written is read");
  Require(again == *claims, "as the same");
  Require(Must(WriteClaims(again), "it is written again") == *text, "claims have one form");

  JwtExpectations expected;
  expected.issuer = "i";
  expected.audience = "a";
  const absl::Time now = absl::FromUnixSeconds(1'000);
  const absl::Status checked = CheckClaims(*claims, expected, now);
  if (!checked.ok()) return CheckRefusal(checked);
  Require(claims->iss == "i" && claims->aud == std::vector<std::string>{"a"} &&
              !claims->sub.empty() && !claims->jti.empty(),
          "whose it is");
  Require(now < *claims->exp + absl::Seconds(30) && *claims->iat <= now + absl::Seconds(30) &&
              *claims->exp - *claims->iat <= absl::Minutes(15),
          "when it is");
}

}  // namespace

void FuzzJws(absl::string_view input) {
  CheckJws(input);
  CheckParsedClaims(input);
  // A header and a payload of the input's choice, signed or nearly so.
  const uint8_t way = TakeByte(&input) % 3;
  if (way == 0) {
    const absl::string_view header = TakeText(&input);
    const std::string signing_input =
        absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(input));
    CheckJws(absl::StrCat(signing_input, ".", Base64UrlEncode(HmacSha256(kSecret, signing_input))));
  } else if (way == 1) {
    const absl::string_view payload = TakeText(&input);
    if (payload.empty()) return;
    const std::string token = Must(Signer().Sign(payload), "it is signed");
    const ParsedJws jws = Must(ParseJws(token), "ours is taken apart");
    Require(Verifier().Verify(jws).ok() && jws.payload == payload, "ours verifies");
    const std::string damaged = Damage(token, &input);
    if (damaged == token) return;
    const absl::StatusOr<ParsedJws> other = ParseJws(damaged);
    Require(!other.ok() || !Verifier().Verify(*other).ok(), "damage is refused");
  } else {
    JwtClaims claims;
    claims.iss = std::string(TakeText(&input));
    claims.jti = std::string(TakeText(&input));
    claims.aud.emplace_back(TakeText(&input));
    claims.exp = absl::FromUnixSeconds(static_cast<int64_t>(TakeNumber(&input)));
    claims.other_json = std::string(input);
    const absl::StatusOr<std::string> text = WriteClaims(claims);
    if (text.ok()) CheckParsedClaims(*text);
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzJws)
