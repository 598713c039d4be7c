// Tokens as other libraries read and write them: PyJWT and jwcrypto, by tests/jose/oracle.py.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "crypto/jwk.h"
#include "crypto/jws.h"
#include "crypto/jwt_claims.h"
#include "tests/crypto/jose_keys.h"
#include "tests/support/process.h"

namespace keyturn {
namespace {

JwtClaims OracleClaims() {
  JwtClaims claims;
  claims.iss = "https://issuer";
  claims.sub = "spiffe://prod/\xc3\xa4pp";
  claims.aud = {"vault"};
  claims.iat = absl::FromUnixSeconds(1'000'000'000);
  claims.exp = absl::FromUnixSeconds(1'000'000'600);
  claims.jti = "id-1";
  claims.permissions = {"secret:read"};
  claims.other_json = R"({"a":{"b":[1,-2,0.5,null,true,"\u0000\""]}})";
  return claims;
}

// The question for the script, with its answer.
nlohmann::json Ask(JoseAlgorithm algorithm, const std::string& token, const std::string& claims) {
  const std::string key(ExportJoseKey(algorithm, JoseTestKey(algorithm))->ExposeForCrypto());
  nlohmann::json question = {{"alg", std::string(JoseAlgorithmName(algorithm))},
                             {"kid", "key-1"},
                             {"token", token},
                             {"issuer", "https://issuer"},
                             {"audience", "vault"},
                             {"claims", nlohmann::json::parse(claims)}};
  if (algorithm == JoseAlgorithm::kHs256) {
    question["secret"] = key;
  } else {
    question["private"] = key;
    question["jwk"] =
        nlohmann::json::parse(*PublicJwk(algorithm, "key-1", JoseTestPublic(algorithm)));
  }
  // By Debian's Python, which has both.
  const ProcessResult result = RunProcess(
      {"/usr/bin/python3", absl::StrCat(std::getenv("KEYTURN_SOURCE"), "/tests/jose/oracle.py")},
      {.input = question.dump(), .environment = {}, .directory = ""});
  EXPECT_EQ(result.code, 0) << result.err;
  return nlohmann::json::parse(result.out, nullptr, false);
}

class JoseOracle : public testing::TestWithParam<JoseAlgorithm> {
  void SetUp() override {
    if (std::getenv("KEYTURN_SOURCE") == nullptr) {
      GTEST_SKIP() << "set KEYTURN_SOURCE to the directory of the sources, as ctest does";
    }
  }
};

TEST_P(JoseOracle, OthersAndKeyturnReadEachOthersTokens) {
  const JoseAlgorithm algorithm = GetParam();
  ASSERT_OK_AND_ASSIGN(const std::string payload, WriteClaims(OracleClaims()));
  ASSERT_OK_AND_ASSIGN(const auto signer,
                       JwsSigner::New(algorithm, "key-1", JoseTestKey(algorithm)));
  ASSERT_OK_AND_ASSIGN(const std::string token, signer->Sign(payload));
  const nlohmann::json answers = Ask(algorithm, token, payload);
  ASSERT_TRUE(answers.is_object());
  ASSERT_OK_AND_ASSIGN(const auto verifier,
                       JwsVerifier::FromPrivate(algorithm, "key-1", JoseTestKey(algorithm)));
  for (const std::string library : {"PyJWT", "jwcrypto"}) {
    SCOPED_TRACE(library);
    ASSERT_TRUE(answers.contains(library));
    const nlohmann::json& answer = answers[library];
    EXPECT_EQ(answer["verified"], nlohmann::json::parse(payload));
    EXPECT_EQ(answer["forged"], false);
    EXPECT_EQ(answer["header"]["kid"], "key-1");

    const std::string theirs = answer["signed"].get<std::string>();
    ASSERT_OK_AND_ASSIGN(const ParsedJws jws, ParseJws(theirs));
    EXPECT_OK(verifier->Verify(jws));
    ASSERT_OK_AND_ASSIGN(const JwtClaims claims, ParseClaims(jws.payload));
    EXPECT_EQ(claims, *ParseClaims(payload));
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, JoseOracle, testing::ValuesIn(kEveryJoseAlgorithm),
                         [](const testing::TestParamInfo<JoseAlgorithm>& info) {
                           return std::string(JoseAlgorithmName(info.param));
                         });

}  // namespace
}  // namespace keyturn
