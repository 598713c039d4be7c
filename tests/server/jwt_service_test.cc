// Tokens over gRPC, their public keys over HTTPS, and the revocation list between them and Redis
// clients.
#include "server/jwt_service.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "tests/server/resp_client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class JwtServiceTest : public ServerFixture {
 protected:
  v1::JwtKey Create(const std::string& path, const std::string& algorithm) {
    v1::CreateJwtKeyRequest request;
    request.set_path(path);
    request.mutable_settings()->set_algorithm(algorithm);
    request.mutable_settings()->set_issuer("alcs-auth");
    request.mutable_settings()->add_audiences("alcs-api");
    v1::JwtKey key;
    EXPECT_EQ(Text(stubs_->jwt->CreateKey(Ctx(root_), request, &key)), "OK");
    return key;
  }
  v1::SignJwtResponse Sign(const std::string& path, const std::string& subject = "u1") {
    v1::SignJwtRequest request;
    request.set_path(path);
    request.set_subject(subject);
    request.add_permissions("read");
    v1::SignJwtResponse made;
    EXPECT_EQ(Text(stubs_->jwt->Sign(Ctx(root_), request, &made)), "OK");
    return made;
  }
  // "valid", or what is wrong.
  std::string Judge(const std::string& path, const std::string& token) {
    v1::VerifyJwtRequest request;
    request.set_path(path);
    request.set_token(token);
    v1::VerifyJwtResponse answer;
    EXPECT_EQ(Text(stubs_->jwt->Verify(Ctx(root_), request, &answer)), "OK");
    return answer.valid() ? "valid" : answer.message();
  }
  // Headers and body of a page of the HTTPS listener, by OpenSSL's own client.
  std::string Page(const std::string& path, const std::string& options = "") {
    return OutputOf(absl::StrCat(
        "printf 'GET ", path,
        " HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | timeout 10 openssl s_client ",
        "-quiet -verify_return_error -connect ", server_->info().https, " -CAfile ",
        server_->info().ca_file, " ", options, " 2>/dev/null"));
  }
};

TEST_F(JwtServiceTest, PublicKeysAreThereForEverybody) {
  StartDev();
  const v1::JwtKey key = Create("app/jwt", "EdDSA");
  Create("app/shared", "HS256");
  const std::string page = Page("/.well-known/jwks.json");
  EXPECT_TRUE(absl::StartsWith(page, "HTTP/1.1 200 OK\r\n")) << page;
  EXPECT_TRUE(absl::StrContains(page, "Content-Type: application/jwk-set+json\r\n")) << page;
  EXPECT_TRUE(absl::StrContains(page, "Cache-Control: public, max-age=300\r\n")) << page;
  const auto body = nlohmann::json::parse(page.substr(page.find("\r\n\r\n") + 4));
  ASSERT_EQ(body["keys"].size(), 2u) << page;
  EXPECT_EQ(body["keys"][0]["kid"], key.versions(0).kid());
  EXPECT_EQ(body["keys"][1]["kid"], key.versions(1).kid());
  for (const auto& jwk : body["keys"]) {
    EXPECT_EQ(jwk["alg"], "EdDSA");
    EXPECT_FALSE(jwk.contains("d"));
  }
  EXPECT_TRUE(absl::StartsWith(Page("/metrics"), "HTTP/1.1 404"));
  v1::GetJwksRequest request;
  request.set_path("app/jwt");
  v1::GetJwksResponse jwks;
  ASSERT_EQ(Text(stubs_->jwt->GetJwks(Ctx(root_), request, &jwks)), "OK");
  EXPECT_EQ(nlohmann::json::parse(jwks.jwks()), body);
}

TEST_F(JwtServiceTest, TheListenerSpeaksTls12And13Only) {
  StartDev();
  EXPECT_TRUE(absl::StartsWith(Page("/.well-known/jwks.json", "-tls1_2"), "HTTP/1.1 200"));
  EXPECT_TRUE(absl::StartsWith(Page("/.well-known/jwks.json", "-tls1_3"), "HTTP/1.1 200"));
  EXPECT_EQ(Page("/.well-known/jwks.json", "-tls1_1 -cipher DEFAULT@SECLEVEL=0"), "");
}

TEST_F(JwtServiceTest, WhileSealedThereAreNone) {
  StartReal();
  EXPECT_TRUE(absl::StartsWith(Page("/.well-known/jwks.json"), "HTTP/1.1 503"));
  InitReal();
  const std::string page = Page("/.well-known/jwks.json");
  EXPECT_TRUE(absl::EndsWith(page, "{\"keys\":[]}\n")) << page;
}

TEST_F(JwtServiceTest, WhatIsRevokedThroughOneDoorIsRefusedAtTheOther) {
  StartDev();
  Create("app/jwt", "EdDSA");
  const v1::SignJwtResponse one = Sign("app/jwt"), two = Sign("app/jwt", "u2");
  EXPECT_EQ(Judge("app/jwt", one.token()), "valid");
  // A Redis client ends a token here.
  RespTestClient redis(server_->info().resp);
  ASSERT_EQ(redis.Call({"AUTH", root_}), "+OK\r\n");
  EXPECT_EQ(redis.Call({"SET", "revoked:" + one.jti(), "1", "EX", "900"}), "+OK\r\n");
  EXPECT_EQ(Judge("app/jwt", one.token()), "revoked by jti");
  EXPECT_EQ(Judge("app/jwt", two.token()), "valid");
  EXPECT_EQ(redis.Call({"SET", "revoked:subject:u2", "1"}), "+OK\r\n");
  EXPECT_EQ(Judge("app/jwt", two.token()), "revoked by subject");
  // An emergency here ends a key there.
  v1::RotateRequest rotate;
  rotate.set_path("app/jwt");
  rotate.set_emergency(true);
  rotate.set_reason("it leaked");
  v1::RotationStatus status;
  ASSERT_EQ(Text(stubs_->rotations->Rotate(Ctx(root_), rotate, &status)), "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:kid:" + one.kid()}), ":1\r\n");
  EXPECT_FALSE(absl::StrContains(Page("/.well-known/jwks.json"), one.kid()));
  EXPECT_EQ(Judge("app/jwt", Sign("app/jwt").token()), "valid");
}

TEST_F(JwtServiceTest, AReusedRefreshTokenEndsTheAccessTokensForRedisClientsToo) {
  StartDev();
  Create("app/jwt", "EdDSA");
  v1::SignJwtRequest sign;
  sign.set_path("app/jwt");
  sign.set_subject("u1");
  sign.set_with_refresh_token(true);
  v1::SignJwtResponse made, next;
  ASSERT_EQ(Text(stubs_->jwt->Sign(Ctx(root_), sign, &made)), "OK");
  v1::RefreshJwtRequest refresh;
  refresh.set_path("app/jwt");
  refresh.set_refresh_token(made.refresh_token());
  ASSERT_EQ(Text(stubs_->jwt->Refresh(Ctx(root_), refresh, &next)), "OK");
  const grpc::Status reused = stubs_->jwt->Refresh(Ctx(root_), refresh, &next);
  EXPECT_EQ(reused.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonIn(reused), "REFRESH_REUSED");
  RespTestClient redis(server_->info().resp);
  ASSERT_EQ(redis.Call({"AUTH", root_}), "+OK\r\n");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:" + made.jti(), "revoked:" + next.jti()}), ":2\r\n");
  EXPECT_EQ(Judge("app/jwt", next.token()), "revoked by jti");
}

TEST_F(JwtServiceTest, WhoMayNotPublishMakesUnlistedKeys) {
  StartDev();
  PutPolicy("tenant", {{"secret:*", "team/*"}, {"jwt:sign", "team/*"}});
  const std::string token = NewToken({"tenant"});
  v1::CreateJwtKeyRequest create;
  create.set_path("team/key");
  create.mutable_settings()->set_algorithm("EdDSA");
  create.mutable_settings()->set_issuer("alcs-auth");
  v1::JwtKey key;
  EXPECT_EQ(stubs_->jwt->CreateKey(Ctx(token), create, &key).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  create.mutable_settings()->set_unlisted(true);
  EXPECT_EQ(Text(stubs_->jwt->CreateKey(Ctx(token), create, &key)), "OK");
  v1::UpdateJwtKeyRequest update;
  update.set_path("team/key");
  *update.mutable_settings() = create.settings();
  update.mutable_settings()->set_unlisted(false);
  EXPECT_EQ(stubs_->jwt->UpdateKey(Ctx(token), update, &key).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(absl::StrContains(Page("/.well-known/jwks.json"), "{\"keys\":[]}"));
}

TEST_F(JwtServiceTest, WhoMayNotReadMakesNoKeyReadable) {
  StartDev();
  Create("team/key", "EdDSA");
  PutPolicy("writer", {{"secret:write", "team/*"}, {"jwt:publish", "team/*"}});
  PutPolicy("reader", {{"secret:read", "team/*"}});
  v1::UpdateJwtKeyRequest update;
  update.set_path("team/key");
  update.mutable_settings()->set_algorithm("EdDSA");
  update.mutable_settings()->set_issuer("alcs-auth");
  update.mutable_settings()->set_readable(true);
  v1::JwtKey key;
  EXPECT_EQ(stubs_->jwt->UpdateKey(Ctx(NewToken({"writer"})), update, &key).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(stubs_->jwt->UpdateKey(Ctx(NewToken({"reader"})), update, &key).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Text(stubs_->jwt->UpdateKey(Ctx(NewToken({"writer", "reader"})), update, &key)), "OK");
  EXPECT_TRUE(key.settings().readable());
}

TEST_F(JwtServiceTest, AKeyThatIsDestroyedByHandIsOnTheListOfRedisClients) {
  StartDev();
  Create("app/jwt", "EdDSA");
  const v1::SignJwtResponse made = Sign("app/jwt");
  RespTestClient redis(server_->info().resp);
  ASSERT_EQ(redis.Call({"AUTH", root_}), "+OK\r\n");
  v1::DestroyRequest destroy;
  destroy.set_path("app/jwt");
  destroy.add_versions(1);
  v1::DestroyResponse destroyed;
  ASSERT_EQ(Text(stubs_->secrets->Destroy(Ctx(root_), destroy, &destroyed)), "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:kid:" + made.kid()}), ":1\r\n");
  Create("app/all", "EdDSA");
  const v1::SignJwtResponse other = Sign("app/all");
  destroy.Clear();
  destroy.set_path("app/all");
  destroy.set_all(true);
  ASSERT_EQ(Text(stubs_->secrets->Destroy(Ctx(root_), destroy, &destroyed)), "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:kid:" + other.kid()}), ":1\r\n");
  Create("app/erased", "EdDSA");
  const v1::SignJwtResponse third = Sign("app/erased");
  v1::EraseRequest erase;
  erase.set_path("app/erased");
  erase.add_versions(1);
  v1::EraseResponse erased;
  EXPECT_EQ(Text(stubs_->secrets->Erase(Ctx(root_), erase, &erased)), "OK");
  EXPECT_EQ(erased.versions_size(), 1);
  EXPECT_GT(erased.files_searched(), 0u);  // in memory too
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:kid:" + third.kid()}), ":1\r\n");
}

TEST_F(JwtServiceTest, RolesSignAndVerifyApart) {
  StartDev();
  Create("app/jwt", "EdDSA");
  PutPolicy("verifier", {{"jwt:verify", "app/*"}});
  const std::string token = NewToken({"verifier"});
  v1::VerifyJwtRequest verify;
  verify.set_path("app/jwt");
  verify.set_token(Sign("app/jwt").token());
  v1::VerifyJwtResponse answer;
  EXPECT_EQ(Text(stubs_->jwt->Verify(Ctx(token), verify, &answer)), "OK");
  EXPECT_TRUE(answer.valid());
  v1::SignJwtRequest sign;
  sign.set_path("app/jwt");
  sign.set_subject("u1");
  v1::SignJwtResponse made;
  EXPECT_EQ(stubs_->jwt->Sign(Ctx(token), sign, &made).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(JwtServiceTest, WhoSignsAndVerifiesIsAConsumerOfTheKey) {
  StartDev();
  Create("app/jwt", "EdDSA");
  PutPolicy("verifier", {{"jwt:verify", "app/*"}});
  const std::string token = NewToken({"verifier"}), other = NewToken({"verifier"});
  v1::VerifyJwtRequest verify;
  verify.set_path("app/jwt");
  verify.set_token(Sign("app/jwt").token());  // by root
  v1::VerifyJwtResponse answer;
  ASSERT_EQ(Text(stubs_->jwt->Verify(Ctx(token), verify, &answer)), "OK");
  EXPECT_TRUE(answer.valid());
  verify.set_token("a.b.c");
  ASSERT_EQ(Text(stubs_->jwt->Verify(Ctx(other), verify, &answer)), "OK");
  EXPECT_FALSE(answer.valid());
  v1::ListConsumersRequest list;
  list.set_path("app/jwt");
  v1::ListConsumersResponse listed;
  ASSERT_EQ(Text(stubs_->consumers->List(Ctx(root_), list, &listed)), "OK");
  ASSERT_EQ(listed.consumers_size(), 2) << listed.ShortDebugString();
  EXPECT_NE(listed.consumers(0).name(), listed.consumers(1).name());
  for (const v1::Consumer& consumer : listed.consumers()) {
    EXPECT_EQ(consumer.state(), v1::Consumer::CURRENT);
    EXPECT_EQ(consumer.version(), 1u);
  }
}

}  // namespace
}  // namespace keyturn
