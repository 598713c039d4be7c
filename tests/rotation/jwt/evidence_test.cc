// Who signs and verifies with which key, as a consumer of the secret.
#include "base/coding.h"
#include "crypto/jose_key.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class JwtEvidenceTest : public JwtFixture {
 protected:
  // `consumer` has it verified, as a call of the server would note it: the version whose key it
  // was, or the reason.
  std::string VerifyAs(const std::string& consumer, const std::string& token) {
    v1::VerifyJwtRequest request;
    request.set_path("k");
    request.set_token(token);
    JwtUse use;
    const auto answer = jwt_->Verify(request, &use);
    EXPECT_OK(answer);
    Note(consumer, use);
    if (!answer.ok() || !answer->valid()) return answer.ok() ? answer->reason() : "";
    return absl::StrCat(use.version.value());
  }
  std::string SignAs(const std::string& consumer, absl::Duration ttl) {
    v1::SignJwtRequest request = ToSign("k");
    request.set_ttl_seconds(absl::ToInt64Seconds(ttl));
    JwtUse use;
    const auto made = jwt_->Sign(*store_, request, &use);
    EXPECT_OK(made);
    Note(consumer, use);
    return made.ok() ? made->token() : "";
  }
  void Note(const std::string& consumer, const JwtUse& use) {
    if (use.version == SecretVersion()) return;
    EXPECT_EQ(use.secret, IdOf("k"));
    usage_->Note({use.secret, use.version, consumer, clock_.Now(), false, use.token_end});
  }
  // Those whom the status names.
  std::string Laggards() {
    std::vector<std::string> out;
    const v1::RotationStatus status = Status("k");
    for (const v1::Consumer& consumer : status.laggards()) {
      out.push_back(absl::StrCat(consumer.name(), " ", consumer.version()));
    }
    return absl::StrJoin(out, ", ");
  }
  static v1::RotationPolicy Blocking() {
    v1::RotationPolicy policy = NoJitter();
    policy.set_retire_gate(v1::RotationPolicy::BLOCK);
    return policy;
  }
};

TEST_F(JwtEvidenceTest, WhoHadATokenOfTheFormerKeyLagsAsLongAsThatLives) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string old = SignAs("issuer", absl::Hours(24));
  const absl::Time over = clock_.Now() + absl::Hours(24) + absl::Seconds(30);
  EXPECT_EQ(VerifyAs("api", old), "1");
  EXPECT_EQ(Consumers("k"), "api CURRENT 1, issuer CURRENT 1");
  EXPECT_EQ(Laggards(), "");
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(Laggards(), "api 1, issuer 1");
  // With a token of the new key, it lags no more.
  const std::string fresh = SignAs("issuer", absl::Hours(1));
  EXPECT_EQ(Laggards(), "api 1");
  EXPECT_EQ(VerifyAs("api", fresh), "2");
  EXPECT_EQ(Laggards(), "");
  EXPECT_EQ(Consumers("k"), "api CURRENT 2, issuer CURRENT 2");
  // The later evidence counts.
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(VerifyAs("api", old), "1");
  EXPECT_EQ(Laggards(), "api 1");
  Pass(over - clock_.Now() - absl::Seconds(1));
  EXPECT_EQ(Laggards(), "api 1");
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_EQ(Laggards(), "");
  EXPECT_EQ(VerifyAs("api", old), "TOKEN_EXPIRED");
  EXPECT_EQ(Consumers("k"), "api GONE 1, issuer CURRENT 2");
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
}

TEST_F(JwtEvidenceTest, NoGraceIsHeldForTokensThatAreOver) {
  ASSERT_OK(Create("k", Settings("EdDSA"), Blocking()));
  EXPECT_EQ(VerifyAs("cron", SignAs("issuer", absl::Hours(24))), "1");
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  Pass(Days(7) + absl::Hours(1));
  EXPECT_EQ(States("k"), "1 RETIRED, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(notes_.count("rotation_grace_extended"), 0u);
}

// Who reads a key may hold it in memory, whatever tokens it has verified since.
TEST_F(JwtEvidenceTest, WhoHoldsAFormerKeyLagsWhateverItVerifies) {
  v1::JwtKeySettings settings = Settings("HS256");
  settings.set_readable(true);
  ASSERT_OK(Create("k", settings, Blocking()));
  EXPECT_EQ(ReadAs("service", "k"), "1");
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  EXPECT_EQ(VerifyAs("service", Token("k")), "2");
  EXPECT_EQ(Laggards(), "service 1");
  Pass(Days(7) + absl::Hours(1));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(ReadAs("service", "k"), "2");
  EXPECT_EQ(Laggards(), "");
}

// Somebody has read the key, and signs with it still.
TEST_F(JwtEvidenceTest, ATokenThatWouldOutliveItsKeyHoldsIt) {
  v1::JwtKeySettings settings = Settings("HS256");
  settings.set_readable(true);
  ASSERT_OK(Create("k", settings, Blocking()));
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, SecretBytes::CopyOf(Get("k")));
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  Pass(Days(7) - absl::Hours(1));
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  const std::string input = absl::StrCat(
      Base64UrlEncode(R"({"alg":"HS256"})"), ".",
      Base64UrlEncode(absl::StrCat(R"({"iss":"alcs-auth","sub":"u1","aud":"alcs-api","iat":)", now,
                                   R"(,"exp":)", now + 86'400, "}")));
  const auto signer = JoseSigner::New(JoseAlgorithm::kHs256, key);
  ASSERT_OK(signer);
  ASSERT_OK_AND_ASSIGN(const std::string signature, (*signer)->Sign(input));
  EXPECT_EQ(VerifyAs("api", absl::StrCat(input, ".", Base64UrlEncode(signature))), "1");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("k"), "1 GRACE, 2 CURRENT, 3 STAGED");
  EXPECT_EQ(notes_["rotation_grace_extended"], "version=1 still_used_by=api");
  Pass(Days(8));
  EXPECT_EQ(States("k"), "1 RETIRED, 2 CURRENT, 3 STAGED");
}

TEST_F(JwtEvidenceTest, WhatIsRefusedIsNoUse) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  EXPECT_EQ(VerifyAs("api", "a.b"), "TOKEN_MALFORMED");
  ASSERT_OK_AND_ASSIGN(const auto made, Sign(ToSign("k")));
  revoked_jtis_[made.jti()] = absl::InfiniteFuture();
  EXPECT_EQ(VerifyAs("api", made.token()), "TOKEN_REVOKED");
  v1::SignJwtRequest nobody = ToSign("k");
  nobody.clear_subject();
  JwtUse use;
  EXPECT_FALSE(jwt_->Sign(*store_, nobody, &use).ok());
  EXPECT_EQ(use.version, SecretVersion());
  EXPECT_EQ(Consumers("k"), "");
}

TEST_F(JwtEvidenceTest, ARefreshIsOneOfTheKeyThatSigns) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK_AND_ASSIGN(const auto made, SignWithRefresh("k"));
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("k"));
  v1::RefreshJwtRequest request;
  request.set_path("k");
  request.set_refresh_token(made.refresh_token());
  JwtUse use;
  ASSERT_OK(jwt_->Refresh(*store_, request, &use));
  EXPECT_EQ(use.secret, IdOf("k"));
  EXPECT_EQ(use.version, SecretVersion(2));
  EXPECT_EQ(use.token_end, clock_.Now() + absl::Minutes(15) + absl::Seconds(30));
  EXPECT_FALSE(jwt_->Refresh(*store_, request, &use).ok());
}

}  // namespace
}  // namespace keyturn
