// `keyturn jwt`, as an operator and a service's author type it; PyJWT (Debian's python3-jwt) is who
// verifies elsewhere.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class JwtCliTest : public CliTest {
 protected:
  static bool Has(const std::string& text, const std::string& part) {
    return absl::StrContains(text, part);
  }
  // The token alone, without its newline.
  std::string Sign(const std::string& words) {
    std::string token = Ok("jwt sign " + words);
    EXPECT_TRUE(absl::EndsWith(token, "\n"));
    token.pop_back();
    return token;
  }
  // Must be found invalid, with this reason.
  void Invalid(const std::string& path, const std::string& token, const std::string& reason) {
    const ProcessResult result = Run("jwt verify " + path + " --value-file -", token);
    EXPECT_EQ(result.code, 8) << result.out << result.err;
    EXPECT_TRUE(Has(result.out, reason)) << result.out;
    EXPECT_EQ(result.err, "");
  }
  // What PyJWT says of a token now, or so many seconds after its end: its claims as JSON, or its
  // refusal.
  static std::string PyJwt(const std::string& key, const std::string& token,
                           std::optional<int> after_end = std::nullopt) {
    const std::string program = R"(
import datetime, json, sys, jwt, jwt.api_jwt
key, token, after_end = json.load(sys.stdin)
end = jwt.decode(token, options={'verify_signature': False})['exp']
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(end + after_end, tz)
if after_end is not None:
    jwt.api_jwt.datetime = Later
if key.startswith('{'):
    kid = jwt.get_unverified_header(token)['kid']
    key = [k for k in jwt.PyJWKSet.from_json(key).keys if k.key_id == kid][0].key
try:
    print(json.dumps(jwt.decode(token, key, algorithms=['EdDSA', 'ES256', 'RS256', 'HS256'],
                                audience='alcs-api', issuer='alcs-auth', leeway=30)))
except jwt.InvalidTokenError as error:
    print(type(error).__name__)
)";
    const std::string question =
        nlohmann::json(
            {key, token, after_end.has_value() ? nlohmann::json(*after_end) : nlohmann::json()})
            .dump();
    ProcessOptions options;
    options.input = question;
    const ProcessResult result = RunProcess({"/usr/bin/python3", "-c", program}, options);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
};

TEST_F(JwtCliTest, ATokenIsSignedHereAndVerifiedThere) {
  for (const char* const algorithm : {"EdDSA", "ES256", "RS256"}) {
    const std::string path = absl::StrCat("jwt/", algorithm);
    const std::string made = Ok(absl::StrCat("jwt create ", path, " --algorithm ", algorithm,
                                             " --issuer alcs-auth --audience alcs-api"));
    EXPECT_TRUE(Has(made, "signs and verifies")) << made;
    EXPECT_TRUE(Has(made, "next")) << made;
    const std::string token = Sign(path + " --subject u1 --permission read --ttl 60s");
    const std::string jwks = Ok("jwt jwks " + path);
    const std::string claims = PyJwt(jwks, token);
    EXPECT_TRUE(Has(claims, R"("permissions": ["read"])")) << claims;
    // 30 seconds of tolerance, to the second before and after.
    EXPECT_EQ(PyJwt(jwks, token, 29), claims);
    EXPECT_EQ(PyJwt(jwks, token, 31), "ExpiredSignatureError\n");
    const std::string answer = Ok("jwt verify " + path + " --value-file -", token + "\n");
    EXPECT_TRUE(Has(answer, "valid        yes")) << answer;
  }
}

TEST_F(JwtCliTest, AServiceThatSignsByItselfReadsItsKey) {
  Ok("jwt create jwt/own --algorithm HS256 --readable --issuer alcs-auth --audience alcs-api");
  const std::string key = Ok("secret read jwt/own");
  EXPECT_EQ(key.size(), 88u);
  const std::string token = Sign("jwt/own --subject u1");
  EXPECT_TRUE(Has(PyJwt(key, token), "u1"));
  Fails("jwt jwks jwt/own", 6, "an HS256 key has no public half");
  Ok("jwt update jwt/own --not-readable");
  Fails("secret read jwt/own", 6, "cannot be read");
  Fails("secret put jwt/own --value-file -", 6, "which its rotation makes", "mine");
}

TEST_F(JwtCliTest, AnInvalidTokenEndsWithCodeEight) {
  Ok("jwt create jwt/check --issuer alcs-auth --audience alcs-api");
  const std::string token = Sign("jwt/check --subject u1");
  const std::string other = Sign("jwt/check --subject u2");
  const std::string mixed = token.substr(0, token.rfind('.')) + other.substr(other.rfind('.'));
  Invalid("jwt/check", mixed, "TOKEN_SIGNATURE");
  EXPECT_TRUE(Has(Ok("rotation run jwt/check"), "published at")) << "the next key waits";
  Ok("rotation run jwt/check --emergency --reason leaked --confirm jwt/check");
  Invalid("jwt/check", token, "TOKEN_KEY");
  Ok("jwt verify jwt/check --value-file -", Sign("jwt/check --subject u1"));
}

TEST_F(JwtCliTest, RefreshTokensAreUsedOnce) {
  Ok("jwt create jwt/refresh --issuer alcs-auth --audience alcs-api");
  const auto made =
      nlohmann::json::parse(Ok("jwt sign jwt/refresh --subject u1 --refresh-token -o json"));
  const std::string first = made["refreshToken"];
  const auto next =
      nlohmann::json::parse(Ok("jwt refresh jwt/refresh --value-file - -o json", first));
  Fails("jwt refresh jwt/refresh --value-file -", 4, "was used before", first);
  Fails("jwt refresh jwt/refresh --value-file -", 4, "was revoked; sign in again",
        next["refreshToken"]);
  Invalid("jwt/refresh", next["token"], "revoked by jti");
  const auto again =
      nlohmann::json::parse(Ok("jwt sign jwt/refresh --subject u1 --refresh-token -o json"));
  Ok("jwt logout jwt/refresh --value-file -", again["refreshToken"]);
  Invalid("jwt/refresh", again["token"], "TOKEN_REVOKED");
}

TEST_F(JwtCliTest, WhatIsWrongIsSaid) {
  Fails("jwt create jwt/bad --issuer a --algorithm HS512", 2,
        "settings.algorithm is 'HS512'; allowed are HS256, RS256, ES256 and EdDSA");
  Fails("jwt create jwt/bad --issuer a --max-token 25h", 2, "--max-token is 90000 seconds");
  Fails("jwt create jwt/bad --issuer a --grace 1h", 2, "tokens would outlive the key");
  Fails("jwt sign jwt/none --subject u1", 3, "jwt/none");
  Ok("secret put jwt/text --value-file -", "first");
  Fails("jwt sign jwt/text --subject u1", 6, "is no key that signs tokens");
  Ok("jwt create jwt/one --issuer a");
  Fails("jwt create jwt/one --issuer a", 6, "there is a secret at jwt/one");
  Fails("jwt sign jwt/one --subject u1", 2, "audience: say whom the token is for");
  Fails("jwt sign jwt/one --subject u1 --audience b --service --ttl 2h", 2,
        "--ttl is 7200; allowed are 0 (15 minutes, if that is not too long) and 1 to 3600");
}

TEST_F(JwtCliTest, AnImportedSecretSignsOn) {
  Ok("secret put jwt/legacy --kind jwt_key --value-file -",
     "a-secret-of-the-old-kind-with-40-letters");
  const std::string adopted =
      Ok("jwt adopt jwt/legacy --algorithm HS256 --issuer alcs-auth --audience alcs-api");
  EXPECT_TRUE(Has(adopted, "can be read: keyturn secret read")) << adopted;
  EXPECT_EQ(Ok("secret read jwt/legacy"), "a-secret-of-the-old-kind-with-40-letters");
  EXPECT_TRUE(Has(
      PyJwt("a-secret-of-the-old-kind-with-40-letters", Sign("jwt/legacy --subject u1")), "u1"));
}

constexpr char kDotenv[] =
    "API_KEY=kt_example_4f9c1e7ab2d8\n"
    "JWT_SECRET=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef\n"
    "DATABASE_URL='postgres://alcs:correct-horse@db.internal:5432/alcs?sslmode=require'\n"
    "LOG_LEVEL=debug\n";

TEST_F(JwtCliTest, AnImportGuessesWhatTurns) {
  const std::string dry =
      Ok("import - --format dotenv --path guide/auto --kinds auto --dry-run", kDotenv);
  EXPECT_TRUE(Has(dry, "guide/auto/jwt-secret    jwt_key        be made")) << dry;
  Ok("import - --format dotenv --path guide/auto --kinds auto", kDotenv);
  EXPECT_TRUE(Has(Ok("secret show guide/auto/jwt-secret"), "jwt_key"));
  EXPECT_TRUE(Has(Ok("secret show guide/auto/api-key"), "api_key"));
  EXPECT_TRUE(Has(Ok("secret show guide/auto/log-level"), "generic"));
  EXPECT_EQ(Ok("secret read guide/auto/database-url#password"), "correct-horse");
  EXPECT_EQ(Ok("secret read guide/auto/database-url#host"), "db.internal");
  // Nothing has rotated by it, and what a program gets is what it was.
  EXPECT_EQ(Ok("secret read guide/auto/api-key"), "kt_example_4f9c1e7ab2d8");
  const std::string env = Ok("run --path guide/auto --pristine -- /usr/bin/env");
  EXPECT_TRUE(Has(env, "JWT_SECRET=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef\n"));
  EXPECT_TRUE(Has(env, "DATABASE_URL=postgres://alcs:correct-horse@db.internal:5432/alcs"));
  const std::string status = Ok("rotation status guide/auto/jwt-secret");
  EXPECT_TRUE(Has(status, "every 90d, grace 7d")) << status;
  EXPECT_TRUE(Has(status, "1        current")) << status;
  Ok("jwt adopt guide/auto/jwt-secret --algorithm HS256 --issuer alcs-auth --audience alcs-api");
  EXPECT_TRUE(Has(PyJwt("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY0123456789abcdef",
                        Sign("guide/auto/jwt-secret --subject u1")),
                  "u1"));
}

// What exists keeps its kind: a URL does not get parts in a secret that does not rotate, and it is
// said what would make it rotate.
TEST_F(JwtCliTest, AnImportOverWhatExistsSaysWhatWouldTurn) {
  Ok("import - --format dotenv --path guide/twice", kDotenv);
  const std::string dry =
      Ok("import - --format dotenv --path guide/twice --kinds auto --overwrite --dry-run", kDotenv);
  EXPECT_TRUE(Has(dry, "guide/twice/jwt-secret    generic  write a new version")) << dry;
  const ProcessResult again =
      Run("import - --format dotenv --path guide/twice --kinds auto --overwrite", kDotenv);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(Has(again.err, "keyturn secret adopt guide/twice/database-url --kind db_credential"))
      << again.err;
  EXPECT_FALSE(Has(again.err, "log-level")) << again.err;
  EXPECT_TRUE(Has(Ok("secret show guide/twice/database-url"), "generic"));
  EXPECT_EQ(Ok("secret read guide/twice/database-url"),
            "postgres://alcs:correct-horse@db.internal:5432/alcs?sslmode=require");
  Ok("secret adopt guide/twice/database-url --kind db_credential");
  // Of one that is a db_credential the parts follow.
  Ok("import - --format dotenv --path guide/twice --kinds auto --overwrite",
     "DATABASE_URL=postgres://alcs:battery@db.internal:5432/alcs?sslmode=require\n");
  EXPECT_EQ(Ok("secret read guide/twice/database-url#password"), "battery");
}

TEST_F(JwtCliTest, AGenericSecretIsAdopted) {
  Ok("import - --format dotenv --path guide/later", kDotenv);
  Ok("secret adopt guide/later/jwt-secret --kind jwt_key");
  Ok("secret adopt guide/later/database-url --kind db_credential");
  Ok("secret adopt guide/later/api-key --kind api_key");
  EXPECT_EQ(Ok("secret read guide/later/database-url#username"), "alcs");
  EXPECT_TRUE(Has(Ok("rotation status guide/later/database-url"), "1        current"))
      << "it is the version that it was";
  // Who read the URL before still does.
  constexpr char kUrl[] = "postgres://alcs:correct-horse@db.internal:5432/alcs?sslmode=require";
  EXPECT_EQ(Ok("secret read guide/later/database-url"), kUrl);
  EXPECT_TRUE(Has(Ok("run --env DB=guide/later/database-url --pristine -- /usr/bin/env"),
                  absl::StrCat("DB=", kUrl, "\n")));
  // Another URL, then another password: whoever reads either gets in.
  Ok("secret put guide/later/database-url --value-file -",
     "postgres://alcs:battery@db.internal:5432/alcs?sslmode=require");
  EXPECT_EQ(Ok("secret read guide/later/database-url#password"), "battery");
  Ok("secret put guide/later/database-url#password --value-file -", "st@ple");
  EXPECT_EQ(Ok("secret read guide/later/database-url#value"),
            "postgres://alcs:st%40ple@db.internal:5432/alcs?sslmode=require");
  EXPECT_EQ(Ok("secret read guide/later/api-key"), "kt_example_4f9c1e7ab2d8");
  EXPECT_TRUE(Has(Ok("rotation status guide/later/api-key"), "current"));
  Fails("secret adopt guide/later/api-key --kind jwt_key", 6, "is of kind api_key already");
  // What is refused was not written to.
  const auto versions = [this](const std::string& name) {
    return Json(absl::StrCat("secret show guide/later/", name, " -o json"))["versions"];
  };
  const nlohmann::json of_url = versions("database-url");
  EXPECT_EQ(of_url.size(), 3u);
  Fails("secret adopt guide/later/database-url --kind db_credential", 6,
        "is of kind db_credential already");
  EXPECT_EQ(versions("database-url"), of_url);
  Ok("secret put guide/later/url --kind api_key --value-file -", kUrl);
  Fails("secret adopt guide/later/url --kind db_credential", 6, "is of kind api_key already");
  EXPECT_EQ(versions("url").size(), 1u);
  Fails("secret adopt guide/later/log-level --kind db_credential", 2,
        "must be the URL of a database");
  Fails("secret adopt guide/later/log-level --kind password", 2, "--kind must be api_key");
}

}  // namespace
}  // namespace keyturn
