#include "rotation/jwt/tokens.h"

#include "base/coding.h"
#include "crypto/jws.h"
#include "crypto/random.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class JwtTokensTest : public JwtFixture {
 protected:
  std::string RefusalOf(const v1::SignJwtRequest& request) { return Said(Sign(request)); }
};

TEST_F(JwtTokensTest, WhatIsSignedIsValidForEachAlgorithm) {
  for (const char* const algorithm : {"HS256", "RS256", "ES256", "EdDSA"}) {
    ASSERT_OK(Create(algorithm, Settings(algorithm)));
    ASSERT_OK_AND_ASSIGN(const auto made, Sign(ToSign(algorithm)));
    EXPECT_EQ(made.expire_time().seconds() - made.issue_time().seconds(), 900);
    ASSERT_OK_AND_ASSIGN(const auto answer, Verify(algorithm, made.token()));
    EXPECT_TRUE(answer.valid()) << answer.message();
    EXPECT_EQ(answer.subject(), "u1");
    EXPECT_EQ(answer.jti(), made.jti());
    EXPECT_EQ(answer.kid(), made.kid());
    ASSERT_EQ(answer.audiences_size(), 1);
    EXPECT_EQ(answer.audiences(0), "alcs-api");
    ASSERT_EQ(answer.permissions_size(), 1);
    EXPECT_EQ(answer.permissions(0), "read");
    // "at+jwt", of the key, and nothing else in the header.
    EXPECT_EQ(
        Base64UrlDecode(made.token().substr(0, made.token().find('.'))),
        absl::StrCat(R"({"alg":")", algorithm, R"(","kid":")", made.kid(), R"(","typ":"at+jwt"})"));
  }
  // None is valid for the key of another.
  for (const char* const from : {"HS256", "RS256", "ES256", "EdDSA"}) {
    for (const char* const to : {"HS256", "RS256", "ES256", "EdDSA"}) {
      EXPECT_EQ(Judge(to, Token(from)), absl::string_view(from) == to ? "valid" : "TOKEN_KEY");
    }
  }
}

TEST_F(JwtTokensTest, ToTheSecondOfItsLeeway) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string token = Token("k");
  clock_.AdvanceTime(absl::Seconds(900 + 29));
  EXPECT_EQ(Judge("k", token), "valid");
  clock_.AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(Judge("k", token), "TOKEN_EXPIRED");
  // A clock that is behind by more than that.
  const std::string later = Token("k");
  clock_.AdvanceTime(absl::Seconds(-29));
  EXPECT_EQ(Judge("k", later), "valid");
  clock_.AdvanceTime(absl::Seconds(-3));
  EXPECT_EQ(Judge("k", later), "TOKEN_NOT_YET_VALID");
}

TEST_F(JwtTokensTest, ALeewayOfTheCaller) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  v1::VerifyJwtRequest request;
  request.set_path("k");
  request.set_token(Token("k"));
  clock_.AdvanceTime(absl::Seconds(901));
  request.set_leeway_seconds(-1);
  EXPECT_EQ(jwt_->Verify(request)->reason(), "TOKEN_EXPIRED");
  request.set_leeway_seconds(2);
  EXPECT_TRUE(jwt_->Verify(request)->valid());
  request.set_leeway_seconds(301);
  EXPECT_EQ(Said(jwt_->Verify(request)),
            "INVALID_ARGUMENT: leeway_seconds is 301; allowed are -1 (none), 0 (30) and 1 to 300");
}

TEST_F(JwtTokensTest, WhatARequestMayAsk) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  v1::SignJwtRequest request = ToSign("k");
  request.clear_subject();
  EXPECT_EQ(RefusalOf(request), "INVALID_ARGUMENT: subject: must not be empty");
  request = ToSign("k");
  request.set_ttl_seconds(86'400);
  EXPECT_EQ(RefusalOf(request), "OK");
  request.set_ttl_seconds(86'401);
  EXPECT_EQ(RefusalOf(request),
            "INVALID_ARGUMENT: ttl_seconds is 86401; allowed are 0 (15 minutes, if that is not too "
            "long) and 1 to 86400");
  request.set_use(v1::SignJwtRequest::SERVICE);
  request.set_ttl_seconds(3'600);
  EXPECT_EQ(RefusalOf(request), "OK");
  request.set_ttl_seconds(3'601);
  EXPECT_EQ(RefusalOf(request),
            "INVALID_ARGUMENT: ttl_seconds is 3601; allowed are 0 (15 minutes, if that is not too "
            "long) and 1 to 3600");
  request.set_ttl_seconds(0);
  request.set_with_refresh_token(true);
  EXPECT_EQ(RefusalOf(request),
            "INVALID_ARGUMENT: with_refresh_token: a service has none; it signs anew instead");
  request = ToSign("k");
  request.add_audiences("elsewhere");
  EXPECT_EQ(RefusalOf(request), "INVALID_ARGUMENT: audience: the key is for alcs-api only");
  request = ToSign("k");
  request.set_claims_json(R"({"tenant":"t1","exp":1})");
  EXPECT_EQ(RefusalOf(request),
            "INVALID_ARGUMENT: \"exp\" is no other claim: it has a field of its own");
  request.set_claims_json(R"({"tenant":"t1"})");
  ASSERT_OK_AND_ASSIGN(const auto made, Sign(request));
  EXPECT_EQ(Verify("k", made.token())->claims_json(), R"({"tenant":"t1"})");
  request.set_permissions(0, "");
  EXPECT_EQ(RefusalOf(request),
            "INVALID_ARGUMENT: \"permissions\" must be a list of at most 256 strings, each of 1 to "
            "128 bytes without control characters");
  request = ToSign("k");
  request.add_audiences("alcs-api");
  request.add_audiences("");
  EXPECT_EQ(RefusalOf(request), "INVALID_ARGUMENT: audiences: one is empty");
  request = ToSign("k");
  request.set_use(static_cast<v1::SignJwtRequest::Use>(7));
  EXPECT_EQ(RefusalOf(request), "INVALID_ARGUMENT: use: allowed are USER and SERVICE");
}

TEST_F(JwtTokensTest, AudiencesOfSeveral) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  settings.add_audiences("alcs-admin");
  ASSERT_OK(Create("k", settings));
  EXPECT_EQ(RefusalOf(ToSign("k")),
            "INVALID_ARGUMENT: audience: say which of alcs-api, alcs-admin");
  v1::SignJwtRequest request = ToSign("k");
  request.add_audiences("alcs-admin");
  const std::string token = Sign(request)->token();
  EXPECT_EQ(Judge("k", token, "alcs-admin"), "valid");
  EXPECT_EQ(Judge("k", token, "alcs-api"), "TOKEN_AUDIENCE");
  settings.clear_audiences();
  ASSERT_OK(Create("any", settings));
  EXPECT_EQ(RefusalOf(ToSign("any")), "INVALID_ARGUMENT: audience: say whom the token is for");
}

TEST_F(JwtTokensTest, WhatIsRevokedIsRefused) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  ASSERT_OK_AND_ASSIGN(const auto one, Sign(ToSign("k")));
  ASSERT_OK_AND_ASSIGN(const auto two, Sign(ToSign("k", "u2")));
  revoked_jtis_[one.jti()] = absl::InfiniteFuture();
  EXPECT_EQ(Judge("k", one.token()), "TOKEN_REVOKED");
  EXPECT_EQ(Judge("k", two.token()), "valid");
  clock_.AdvanceTime(absl::Seconds(1));
  ended_subjects_["u2"] = clock_.Now();
  EXPECT_EQ(Verify("k", two.token())->message(), "revoked by subject");
  EXPECT_EQ(Judge("k", Token("k", "u2")), "valid");  // issued since
  revoked_kids_[one.kid()] = absl::InfiniteFuture();
  EXPECT_EQ(Verify("k", Token("k", "u2"))->message(), "revoked by kid");
}

// In a list that is not there nothing is found, so nothing is taken. What is wrong by itself is
// said.
TEST_F(JwtTokensTest, WithoutTheListNoTokenIsTaken) {
  ASSERT_OK(Create("k", Settings("EdDSA")));
  const std::string token = Token("k");
  list_status_ = WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
  EXPECT_EQ(Said(Verify("k", token)), "FAILED_PRECONDITION: the vault is sealed");
  EXPECT_EQ(Judge("k", token), "SEALED");
  EXPECT_EQ(Judge("k", "a.b"), "TOKEN_MALFORMED");
  list_status_ = absl::OkStatus();
  EXPECT_EQ(Judge("k", token), "valid");
}

// Each is the good token with one thing changed, signed with the right key where that matters.
TEST_F(JwtTokensTest, ForgeriesAndMistakes) {
  v1::JwtKeySettings settings = Settings("HS256");
  settings.set_readable(true);
  ASSERT_OK(Create("hs", settings));
  const std::string kid = Key("hs").versions(1).kid();
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, SecretBytes::CopyOf(Get("hs")));
  const auto forge = [&](const std::string& header, const std::string& payload) {
    const std::string input = absl::StrCat(Base64UrlEncode(header), ".", Base64UrlEncode(payload));
    const auto signer = *JoseSigner::New(JoseAlgorithm::kHs256, key);
    return absl::StrCat(input, ".", Base64UrlEncode(*signer->Sign(input)));
  };
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  const auto claims = [&](const std::string& aud, int64_t iat, int64_t exp) {
    return absl::StrCat(R"({"iss":"alcs-auth","sub":"u1","aud":")", aud, R"(","iat":)", iat,
                        R"(,"exp":)", exp, R"(,"jti":"j1"})");
  };
  const std::string good_header = absl::StrCat(R"({"alg":"HS256","kid":")", kid, R"("})");
  const std::string good = claims("alcs-api", now, now + 60);
  EXPECT_EQ(Judge("hs", forge(good_header, good)), "valid");
  const std::map<std::string, std::pair<std::string, std::string>> cases = {
      {forge(absl::StrCat(R"({"alg":"none","kid":")", kid, R"("})"), good),
       {"none", "TOKEN_ALGORITHM"}},
      {forge(absl::StrCat(R"({"alg":"RS256","kid":")", kid, R"("})"), good),
       {"another algorithm", "TOKEN_ALGORITHM"}},
      {forge(R"({"alg":"HS256","kid":""})", good), {"an empty kid", "TOKEN_KEY"}},
      {forge(R"({"alg":"HS256","kid":"aa-1"})", good), {"unknown kid", "TOKEN_KEY"}},
      {forge(good_header, claims("other", now, now + 60)), {"audience", "TOKEN_AUDIENCE"}},
      {forge(good_header, claims("alcs-api", now * 1000, now * 1000 + 60)),
       {"milliseconds", "TOKEN_CLAIMS"}},
      {forge(good_header, claims("alcs-api", now, now + 86'401)), {"too long", "TOKEN_CLAIMS"}},
      {forge(good_header, claims("alcs-api", now - 100, now - 31)), {"expired", "TOKEN_EXPIRED"}},
      {forge(good_header, claims("alcs-api", now + 31, now + 60)),
       {"not yet", "TOKEN_NOT_YET_VALID"}},
      {forge(good_header, "[]"), {"no object", "TOKEN_CLAIMS"}},
      {forge(absl::StrCat(R"({"alg":"HS256","kid":")", kid, R"(","crit":["x"]})"), good),
       {"crit", "TOKEN_MALFORMED"}},
      {forge(good_header, good) + "A", {"more signature", "TOKEN_SIGNATURE"}},
      {"a.b", {"two parts", "TOKEN_MALFORMED"}},
      {"", {"nothing", "TOKEN_MALFORMED"}},
  };
  for (const auto& [token, expected] : cases) {
    EXPECT_EQ(Judge("hs", token), expected.second) << expected.first;
  }
  // What is said, in whole.
  const std::string whole = forge(good_header, good);
  const auto payload = [&](int64_t iat, int64_t exp) { return claims("alcs-api", iat, exp); };
  const std::pair<std::string, const char*> said[] = {
      {"a.b", "TOKEN_MALFORMED: the token must have three parts with \".\" between them"},
      {forge(R"({"alg":"HS256","kid":"aa-1"})", good),
       "TOKEN_KEY: the token names a key that is not in use here, or not any more"},
      {whole + "A", "TOKEN_SIGNATURE: the token's signature must have 32 bytes with this key"},
      {forge(good_header, payload(now, now + 61)).substr(0, whole.rfind('.')) +
           whole.substr(whole.rfind('.')),
       "TOKEN_SIGNATURE: the token's signature is not of its key"},
      {forge(good_header, payload(now, now + 86'401)),
       "TOKEN_CLAIMS: the token lives too long; the most from \"iat\" to \"exp\" is 24h"},
      {forge(good_header, payload(now, now)),
       "TOKEN_CLAIMS: the token's \"exp\" must be after its \"iat\""},
  };
  for (const auto& [token, words] : said) EXPECT_EQ(Verdict("hs", token), words);
  // Every byte of a good token counts.
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(Judge("hs", changed), "valid") << i;
  }
}

// What a service signs that has read the key, and knows nothing of our ids.
class JwtUnnamedTest : public JwtFixture {
 protected:
  void SetUp() override {
    for (const char* const algorithm : {"HS256", "ES256", "EdDSA"}) {
      for (const bool readable : {true, false}) {
        v1::JwtKeySettings settings = Settings(algorithm);
        settings.set_readable(readable);
        ASSERT_OK(Create(absl::StrCat(readable ? "" : "closed/", algorithm), settings));
      }
    }
  }
  static JoseAlgorithm AlgorithmNamed(const std::string& name) {
    return *JoseAlgorithmFromName(name);
  }
  // The text of a key as who reads it has it.
  SecretBytes KeyIn(const std::string& algorithm, const std::string& path, uint64_t version = 0) {
    return *JwtKeyOf(AlgorithmNamed(algorithm), *SecretBytes::CopyOf(Get(path, version)), false);
  }
  // By this key and its algorithm, with a header that says what the caller wants.
  std::string SignedBy(const std::string& algorithm, const SecretBytes& key,
                       const std::string& said, const std::string& issuer = "alcs-auth") {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    const std::string input = absl::StrCat(
        Base64UrlEncode(absl::StrCat(R"({"alg":")", said, R"("})")), ".",
        Base64UrlEncode(absl::StrCat(R"({"iss":")", issuer, R"(","sub":"u1","aud":"alcs-api")",
                                     R"(,"iat":)", now, R"(,"exp":)", now + 600, "}")));
    const auto signer = *JoseSigner::New(AlgorithmNamed(algorithm), key);
    return absl::StrCat(input, ".", Base64UrlEncode(*signer->Sign(input)));
  }
};

TEST_F(JwtUnnamedTest, EachKeyInUseIsTried) {
  for (const std::string algorithm : {"HS256", "ES256", "EdDSA"}) {
    const std::string first = SignedBy(algorithm, KeyIn(algorithm, algorithm), algorithm);
    ASSERT_OK_AND_ASSIGN(const auto answer, Verify(algorithm, first));
    EXPECT_TRUE(answer.valid()) << answer.message();
    EXPECT_EQ(answer.kid(), Key(algorithm).versions(1).kid());  // the one that was found
  }
  const SecretBytes former = KeyIn("EdDSA", "EdDSA");
  Pass(absl::Hours(2));
  ASSERT_OK(Rotate("EdDSA"));
  EXPECT_EQ(Judge("EdDSA", SignedBy("EdDSA", former, "EdDSA")), "valid");  // in its grace
  EXPECT_EQ(Judge("EdDSA", SignedBy("EdDSA", KeyIn("EdDSA", "EdDSA"), "EdDSA")), "valid");
  Pass(Days(8));
  EXPECT_EQ(Judge("EdDSA", SignedBy("EdDSA", former, "EdDSA")), "TOKEN_SIGNATURE");
}

TEST_F(JwtUnnamedTest, WhatEndsAKeyEndsItsTokens) {
  const SecretBytes key = KeyIn("HS256", "HS256");
  revoked_kids_[Key("HS256").versions(1).kid()] = absl::InfiniteFuture();
  EXPECT_EQ(Judge("HS256", SignedBy("HS256", key, "HS256")), "TOKEN_REVOKED");
  revoked_kids_.clear();
  ASSERT_OK(Rotate("HS256", /*emergency=*/true));
  EXPECT_EQ(Judge("HS256", SignedBy("HS256", key, "HS256")), "TOKEN_SIGNATURE");
}

TEST_F(JwtUnnamedTest, WithoutAKeyInUseThereIsNoneToTry) {
  const std::string token = SignedBy("HS256", KeyIn("HS256", "HS256"), "HS256");
  EXPECT_EQ(Verdict("HS256", token), "valid");
  v1::DeleteRequest remove;
  remove.set_path("HS256");
  ASSERT_OK(vault_->Delete(*store_, remove));
  EXPECT_EQ(Verdict("HS256", token), "TOKEN_KEY: the token names no key, and none is in use here");
}

TEST_F(JwtUnnamedTest, NoAlgorithmIsTakenFromTheToken) {
  // The public half is known to all: as a shared secret it must sign nothing.
  for (const std::string algorithm : {"ES256", "EdDSA"}) {
    const SecretBytes key = KeyIn(algorithm, algorithm);
    const std::string der = *JosePublicDer(AlgorithmNamed(algorithm), key);
    std::string padded = der;
    padded.resize(std::max<size_t>(der.size(), 64), '\0');
    const SecretBytes shared = *SecretBytes::CopyOf(padded);
    EXPECT_EQ(Judge(algorithm, SignedBy("HS256", shared, "HS256")), "TOKEN_ALGORITHM");
    EXPECT_EQ(Judge(algorithm, SignedBy("HS256", shared, algorithm)), "TOKEN_SIGNATURE");
    // Its own signature, under the name of another.
    for (const char* const said : {"HS256", "RS256", "none", "es256", "eddsa"}) {
      EXPECT_EQ(Judge(algorithm, SignedBy(algorithm, key, said)), "TOKEN_ALGORITHM") << said;
    }
  }
}

TEST_F(JwtUnnamedTest, OnlyTheKeysOfTheSecretThatIsAskedAreTried) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  settings.set_readable(true);
  ASSERT_OK(Create("other", settings));
  settings.set_issuer("somebody");
  ASSERT_OK(Create("foreign", settings));
  EXPECT_EQ(Judge("EdDSA", SignedBy("EdDSA", KeyIn("EdDSA", "other"), "EdDSA")), "TOKEN_SIGNATURE");
  EXPECT_EQ(Judge("other", SignedBy("EdDSA", KeyIn("EdDSA", "other"), "EdDSA")), "valid");
  // A token for the issuer of another secret, or of nobody.
  for (const char* const issuer : {"alcs-auth", "nobody", ""}) {
    EXPECT_EQ(Judge("foreign", SignedBy("EdDSA", KeyIn("EdDSA", "foreign"), "EdDSA", issuer)),
              "TOKEN_ISSUER")
        << issuer;
  }
  EXPECT_TRUE(absl::IsNotFound(
      Verify("absent", SignedBy("EdDSA", KeyIn("EdDSA", "other"), "EdDSA")).status()));
}

// Where the server signs all tokens, one without the name of its key is none of them.
TEST_F(JwtUnnamedTest, AKeyThatNobodyReadsIsNamed) {
  const SecretBytes any = *SecretBytes::CopyOf(std::string(64, 'k'));
  EXPECT_EQ(Judge("closed/HS256", SignedBy("HS256", any, "HS256")), "TOKEN_KEY");
}

TEST_F(JwtTokensTest, ALegibleKeyIsReadAndAnotherIsNot) {
  ASSERT_OK(Create("k", Settings("HS256")));
  EXPECT_EQ(Get("k"), "NOT_READABLE");
  EXPECT_EQ(Get("k", 1), "NOT_READABLE");
  EXPECT_EQ(Said<PutResult>(Put("k", "mine")),
            "FAILED_PRECONDITION: the secret holds keys that sign tokens, which its rotation "
            "makes; run: keyturn rotation run");
  v1::JwtKeySettings settings = Settings("HS256");
  settings.set_readable(true);
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = settings;
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  EXPECT_EQ(Get("k").size(), 88u);
  EXPECT_EQ(Get("k", 2), "VERSION_PENDING");  // the next one is nobody's yet
  update.mutable_settings()->set_algorithm("EdDSA");
  EXPECT_EQ(Said(jwt_->UpdateKey(*store_, update, absl::OkStatus())),
            "INVALID_ARGUMENT: settings.algorithm is HS256 for ever; make another key for another "
            "algorithm");
}

TEST_F(JwtTokensTest, WhereThereIsNoKey) {
  EXPECT_TRUE(absl::IsNotFound(Verify("k", "a.b.c").status()));
  ASSERT_OK(Put("generic", "1"));
  EXPECT_EQ(Judge("generic", "a.b.c"), "NOT_A_SIGNING_KEY");
  ASSERT_OK(Create("k", Settings("EdDSA")));
  EXPECT_EQ(ReasonOf(Create("k", Settings("EdDSA")).status()), "SECRET_EXISTS");
  EXPECT_EQ(ReasonOf(Create("generic", Settings("EdDSA")).status()), "SECRET_EXISTS");
  const std::string token = Token("k");
  v1::DeleteRequest remove;
  remove.set_path("k");
  ASSERT_OK(vault_->Delete(*store_, remove));
  EXPECT_EQ(Judge("k", token), "TOKEN_KEY");
  EXPECT_EQ(ReasonOf(Sign(ToSign("k")).status()), "NO_SIGNING_KEY");
  keyring_->Seal();
  jwt_->OnSealed();
  vault_->OnSealed();
  EXPECT_TRUE(absl::IsFailedPrecondition(Verify("k", token).status()));
}

TEST_F(JwtTokensTest, AShorterLimitEndsNoTokenThatWasSignedBefore) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  ASSERT_OK(Create("k", settings));
  v1::SignJwtRequest request = ToSign("k");
  request.set_ttl_seconds(7'200);
  const std::string token = Sign(request)->token();
  settings.set_max_token_seconds(600);
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = settings;
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  EXPECT_EQ(Judge("k", token), "valid");
  EXPECT_FALSE(Sign(request).ok());  // but no other is made
  clock_.AdvanceTime(absl::Seconds(7'199));
  Reopen();
  EXPECT_EQ(Judge("k", token), "valid");
  clock_.AdvanceTime(absl::Minutes(2));
  EXPECT_EQ(Judge("k", token), "TOKEN_EXPIRED");
}

TEST_F(JwtTokensTest, WhoMayNotReadMakesNoKeyReadable) {
  v1::JwtKeySettings settings = Settings("EdDSA");
  ASSERT_OK(Create("k", settings));
  settings.set_readable(true);
  v1::UpdateJwtKeyRequest update;
  update.set_path("k");
  *update.mutable_settings() = settings;
  const absl::Status denied = absl::PermissionDeniedError("no");
  EXPECT_EQ(Said(jwt_->UpdateKey(*store_, update, denied)), "PERMISSION_DENIED: no");
  EXPECT_EQ(Get("k"), "NOT_READABLE");
  ASSERT_OK(jwt_->UpdateKey(*store_, update, absl::OkStatus()));
  // What is readable may be changed otherwise, and made unreadable.
  update.mutable_settings()->set_max_token_seconds(600);
  EXPECT_OK(jwt_->UpdateKey(*store_, update, denied));
  update.mutable_settings()->set_readable(false);
  EXPECT_OK(jwt_->UpdateKey(*store_, update, denied));
  EXPECT_EQ(Get("k"), "NOT_READABLE");
}

}  // namespace
}  // namespace keyturn
