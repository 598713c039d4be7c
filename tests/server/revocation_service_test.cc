// One list for everything: what is revoked through one door is refused at the others.
#include "server/revocation_service.h"

#include "base/limits.h"
#include "base/timestamps.h"
#include "crypto/x509.h"
#include "tests/server/resp_client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class RevocationServiceTest : public ServerFixture {
 protected:
  using Target = v1::RevocationTarget;

  // A Redis client that is authenticated.
  class RedisClient : public RespTestClient {
   public:
    RedisClient(const std::string& address, const std::string& token) : RespTestClient(address) {
      EXPECT_EQ(Call({"AUTH", token}), "+OK\r\n");
    }
  };
  RedisClient Redis(const std::string& token) { return {server_->info().resp, token}; }
  std::string Revoke(const std::function<void(v1::RevokeRequest&)>& fill,
                     const std::string& token = "") {
    v1::RevokeRequest request;
    fill(request);
    v1::RevokeResponse response;
    return Text(
        stubs_->revocations->Revoke(Ctx(token.empty() ? root_ : token), request, &response));
  }
  static std::function<void(v1::RevokeRequest&)> One(const std::function<void(Target&)>& set,
                                                     v1::RevocationReason reason = {}) {
    return [=](v1::RevokeRequest& request) {
      set(*request.add_revocations()->mutable_target());
      request.set_reason(reason);
    };
  }
  // "no", or what revokes it.
  std::string Check(const std::function<void(v1::RevocationQuery&)>& fill) {
    v1::CheckRequest request;
    fill(*request.add_queries());
    v1::CheckResponse response;
    const grpc::Status status = stubs_->revocations->Check(Ctx(root_), request, &response);
    if (!status.ok()) return Text(status);
    return response.answers(0).revoked() ? response.answers(0).by() : "no";
  }
  // Whether it is let in: "OK", or the code's name.
  std::string Use(const std::string& token) {
    v1::WhoAmIResponse response;
    const std::string text = Text(stubs_->auth->WhoAmI(Ctx(token), {}, &response));
    return text.substr(0, text.find(':'));
  }
  std::string IdOf(const std::string& token) {
    v1::WhoAmIResponse response;
    EXPECT_EQ(Text(stubs_->auth->WhoAmI(Ctx(token), {}, &response)), "OK");
    return response.token_id();
  }
  std::string Stateless() {
    return NewToken({"root"}, [](v1::CreateTokenRequest& r) { r.set_stateless(true); });
  }
  std::vector<AuditRecord> Entries(const std::string& event) {
    std::vector<AuditRecord> out;
    EXPECT_OK(server_->rooms().audit->Read(1, [&](const AuditRecord& record) {
      if (record.event.event == event) out.push_back(record);
      return true;
    }));
    return out;
  }
  static std::string DetailOf(const AuditRecord& record, const std::string& name) {
    for (const auto& [key, value] : record.event.details) {
      if (key == name) return value;
    }
    return "";
  }
};

TEST_F(RevocationServiceTest, WhatARedisClientSetsIsRefusedOverGrpc) {
  RedisClient redis = Redis(root_);
  for (const std::string& token : {NewToken({"root"}), Stateless()}) {
    EXPECT_EQ(Use(token), "OK");
    const std::string id = IdOf(token);
    EXPECT_EQ(redis.Call({"SET", "revoked:" + id, "1", "EX", "86400"}), "+OK\r\n");
    EXPECT_EQ(Use(token), "UNAUTHENTICATED");
    EXPECT_EQ(Check([&](auto& q) { q.set_jti(id); }), "jti");
    // As any key it can be taken back, and the token was never deleted.
    EXPECT_EQ(redis.Call({"DEL", "revoked:" + id}), ":1\r\n");
    EXPECT_EQ(Use(token), "OK");
  }
}

TEST_F(RevocationServiceTest, WhatIsRevokedOverGrpcIsSeenByRedisClients) {
  RedisClient redis = Redis(root_);
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:j"}), ":0\r\n");
  EXPECT_EQ(Revoke([](v1::RevokeRequest& request) {
              v1::Revocation& revocation = *request.add_revocations();
              revocation.mutable_target()->set_jti("j");
              *revocation.mutable_expire_time() = ToTimestamp(Clock::Real().Now() + absl::Hours(1));
            }),
            "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:j"}), ":1\r\n");
  EXPECT_EQ(redis.Call({"GET", "revoked:j"}), "$1\r\n1\r\n");
  const std::string left = redis.Call({"TTL", "revoked:j"});
  EXPECT_TRUE(left == ":3600\r\n" || left == ":3601\r\n") << left;
}

TEST_F(RevocationServiceTest, LogoutRevokesTheTokenForEveryone) {
  const std::string token = NewToken({"root"});
  const std::string id = IdOf(token);
  v1::LogoutResponse response;
  ASSERT_EQ(Text(stubs_->auth->Logout(Ctx(token), {}, &response)), "OK");
  EXPECT_EQ(Use(token), "UNAUTHENTICATED");
  EXPECT_EQ(Redis(root_).Call({"EXISTS", "revoked:" + id}), ":1\r\n");
  const auto entries = Entries("revocations_changed");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(DetailOf(entries[0], "reason"), "logout");
  EXPECT_EQ(entries[0].event.resource, id);
}

TEST_F(RevocationServiceTest, ARevokedTokenByIdIsSeenByRedisClients) {
  for (const std::string& token : {NewToken({"root"}), Stateless()}) {
    v1::RevokeTokenRequest request;
    request.set_id(IdOf(token));
    v1::RevokeTokenResponse response;
    ASSERT_EQ(Text(stubs_->tokens->Revoke(Ctx(root_), request, &response)), "OK");
    EXPECT_EQ(Use(token), "UNAUTHENTICATED");
    EXPECT_EQ(Redis(root_).Call({"EXISTS", "revoked:" + request.id()}), ":1\r\n");
  }
}

// A password change, suspicious activity, a disabled principal, a lock-out: whoever sees it says
// so.
TEST_F(RevocationServiceTest, ASubjectLosesWhatItHasForEachReason) {
  for (const auto& [reason, word] :
       {std::pair{v1::REVOCATION_REASON_PASSWORD_CHANGE, "password_change"},
        std::pair{v1::REVOCATION_REASON_SUSPICIOUS_ACTIVITY, "suspicious_activity"},
        std::pair{v1::REVOCATION_REASON_PRINCIPAL_DISABLED, "principal_disabled"},
        std::pair{v1::REVOCATION_REASON_LOCKOUT, "lockout"},
        std::pair{v1::REVOCATION_REASON_BREACH, "breach"}}) {
    SCOPED_TRACE(word);
    const std::string before = NewToken({"root"});
    const std::string stateless = Stateless();
    EXPECT_EQ(Use(before), "OK");
    EXPECT_EQ(Revoke(One([](Target& t) { t.set_subject("token:test"); }, reason)), "OK");
    EXPECT_EQ(Use(before), "UNAUTHENTICATED");
    EXPECT_EQ(Use(stateless), "UNAUTHENTICATED");
    EXPECT_EQ(Use(root_), "OK");
    const auto entries = Entries("revoked");
    ASSERT_FALSE(entries.empty());
    EXPECT_EQ(entries.back().event.resource, "subject:token:test");
    EXPECT_EQ(DetailOf(entries.back(), "reason"), word);
    EXPECT_EQ(entries.back().event.principal, "root");
    EXPECT_NE(entries.back().event.correlation_id, "");
  }
  EXPECT_EQ(Entries("revoked").size(), 5u) << "one entry a call";
}

TEST_F(RevocationServiceTest, ABreachEndsEveryToken) {
  const std::string token = NewToken({"root"});
  RedisClient redis = Redis(token);
  EXPECT_EQ(Revoke(One([](Target& t) { t.set_all(true); }, v1::REVOCATION_REASON_BREACH)), "OK");
  EXPECT_EQ(Use(token), "UNAUTHENTICATED");
  EXPECT_EQ(Use(root_), "UNAUTHENTICATED");
  EXPECT_EQ(redis.Call({"EXISTS", "x"}), "-NOAUTH Authentication required.\r\n");
}

TEST_F(RevocationServiceTest, AllNeedsMoreThanWriting) {
  PutPolicy("writer", {{"revocation:write", "*"}});
  const std::string writer = NewToken({"writer"});
  EXPECT_EQ(Revoke(One([](Target& t) { t.set_jti("x"); }), writer), "OK");
  EXPECT_EQ(Revoke(One([](Target& t) { t.set_all(true); }), writer).substr(0, 17),
            "PERMISSION_DENIED");
  EXPECT_EQ(Use(writer), "OK");
  v1::CheckRequest request;
  request.add_queries()->set_jti("x");
  v1::CheckResponse response;
  EXPECT_EQ(stubs_->revocations->Check(Ctx(writer), request, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(RevocationServiceTest, EveryKindIsFound) {
  EXPECT_EQ(Revoke([](v1::RevokeRequest& request) {
              request.add_revocations()->mutable_target()->set_kid("k");
              request.add_revocations()->mutable_target()->set_api_key("9");
              request.add_revocations()->mutable_target()->set_certificate("0AFF");
              request.add_revocations()->mutable_target()->set_role("api");
            }),
            "OK");
  EXPECT_EQ(Check([](auto& q) { q.set_kid("k"); }), "kid");
  EXPECT_EQ(Check([](auto& q) { q.set_api_key("9"); }), "api_key");
  EXPECT_EQ(Check([](auto& q) { q.set_certificate("0aff"); }), "certificate");
  EXPECT_EQ(Check([](auto& q) { q.set_role("api"); }), "role");
  EXPECT_EQ(Check([](auto& q) {
              q.set_jti("j");
              q.set_subject("s");
            }),
            "no");
  EXPECT_EQ(Redis(root_).Call({"EXISTS", "revoked:kid:k", "revoked:api_key:9",
                               "revoked:certificate:0aff", "revoked:role:api"}),
            ":4\r\n");
}

TEST_F(RevocationServiceTest, BadRequestsSayWhatIsAllowed) {
  EXPECT_EQ(Revoke([](auto&) {}), "INVALID_ARGUMENT: revocations must be 1 to 1000");
  EXPECT_EQ(Revoke([](v1::RevokeRequest& r) { r.add_revocations(); }),
            "INVALID_ARGUMENT: target must be one of jti, subject, kid, api_key, certificate, role "
            "and all");
  EXPECT_EQ(Revoke([](v1::RevokeRequest& r) {
              v1::Revocation& one = *r.add_revocations();
              one.mutable_target()->set_jti("j");
              one.mutable_expire_time()->set_seconds(1'764'230'400'000);
            }),
            "INVALID_ARGUMENT: expire_time must be in seconds of the Unix clock, from 10^9 to "
            "10^11; this may be milliseconds");
  EXPECT_EQ(Revoke([](v1::RevokeRequest& r) {
              v1::Revocation& one = *r.add_revocations();
              one.mutable_target()->set_jti("j");
              one.mutable_not_before()->set_seconds(1'764'230'400);
            }),
            "INVALID_ARGUMENT: not_before must be unset for a jti, which is refused whenever it "
            "was issued");
  EXPECT_EQ(
      Check([](auto&) {}),
      "INVALID_ARGUMENT: a query must have a jti, subject, kid, api_key, certificate or role");
  EXPECT_EQ(Check([](auto& q) { q.set_jti("all"); }).substr(0, 16), "INVALID_ARGUMENT");
  v1::CheckRequest many;
  for (int i = 0; i <= limits::kRevocationsPerCallMax; ++i) many.add_queries()->set_jti("j");
  v1::CheckResponse response;
  EXPECT_EQ(Text(stubs_->revocations->Check(Ctx(root_), many, &response)),
            "INVALID_ARGUMENT: queries must be 1 to 1000");
}

TEST_F(RevocationServiceTest, AKeyIsTakenOverAsAClientPutIt) {
  v1::ImportRevocationsRequest request;
  v1::ImportedKey& key = *request.add_keys();
  key.set_key("revoked:old-list");
  key.set_value("logged_out");
  *key.mutable_expire_time() = ToTimestamp(Clock::Real().Now() + absl::Hours(1));
  v1::ImportRevocationsResponse response;
  ASSERT_EQ(Text(stubs_->revocations->Import(Ctx(root_), request, &response)), "OK");
  EXPECT_EQ(response.imported(), 1u);
  RedisClient redis = Redis(root_);
  EXPECT_EQ(redis.Call({"GET", "revoked:old-list"}), "$10\r\nlogged_out\r\n");
  EXPECT_EQ(Check([](auto& q) { q.set_jti("old-list"); }), "jti");
}

TEST_F(RevocationServiceTest, ThePrefixIsWhatTheConfigurationSays) {
  StartDev([](Config& config) { config.revocation_prefix = "bl:"; });
  EXPECT_EQ(Revoke(One([](Target& t) { t.set_jti("j"); })), "OK");
  RedisClient redis = Redis(root_);
  EXPECT_EQ(redis.Call({"EXISTS", "bl:j", "revoked:j"}), ":1\r\n");
  const std::string token = NewToken({"root"});
  const std::string id = IdOf(token);
  EXPECT_EQ(redis.Call({"SET", "revoked:" + id, "1"}), "+OK\r\n");
  EXPECT_EQ(Use(token), "OK");
  EXPECT_EQ(redis.Call({"SET", "bl:" + id, "1"}), "+OK\r\n");
  EXPECT_EQ(Use(token), "UNAUTHENTICATED");
}

TEST_F(RevocationServiceTest, WhoShutHimselfOutGetsInByTheConfiguration) {
  StartDev([](Config& config) { config.revocation_guards_own = false; });
  EXPECT_EQ(Revoke(One([](Target& t) { t.set_all(true); })), "OK");
  EXPECT_EQ(Use(root_), "OK");
}

class RevokedCertificateTest : public RevocationServiceTest {
 protected:
  void SetUp() override {
    StartReal();
    InitReal();
  }
};

TEST_F(RevokedCertificateTest, ACertificateIsRefusedByItsSerial) {
  Stubs op = Operator();
  v1::WhoAmIResponse me;
  ASSERT_EQ(Text(op.auth->WhoAmI(Ctx(), {}, &me)), "OK");
  v1::LoginResponse login;
  ASSERT_EQ(Text(op.auth->Login(Ctx(), {}, &login)), "OK");
  const auto info = ReadCertificate(operator_certificate_);
  ASSERT_OK(info);
  v1::RevokeRequest request;
  request.add_revocations()->mutable_target()->set_certificate(info->serial);
  v1::RevokeResponse response;
  ASSERT_EQ(Text(op.revocations->Revoke(Ctx(), request, &response)), "OK");
  EXPECT_EQ(op.auth->WhoAmI(Ctx(), {}, &me).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(op.auth->WhoAmI(Ctx(login.token()), {}, &me).error_code(),
            grpc::StatusCode::UNAUTHENTICATED)
      << "a token over its connection";
  EXPECT_EQ(op.auth->Login(Ctx(), {}, &login).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(RevokedCertificateTest, ABreachEndsLoginsAndTheCertificateMakesNewOnes) {
  Stubs op = Operator();
  v1::LoginResponse login;
  ASSERT_EQ(Text(op.auth->Login(Ctx(), {}, &login)), "OK");
  v1::RevokeRequest request;
  request.add_revocations()->mutable_target()->set_all(true);
  v1::RevokeResponse response;
  ASSERT_EQ(Text(op.revocations->Revoke(Ctx(login.token()), request, &response)), "OK");
  v1::WhoAmIResponse me;
  EXPECT_EQ(op.auth->WhoAmI(Ctx(login.token()), {}, &me).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  v1::LoginResponse again;
  ASSERT_EQ(Text(op.auth->Login(Ctx(), {}, &again)), "OK");
  EXPECT_EQ(Text(op.auth->WhoAmI(Ctx(again.token()), {}, &me)), "OK");
}

// A login of before is worth nothing, also when there is a role of that name again.
TEST_F(RevokedCertificateTest, ARoleThatWasDeletedTakesItsLoginsAlong) {
  Stubs op = Operator();
  v1::LoginResponse login;
  ASSERT_EQ(Text(op.auth->Login(Ctx(), {}, &login)), "OK");
  v1::GetRoleRequest get;
  get.set_name("operator");
  v1::Role role;
  ASSERT_EQ(Text(op.policies->GetRole(Ctx(), get, &role)), "OK");
  v1::DeleteRoleRequest remove;
  remove.set_name("operator");
  v1::DeleteRoleResponse removed;
  ASSERT_EQ(Text(op.policies->DeleteRole(Ctx(root_), remove, &removed)), "OK");
  v1::PutRoleRequest put;
  *put.mutable_role() = role;
  ASSERT_EQ(Text(op.policies->PutRole(Ctx(root_), put, &role)), "OK");
  v1::WhoAmIResponse me;
  EXPECT_EQ(op.auth->WhoAmI(Ctx(login.token()), {}, &me).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Text(op.auth->Login(Ctx(), {}, &login)), "OK");
  EXPECT_EQ(Text(op.auth->WhoAmI(Ctx(login.token()), {}, &me)), "OK");
}

TEST_F(RevokedCertificateTest, ARevocationSurvivesARestart) {
  Stubs op = Operator();
  v1::LoginResponse login;
  ASSERT_EQ(Text(op.auth->Login(Ctx(), {}, &login)), "OK");
  v1::RevokeRequest request;
  request.add_revocations()->mutable_target()->set_subject(login.principal());
  request.add_revocations()->mutable_target()->set_jti("j");
  v1::RevokeResponse response;
  ASSERT_EQ(Text(op.revocations->Revoke(Ctx(root_), request, &response)), "OK");
  StartReal([](Config& config) { config.auto_unseal = true; });
  v1::CheckRequest check;
  check.add_queries()->set_jti("j");
  v1::CheckResponse checked;
  Stubs again = Operator();
  ASSERT_EQ(Text(again.revocations->Check(Ctx(root_), check, &checked)), "OK");
  EXPECT_TRUE(checked.answers(0).revoked());
  v1::WhoAmIResponse me;
  EXPECT_EQ(again.auth->WhoAmI(Ctx(login.token()), {}, &me).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace keyturn
