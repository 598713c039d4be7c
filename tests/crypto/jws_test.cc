#include "crypto/jws.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "tests/crypto/jose_vectors.h"

namespace keyturn {
namespace {

std::string JwsOf(absl::string_view header, absl::string_view payload = "{}") {
  return absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(payload), ".c2ln");
}

absl::StatusOr<JwsType> TypeOf(absl::string_view member, JwsTypeRule rule) {
  ASSIGN_OR_RETURN(const ParsedJws jws,
                   ParseJws(JwsOf(absl::StrCat(R"({"alg":"ES256","kid":"k")", member, "}")), rule));
  return jws.type;
}

TEST(Jws, WhatOneKeySignsItVerifies) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    for (const JwsType type : {JwsType::kJwt, JwsType::kAccessToken}) {
      ASSERT_OK_AND_ASSIGN(const auto signer,
                           JwsSigner::New(algorithm, "key_1-A", JoseTestKey(algorithm), type));
      const std::string payload("{\"a\":\"\xff\0\"}", 10);  // any bytes
      ASSERT_OK_AND_ASSIGN(const std::string token, signer->Sign(payload));
      ASSERT_OK_AND_ASSIGN(const ParsedJws jws, ParseJws(token));
      EXPECT_EQ(jws.algorithm, algorithm);
      EXPECT_EQ(jws.kid, "key_1-A");
      EXPECT_EQ(jws.type, type);
      EXPECT_EQ(jws.payload, payload);
      EXPECT_EQ(absl::StrCat(jws.signing_input, ".", Base64UrlEncode(jws.signature)), token);
      ASSERT_OK_AND_ASSIGN(const auto verifier,
                           JwsVerifier::FromPrivate(algorithm, "key_1-A", JoseTestKey(algorithm)));
      EXPECT_OK(verifier->Verify(jws));
      if (algorithm == JoseAlgorithm::kHs256) continue;
      ASSERT_OK_AND_ASSIGN(
          const auto by_public,
          JwsVerifier::FromPublic(algorithm, "key_1-A", JoseTestPublic(algorithm)));
      EXPECT_OK(by_public->Verify(jws));
    }
  }
}

TEST(Jws, TheHeaderHasThreeMembersInOrder) {
  const std::pair<JwsType, const char*> kTypes[] = {{JwsType::kJwt, "JWT"},
                                                    {JwsType::kAccessToken, "at+jwt"}};
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    for (const auto& [type, name] : kTypes) {
      ASSERT_OK_AND_ASSIGN(const auto signer,
                           JwsSigner::New(algorithm, "k-1", JoseTestKey(algorithm), type));
      ASSERT_OK_AND_ASSIGN(const std::string token, signer->Sign("{}"));
      EXPECT_EQ(*Base64UrlDecode(token.substr(0, token.find('.'))),
                absl::StrCat(R"({"alg":")", JoseAlgorithmName(algorithm),
                             R"(","kid":"k-1","typ":")", name, R"("})"));
    }
  }
}

// As they are published, but for the key id, which most of them lack.
TEST(Jws, TokensOfOthersVerify) {
  for (const JoseVector& vector : JoseVectors()) {
    ParsedJws jws;
    jws.algorithm = vector.algorithm;
    jws.kid = "k";
    jws.signing_input = vector.signing_input;
    jws.signature = vector.signature;
    const auto verifier =
        vector.algorithm == JoseAlgorithm::kHs256
            ? JwsVerifier::FromPrivate(vector.algorithm, "k", SecretOf(vector.shared_bytes))
            : JwsVerifier::FromPublic(vector.algorithm, "k", vector.public_der);
    ASSERT_OK(verifier);
    EXPECT_EQ(ToStatus((*verifier)->Verify(jws)), absl::OkStatus()) << vector.name;
    jws.kid = "other";
    EXPECT_EQ(ReasonOf((*verifier)->Verify(jws)), "TOKEN_KEY") << vector.name;
  }
}

TEST(Jws, AWholeTokenOfTheStandardsVerifies) {  // RFC 7520 section 4.4 has a key id, and no type
  const JoseVector vector = JoseVectors()[3];
  const std::string token =
      absl::StrCat(vector.signing_input, ".", Base64UrlEncode(vector.signature));
  ASSERT_OK_AND_ASSIGN(const ParsedJws jws, ParseJws(token, JwsTypeRule::kMayBeAbsent));
  EXPECT_EQ(jws.payload.substr(0, 7), "It\xe2\x80\x99s ");
  ASSERT_OK_AND_ASSIGN(
      const auto verifier,
      JwsVerifier::FromPrivate(JoseAlgorithm::kHs256, "018c0ae5-4d9b-471b-bfd6-eef314bc7037",
                               SecretOf(vector.shared_bytes)));
  EXPECT_OK(verifier->Verify(jws));
  EXPECT_EQ(ReasonOf(ParseJws(token).status()), "TOKEN_MALFORMED");
}

TEST(Jws, AKeyIsNamedUnlessThatIsLeftToTheCaller) {
  const auto parse = [](const std::string& header, JwsKeyRule rule) {
    return ParseJws(JwsOf(header), JwsTypeRule::kMayBeAbsent, rule);
  };
  const std::string unnamed = R"({"alg":"ES256"})";
  EXPECT_EQ(ReasonOf(parse(unnamed, JwsKeyRule::kRequired).status()), "TOKEN_KEY");
  ASSERT_OK_AND_ASSIGN(const ParsedJws jws, parse(unnamed, JwsKeyRule::kMayBeAbsent));
  EXPECT_EQ(jws.kid, "");
  for (const char* const kid : {R"("")", "null", "7", R"("a b")"}) {
    const std::string header = absl::StrCat(R"({"alg":"ES256","kid":)", kid, "}");
    EXPECT_EQ(ReasonOf(parse(header, JwsKeyRule::kMayBeAbsent).status()), "TOKEN_KEY") << kid;
  }
}

TEST(Jws, ATypeIsReadInAnyCase) {
  const std::pair<const char*, JwsType> kTypes[] = {
      {"JWT", JwsType::kJwt},
      {"jwt", JwsType::kJwt},
      {"Application/JwT", JwsType::kJwt},
      {"at+jwt", JwsType::kAccessToken},
      {"AT+JWT", JwsType::kAccessToken},
      {"application/at+jwt", JwsType::kAccessToken},
  };
  for (const auto& [name, type] : kTypes) {
    for (const JwsTypeRule rule : {JwsTypeRule::kRequired, JwsTypeRule::kMayBeAbsent}) {
      ASSERT_OK_AND_ASSIGN(const JwsType read,
                           TypeOf(absl::StrCat(R"(,"typ":")", name, "\""), rule));
      EXPECT_EQ(read, type) << name;
    }
  }
}

TEST(Jws, OnlyAnAbsentTypeMayBeAbsent) {
  ASSERT_OK_AND_ASSIGN(const JwsType absent, TypeOf("", JwsTypeRule::kMayBeAbsent));
  EXPECT_EQ(absent, JwsType::kAbsent);
  EXPECT_CODE(TypeOf("", JwsTypeRule::kRequired), kUnauthenticated);
  for (const char* bad :
       {R"("")", "null", "1", R"(["JWT"])", R"("JWS")", R"("JWT ")", R"("application/")",
        R"("application/application/JWT")", R"("text/JWT")", R"("at+jwtx")"}) {
    for (const JwsTypeRule rule : {JwsTypeRule::kRequired, JwsTypeRule::kMayBeAbsent}) {
      const absl::Status refused = TypeOf(absl::StrCat(R"(,"typ":)", bad), rule).status();
      EXPECT_EQ(ToStatus(refused).code(), absl::StatusCode::kUnauthenticated) << bad;
      EXPECT_EQ(ReasonOf(refused), "TOKEN_MALFORMED");
    }
  }
}

// RFC 7515 section 4: what is not understood is ignored, and these must not choose a key.
TEST(Jws, OtherMembersOfTheHeaderAreIgnored) {
  constexpr char kHeader[] =
      R"({"jku":"https://evil/","x5u":"https://evil/","x5c":["MII"],"x5t":"a","x5t#S256":"b",)"
      R"("jwk":{"kty":"oct","k":"AA"},"cty":"x","alg":"EdDSA","kid":"k","typ":"JWT"})";
  const std::string token = JwsOf(kHeader);
  ASSERT_OK_AND_ASSIGN(const ParsedJws jws, ParseJws(token));
  EXPECT_EQ(jws.kid, "k");
  EXPECT_EQ(jws.algorithm, JoseAlgorithm::kEdDsa);
}

TEST(Jws, AVerifierTakesOneKeyAndOneAlgorithm) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    ASSERT_OK_AND_ASSIGN(const auto signer, JwsSigner::New(algorithm, "k", JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const std::string token, signer->Sign("{}"));
    ASSERT_OK_AND_ASSIGN(const ParsedJws jws, ParseJws(token));
    for (const JoseAlgorithm other : kEveryJoseAlgorithm) {
      ASSERT_OK_AND_ASSIGN(const auto verifier,
                           JwsVerifier::FromPrivate(other, "k", JoseTestKey(other)));
      EXPECT_EQ(ReasonOf(verifier->Verify(jws)), algorithm == other ? "" : "TOKEN_ALGORITHM");
      ASSERT_OK_AND_ASSIGN(const auto same_name,
                           JwsVerifier::FromPrivate(other, "k", JoseTestKey(other, 1)));
      EXPECT_EQ(ReasonOf(same_name->Verify(jws)),
                algorithm == other ? "TOKEN_SIGNATURE" : "TOKEN_ALGORITHM");
    }
  }
}

TEST(Jws, NoBitOfATokenMayChange) {
  for (const JoseAlgorithm algorithm :
       {JoseAlgorithm::kHs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
    ASSERT_OK_AND_ASSIGN(const auto signer, JwsSigner::New(algorithm, "k", JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const auto verifier,
                         JwsVerifier::FromPrivate(algorithm, "k", JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const std::string token, signer->Sign(R"({"a":1})"));
    const auto accepted = [&](const std::string& text) {
      const absl::StatusOr<ParsedJws> jws = ParseJws(text);
      return jws.ok() && verifier->Verify(*jws).ok();
    };
    EXPECT_TRUE(accepted(token));
    for (size_t bit = 0; bit < token.size() * 8; ++bit) {
      std::string flipped = token;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(accepted(flipped)) << bit;
    }
    for (size_t size = 0; size < token.size(); ++size)
      EXPECT_FALSE(accepted(token.substr(0, size)));
  }
}

TEST(Jws, ATokenHasAtMost8KiB) {
  const JoseAlgorithm algorithm = JoseAlgorithm::kHs256;
  ASSERT_OK_AND_ASSIGN(const auto signer, JwsSigner::New(algorithm, "k", JoseTestKey(algorithm)));
  ASSERT_OK_AND_ASSIGN(const std::string small, signer->Sign("xxx"));
  // Four characters carry three bytes.
  const size_t payload = 3 * ((limits::kJwsBytesMax - small.size()) / 4 + 1);
  ASSERT_OK_AND_ASSIGN(const std::string longest, signer->Sign(std::string(payload, 'x')));
  EXPECT_LE(longest.size(), 8192u);
  EXPECT_GT(longest.size(), 8192u - 4);
  EXPECT_OK(ParseJws(longest));
  for (const size_t more : {payload + 3, size_t{8192}, size_t{100'000}}) {
    const absl::Status refused = signer->Sign(std::string(more, 'x')).status();
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "the token would be too long; the most is 8192 bytes");
  }
  EXPECT_CODE(signer->Sign(""), kInvalidArgument);
  // Both texts are whole tokens: only their length differs.
  const std::string start = JwsOf(R"({"alg":"HS256","kid":"kkk","typ":"JWT"})");
  EXPECT_OK(ParseJws(start + std::string(8192 - start.size(), 'A')));
  EXPECT_OK(ParseJws(start + std::string(8191 - start.size(), 'A')));
  const absl::Status refused = ParseJws(start + std::string(8193 - start.size(), 'A')).status();
  EXPECT_EQ(refused.message(), "the token is too long; the most is 8192 bytes");
  EXPECT_EQ(ReasonOf(refused), "TOKEN_MALFORMED");
}

TEST(Jws, RefusalsAreUnauthenticatedAndShowNothingOfTheToken) {
  for (const std::string& text :
       {std::string("canary"), JwsOf("canary"), JwsOf(R"({"canary":1,"canary":2})"),
        JwsOf(R"({"alg":"canary","kid":"k","typ":"JWT"})"),
        JwsOf(R"({"alg":"ES256","kid":"canary.","typ":"JWT"})"),
        JwsOf(R"({"alg":"ES256","kid":"k","typ":"canary"})"), "canary" + JwsOf("{}")}) {
    const absl::Status refused = ParseJws(text).status();
    EXPECT_CODE(refused, kUnauthenticated);
    EXPECT_EQ(refused.message().find("canary"), absl::string_view::npos) << refused;
    EXPECT_EQ(ReasonOf(refused).substr(0, 6), "TOKEN_");
  }
}

TEST(Jws, SignersAndVerifiersNeedAKeyAndAnId) {
  const JoseAlgorithm algorithm = JoseAlgorithm::kEs256;
  const SecretBytes& key = JoseTestKey(algorithm);
  EXPECT_OK(JwsSigner::New(algorithm, "k", key));
  EXPECT_CODE(JwsSigner::New(algorithm, "", key), kInvalidArgument);
  EXPECT_CODE(JwsSigner::New(algorithm, "a\"b", key), kInvalidArgument);
  EXPECT_CODE(JwsSigner::New(algorithm, "k", key, JwsType::kAbsent), kInvalidArgument);
  EXPECT_CODE(JwsSigner::New(JoseAlgorithm::kEdDsa, "k", key), kInvalidArgument);
  EXPECT_CODE(JwsVerifier::FromPrivate(algorithm, "", key), kInvalidArgument);
  EXPECT_CODE(JwsVerifier::FromPublic(algorithm, "", JoseTestPublic(algorithm)), kInvalidArgument);
  EXPECT_CODE(JwsVerifier::FromPublic(JoseAlgorithm::kHs256, "k", JoseTestPublic(algorithm)),
              kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
