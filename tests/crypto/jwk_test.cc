#include "crypto/jwk.h"

#include <gtest/gtest.h>

#include "tests/crypto/jose_keys.h"
#include "tests/crypto/jose_vectors.h"

namespace keyturn {
namespace {

TEST(PublicJwk, IsThatOfTheStandards) {  // RFC 7515 appendix A.3.1, RFC 8037 appendix A.2
  EXPECT_EQ(*PublicJwk(JoseAlgorithm::kEs256, "k-1",
                       P256Public("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                                  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")),
            R"({"kty":"EC","use":"sig","alg":"ES256","kid":"k-1","crv":"P-256",)"
            R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
            R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  EXPECT_EQ(*PublicJwk(JoseAlgorithm::kEdDsa, "K_2",
                       Ed25519Public("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
            R"({"kty":"OKP","use":"sig","alg":"EdDSA","kid":"K_2","crv":"Ed25519",)"
            R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
}

TEST(PublicJwk, AnRsaKeyIsAsAnotherProgramWritesIt) {
  EXPECT_EQ(*PublicJwk(JoseAlgorithm::kRs256, "k", *Base64UrlDecode(kPyJwtPublicDer)),
            absl::StrCat(R"({"kty":"RSA","use":"sig","alg":"RS256","kid":"k","n":")", kPyJwtModulus,
                         R"(","e":"AQAB"})"));
}

// RFC 7518 section 6.2.1.2: a coordinate is as wide as the curve, also when it begins with zeros.
TEST(PublicJwk, ACoordinateKeepsItsLeadingZero) {
  constexpr char kX[] = "NID9RtHgZCj4gm-5zVZP4wj_MN0dShbY9Qmsutwsspo";
  constexpr char kY[] = "AH6sPQVPMEJoE07ohU5aL6OvFNx7Ap1sq2q5c7i3eT8";
  EXPECT_EQ(*PublicJwk(JoseAlgorithm::kEs256, "k", P256Public(kX, kY)),
            absl::StrCat(R"({"kty":"EC","use":"sig","alg":"ES256","kid":"k","crv":"P-256","x":")",
                         kX, R"(","y":")", kY, R"("})"));
}

TEST(PublicJwk, IsNotMadeOfASecretOrOfAnotherKey) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    for (const JoseAlgorithm other :
         {JoseAlgorithm::kRs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
      const absl::StatusOr<std::string> jwk = PublicJwk(algorithm, "k", JoseTestPublic(other));
      EXPECT_EQ(jwk.ok(), algorithm == other);
      if (!jwk.ok()) EXPECT_CODE(jwk, kInvalidArgument);
    }
    EXPECT_CODE(PublicJwk(algorithm, "k", JoseTestKey(algorithm).ExposeForCrypto()),
                kInvalidArgument);
  }
  const std::string der = JoseTestPublic(JoseAlgorithm::kEs256);
  EXPECT_OK(PublicJwk(JoseAlgorithm::kEs256, "k", der));
  for (const char* kid : {"", "a\"b", "a.b"}) {
    EXPECT_CODE(PublicJwk(JoseAlgorithm::kEs256, kid, der), kInvalidArgument);
  }
}

}  // namespace
}  // namespace keyturn
