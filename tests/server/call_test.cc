// The path of a call as clients see it: deadlines, ids, errors, audit entries, limits.
#include "server/call.h"

#include <grpcpp/generic/generic_stub.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "crypto/x509_make.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class CallTest : public ServerFixture {
 protected:
  AuditEvent LastEvent() {
    const std::vector<AuditRecord> records = Entries();
    return records.empty() ? AuditEvent{} : records.back().event;
  }
};

TEST_F(CallTest, NeedsADeadline) {
  v1::GetRequest request;
  request.set_path("a");
  v1::GetResponse response;
  const grpc::Status status = stubs_->secrets->Get(Ctx(root_, 0), request, &response);
  EXPECT_EQ(Text(status), "INVALID_ARGUMENT: the call has no deadline: set one of at most 30 s");
  EXPECT_EQ(ReasonIn(status), "DEADLINE_REQUIRED");
}

TEST_F(CallTest, AReadLeavesOneEntry) {
  ASSERT_EQ(Text(Put("app/key", {{"value", "canary-1"}}, root_)), "OK");
  const size_t before = Entries().size();
  EXPECT_EQ(Get("app/key", root_), "value=canary-1");
  const std::vector<AuditRecord> records = Entries();
  ASSERT_EQ(records.size(), before + 1);
  const AuditEvent& event = records.back().event;
  EXPECT_EQ(event.event, "secret_read");
  EXPECT_EQ(event.outcome, "ok");
  EXPECT_EQ(event.principal, "root");
  EXPECT_EQ(event.auth_method, "root-token");
  EXPECT_EQ(event.method, "/keyturn.v1.SecretService/Get");
  EXPECT_EQ(event.resource, "app/key");
  EXPECT_EQ(event.version.value(), 1u);
  EXPECT_TRUE(absl::StartsWith(event.source, "127.0.0.1:")) << event.source;
  EXPECT_TRUE(absl::StrContains(event.user_agent, "grpc-c++")) << event.user_agent;
}

TEST_F(CallTest, AWriteLeavesOneEntryWithItsRevision) {
  const size_t before = Entries().size();
  v1::PutResponse response;
  ASSERT_EQ(Text(Put("app/key", {{"value", "v"}}, root_, &response)), "OK");
  const std::vector<AuditRecord> records = Entries();
  ASSERT_EQ(records.size(), before + 1);
  EXPECT_EQ(records.back().event.event, "secret_written");
  EXPECT_EQ(records.back().event.revision.value(), response.revision());
  EXPECT_EQ(records.back().event.version.value(), 1u);
}

TEST_F(CallTest, DenialsAndFailuresLeaveEntries) {
  PutPolicy("none", {});
  const std::string token = NewToken({"none"});
  EXPECT_TRUE(absl::StartsWith(Get("app/key", token), "PERMISSION_DENIED"));
  EXPECT_EQ(LastEvent().event, "authorization_failure");
  EXPECT_EQ(LastEvent().outcome, "PERMISSION_DENIED");
  EXPECT_EQ(LastEvent().principal, "token:test");
  EXPECT_EQ(LastEvent().resource, "app/key");

  EXPECT_TRUE(absl::StartsWith(Get("app/key", "ktb.nonsense"), "UNAUTHENTICATED"));
  EXPECT_EQ(LastEvent().event, "authentication_failure");
  EXPECT_EQ(LastEvent().principal, "-");

  EXPECT_TRUE(absl::StartsWith(Get("app/key", root_), "NOT_FOUND"));
  EXPECT_EQ(LastEvent().event, "secret_read");
  EXPECT_EQ(LastEvent().outcome, "NOT_FOUND");
  EXPECT_NE(LastEvent().reason, "");
}

TEST_F(CallTest, CorrelationIdsAreTakenWhenTheyAreGood) {
  const auto id_of = [&](const std::string& sent) {
    Ctx context(root_);
    if (!sent.empty()) context->AddMetadata("x-correlation-id", sent);
    v1::WhoAmIResponse response;
    EXPECT_EQ(Text(stubs_->auth->WhoAmI(context, {}, &response)), "OK");
    const auto& trailing = context->GetServerTrailingMetadata();
    const auto it = trailing.find("x-correlation-id");
    const std::string got =
        it == trailing.end() ? "" : std::string(it->second.data(), it->second.size());
    EXPECT_EQ(LastEvent().correlation_id, got);
    return got;
  };
  EXPECT_EQ(id_of("abc-DEF_1.2"), "abc-DEF_1.2");
  EXPECT_EQ(id_of(std::string(64, 'x')), std::string(64, 'x'));
  const std::string made = id_of("");
  EXPECT_GE(made.size(), 16u);
  for (const std::string bad : {"with space", "a\"b", "semi;colon"}) EXPECT_NE(id_of(bad), bad);
  EXPECT_NE(id_of(std::string(65, 'x')), std::string(65, 'x'));
  EXPECT_NE(id_of(""), made);
}

TEST_F(CallTest, ErrorsCarryReasonAndRequestId) {
  ASSERT_EQ(Text(Put("app/key", {{"value", "v"}}, root_)), "OK");
  v1::PutRequest request;
  request.set_path("app/key");
  request.set_has_if_version(true);
  request.set_if_version(7);
  request.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse response;
  Ctx context(root_);
  context->AddMetadata("x-correlation-id", "the-id");
  const grpc::Status status = stubs_->secrets->Put(context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonIn(status), "VERSION_MISMATCH");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(grpc::StatusCode::ABORTED));
  EXPECT_EQ(details.message(), status.error_message());
  bool found = false;
  for (const auto& any : details.details()) {
    google::rpc::RequestInfo info;
    if (any.UnpackTo(&info)) found = info.request_id() == "the-id";
  }
  EXPECT_TRUE(found);
}

TEST_F(CallTest, NoAnswerOrEntryHoldsAValue) {
  const std::string canary = "canary-7f3a9c";
  EXPECT_EQ(Text(Put("app/key", {{"value", canary}}, root_)), "OK");
  EXPECT_FALSE(absl::StrContains(Text(Put("app/key", {{"bad name", canary}}, root_)), canary));
  EXPECT_FALSE(absl::StrContains(Text(Put("a//b", {{"value", canary}}, root_)), canary));
  EXPECT_FALSE(absl::StrContains(Get("app/key", "kts." + canary), canary));
  for (const AuditRecord& record : Entries()) {
    EXPECT_FALSE(absl::StrContains(EncodeEvent(record.event), canary)) << record.sequence;
    EXPECT_FALSE(absl::StrContains(EncodeEvent(record.event), root_)) << record.sequence;
  }
}

TEST_F(CallTest, RevokedTokensFailOnTheNextCall) {
  PutPolicy("reader", {{"secret:read", "app/*"}});
  ASSERT_EQ(Text(Put("app/key", {{"value", "v"}}, root_)), "OK");
  for (const bool stateless : {false, true}) {
    const std::string token =
        NewToken({"reader"}, [&](v1::CreateTokenRequest& r) { r.set_stateless(stateless); });
    EXPECT_EQ(Get("app/key", token), "value=v");
    v1::LogoutResponse response;
    ASSERT_EQ(Text(stubs_->auth->Logout(Ctx(token), {}, &response)), "OK");
    EXPECT_TRUE(absl::StartsWith(Get("app/key", token), "UNAUTHENTICATED")) << stateless;
  }
}

TEST(LimitedSourceTest, IsAnAddressOfFourBytesOrANetOfEight) {
  const auto key = [](const char* text) {
    return std::string(LimitedSource(IpAddress::Parse(text).value_or(IpAddress())));
  };
  EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  EXPECT_EQ(key("192.0.2.1"), key("192.0.2.1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
  EXPECT_EQ(key("192.0.2.1").size(), 4u);
  EXPECT_EQ(key("::1").size(), 8u);
}

// Of the limiter itself: it is asked for the net.
TEST(LimitedSourceTest, OneMachineHasNoMoreByMoreAddresses) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({.per_second = 1, .burst = 2}, 10, clock);
  int passed = 0;
  for (int i = 1; i <= 50; ++i) {
    const IpAddress address = *IpAddress::Parse(absl::StrCat("2001:db8:1:2::", i));
    passed += limiter->Take(LimitedSource(address)).ok() ? 1 : 0;
  }
  EXPECT_EQ(passed, 2);
}

class LimitedTest : public ServerFixture {
 protected:
  void SetUp() override {}
};

TEST_F(LimitedTest, RateLimitsGiveARetryTime) {
  StartDev([](Config& config) { config.source_calls_per_second = 5; });
  grpc::Status limited;
  for (int i = 0; i < 50 && limited.ok(); ++i) {
    v1::StatusResponse response;
    limited = stubs_->system->Status(Ctx(), {}, &response);
  }
  EXPECT_EQ(limited.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonIn(limited), "RATE_LIMITED");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(limited.error_details()));
  bool found = false;
  for (const auto& any : details.details()) {
    google::rpc::RetryInfo info;
    found = found || (any.UnpackTo(&info) &&
                      info.retry_delay().seconds() * 1000000000 + info.retry_delay().nanos() > 0);
  }
  EXPECT_TRUE(found);
  bool audited = false;
  for (const AuditRecord& record : Entries()) {
    audited = audited || (record.event.event == "rate_limited" &&
                          record.event.outcome == "RESOURCE_EXHAUSTED");
  }
  EXPECT_TRUE(audited);
}

TEST_F(LimitedTest, ASourceThatGuessesIsLockedOut) {
  SimulatedClock clock;
  const absl::Cleanup stop = [this] { server_.reset(); };
  StartDev(nullptr, clock);
  for (int i = 0; i < limits::kLockoutFailures; ++i) {
    EXPECT_TRUE(absl::StartsWith(Get("app/key", absl::StrCat("kts.", i)), "UNAUTHENTICATED")) << i;
  }
  clock.AdvanceTime(absl::Seconds(2));  // so that the refusal is listed, not counted
  EXPECT_TRUE(absl::StartsWith(Get("app/key", "kts.x"), "RESOURCE_EXHAUSTED"));
  bool audited = false;
  for (const AuditRecord& record : Entries()) {
    audited = audited || record.event.event == "authentication_locked_out";
  }
  EXPECT_TRUE(audited);
  EXPECT_TRUE(absl::StartsWith(Get("app/key", root_), "RESOURCE_EXHAUSTED"));
  clock.AdvanceTime(absl::Seconds(limits::kLockoutSeconds));
  EXPECT_TRUE(absl::StartsWith(Get("app/key", root_), "NOT_FOUND"));
}

TEST_F(LimitedTest, AFloodOfRefusalsIsCountedNotListed) {
  StartDev();
  for (int i = 0; i < 60; ++i) Get("app/key", "");
  int listed = 0;
  for (const AuditRecord& record : Entries()) {
    if (record.event.event == "authentication_failure") ++listed;
  }
  EXPECT_GE(listed, limits::kAuditRefusalsPerSecondPerSource);
  EXPECT_LT(listed, 60);
}

struct BadInput {
  const char* name;
  std::function<grpc::Status(Stubs&, const std::string&)> call;
  const char* text;  // "CODE: message"
};

TEST_F(CallTest, MetadataHaveABound) {
  const auto call = [this](size_t bytes) {
    Stubs stubs(TlsChannel(""));  // gRPC may end the connection of a call that has too many
    Ctx context(root_);
    context->AddMetadata("x-filler", std::string(bytes, 'x'));
    v1::WhoAmIResponse response;
    return stubs.auth->WhoAmI(context, {}, &response).error_code();
  };
  EXPECT_EQ(call(1024), grpc::StatusCode::OK);
  EXPECT_EQ(call(limits::kMetadataBytesMax + 1), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(call(1024), grpc::StatusCode::OK);
}

TEST_F(CallTest, BadInputIsRefusedInWords) {
  const auto get = [](const std::string& path) {
    return [path](Stubs& stubs, const std::string& token) {
      v1::GetRequest request;
      request.set_path(path);
      v1::GetResponse response;
      return stubs.secrets->Get(Ctx(token), request, &response);
    };
  };
  const std::vector<BadInput> inputs = {
      {"empty path", get(""),
       "INVALID_ARGUMENT: path: is empty; a secret has a name, such as app/api-key"},
      {"dots", get("a/../b"), "INVALID_ARGUMENT: path: segment 2 is \"..\", which is not a name"},
      {"double slash", get("a//b"),
       "INVALID_ARGUMENT: path: segment 2 is empty; write a/b, without a leading, trailing or "
       "double '/'"},
      {"trailing slash", get("a/"),
       "INVALID_ARGUMENT: path: segment 2 is empty; write a/b, without a leading, trailing or "
       "double '/'"},
      {"control character", get("a\nb"),
       "INVALID_ARGUMENT: path: segment 1 has a control character"},
      {"not UTF-8", get("a\xff"),
       "INVALID_ARGUMENT: the request is not a valid keyturn.v1.GetRequest: "
       "keyturn.v1.GetRequest.path is not UTF-8"},
      {"long segment", get(std::string(256, 'a')),
       "INVALID_ARGUMENT: path: segment 1 has 256 bytes; at most 255 are allowed"},
      {"long path", get("a/" + std::string(1100, 'b')),
       "INVALID_ARGUMENT: path: has 1102 bytes; at most 1024 are allowed"},
      {"version that is not there",
       [](Stubs& stubs, const std::string& token) {
         v1::GetRequest request;
         request.set_path("there");
         request.mutable_version()->set_number(7);
         v1::GetResponse response;
         return stubs.secrets->Get(Ctx(token), request, &response);
       },
       "NOT_FOUND: version 7 does not exist"},
      {"field that is not there",
       [](Stubs& stubs, const std::string& token) {
         v1::GetRequest request;
         request.set_path("there");
         request.add_fields("other");
         v1::GetResponse response;
         return stubs.secrets->Get(Ctx(token), request, &response);
       },
       "NOT_FOUND: the secret has no field other"},
      {"token that is none",
       [](Stubs& stubs, const std::string&) {
         v1::WhoAmIResponse response;
         return stubs.auth->WhoAmI(Ctx("kts.nonsense"), {}, &response);
       },
       "UNAUTHENTICATED: the token is not valid: it may be malformed, unknown, expired, revoked, "
       "used up, or bound to another network or certificate"},
      {"no token",
       [](Stubs& stubs, const std::string&) {
         v1::WhoAmIResponse response;
         return stubs.auth->WhoAmI(Ctx(), {}, &response);
       },
       "UNAUTHENTICATED: no credentials were given: send a token in the authorization header, or "
       "use a client certificate"},
      {"unknown token id",
       [](Stubs& stubs, const std::string& token) {
         v1::RevokeTokenRequest request;
         request.set_id("absent");
         v1::RevokeTokenResponse response;
         return stubs.tokens->Revoke(Ctx(token), request, &response);
       },
       "NOT_FOUND: there is no token with this id"},
      {"networks",
       [](Stubs& stubs, const std::string& token) {
         v1::CreateTokenRequest request;
         request.add_policies("root");
         request.add_bound_cidrs("10.0.0.1/8");
         v1::CreateTokenResponse response;
         return stubs.tokens->Create(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: a CIDR block must be like 10.0.0.0/8 or 2001:db8::/32, with no bits set "
       "beyond the prefix"},
      {"value over 512 KiB",
       [](Stubs& stubs, const std::string& token) {
         v1::PutRequest request;
         request.set_path("a");
         v1::Field* const field = request.mutable_data()->add_fields();
         field->set_name("value");
         field->set_value(std::string(limits::kSecretValueBytesMax + 1, 'v'));
         v1::PutResponse response;
         return stubs.secrets->Put(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: data: has 524306 bytes encoded; at most 524288 are allowed"},
      {"request over 1 MiB",
       [](Stubs& stubs, const std::string& token) {
         v1::PutRequest request;
         request.set_path("a");
         request.mutable_data()->add_fields()->set_value(std::string(3 << 20, 'v'));
         v1::PutResponse response;
         return stubs.secrets->Put(Ctx(token), request, &response);
       },
       "RESOURCE_EXHAUSTED: Received message larger than max (3145746 vs. 1048576)"},
      {"field name",
       [](Stubs& stubs, const std::string& token) {
         v1::PutRequest request;
         request.set_path("a");
         request.mutable_data()->add_fields()->set_name("bad name");
         v1::PutResponse response;
         return stubs.secrets->Put(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: field name: allowed are 1 to 128 characters of A-Z a-z 0-9 _ . -"},
      {"pattern",
       [](Stubs& stubs, const std::string& token) {
         v1::PutPolicyRequest request;
         request.mutable_policy()->set_name("p");
         v1::Grant* const grant = request.mutable_policy()->add_grants();
         grant->add_permissions("secret:read");
         grant->set_path("a*b");
         v1::Policy response;
         return stubs.policies->PutPolicy(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: a path pattern has segments joined by '/', without a leading '/'; '+' "
       "stands for one whole segment, and '*' may stand at the end only"},
      {"SPIFFE id",
       [](Stubs& stubs, const std::string& token) {
         const absl::StatusOr<CertificateRequest> csr = MakeCertificateRequest();
         v1::IssueCertificateRequest request;
         request.set_csr(csr->csr_der);
         request.set_spiffe_id("https://prod/x");
         v1::IssueCertificateResponse response;
         return stubs.system->IssueCertificate(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: a SPIFFE id is \"spiffe://domain/path\": a domain of [a-z0-9._-], then "
       "segments of [A-Za-z0-9._-] that are not \".\" or \"..\", at most 2048 bytes"},
      {"batch of none",
       [](Stubs& stubs, const std::string& token) {
         v1::BatchGetResponse response;
         return stubs.secrets->BatchGet(Ctx(token), {}, &response);
       },
       "INVALID_ARGUMENT: requests must be 1 to 100"},
      {"negative ttl",
       [](Stubs& stubs, const std::string& token) {
         v1::PutRequest request;
         request.set_path("a");
         request.set_ttl_seconds(-1);
         v1::PutResponse response;
         return stubs.secrets->Put(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: ttl_seconds must be 0 to 315360000"},
      {"no fields",
       [](Stubs& stubs, const std::string& token) {
         v1::PutRequest request;
         request.set_path("a");
         v1::PutResponse response;
         return stubs.secrets->Put(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: data: 0 fields; allowed are 1 to 256"},
      {"token ttl",
       [](Stubs& stubs, const std::string& token) {
         v1::CreateTokenRequest request;
         request.set_ttl_seconds(limits::kTokenTtlSecondsMax + 1);
         v1::CreateTokenResponse response;
         return stubs.tokens->Create(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: ttl_seconds must be 0 to 2764800"},
      {"stateless with uses",
       [](Stubs& stubs, const std::string& token) {
         v1::CreateTokenRequest request;
         request.set_stateless(true);
         request.set_max_uses(3);
         v1::CreateTokenResponse response;
         return stubs.tokens->Create(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: a stateless token has no period_seconds and no max_uses: leave them out, "
       "or make a stored token"},
      {"unknown policy",
       [](Stubs& stubs, const std::string& token) {
         v1::CreateTokenRequest request;
         request.add_policies("absent");
         v1::CreateTokenResponse response;
         return stubs.tokens->Create(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: there is no policy named \"absent\""},
      {"login without certificate",
       [](Stubs& stubs, const std::string& token) {
         v1::LoginResponse response;
         return stubs.auth->Login(Ctx(token), {}, &response);
       },
       "FAILED_PRECONDITION: login exchanges the connection's client certificate for a token, and "
       "this connection has none"},
      {"bad permission",
       [](Stubs& stubs, const std::string& token) {
         v1::CanIRequest request;
         request.set_permission("read");
         v1::CanIResponse response;
         return stubs.auth->CanI(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: there is no permission 'read'; did you mean secret:read? There are "
       "admin:audit, admin:certificate, admin:keys, admin:password-policy, admin:policy, "
       "admin:revocation, admin:role, admin:seal, admin:token, admin:verify, admin:webhook, "
       "apikey:list, apikey:verify, apikey:write, jwt:publish, jwt:sign, jwt:verify, "
       "revocation:check, "
       "revocation:write, "
       "secret:delete, secret:destroy, secret:list, secret:read, secret:rotate, secret:write; "
       "and admin:*, apikey:*, jwt:*, revocation:* and secret:*"},
      {"bad page token",
       [](Stubs& stubs, const std::string& token) {
         v1::SearchAuditRequest request;
         request.set_page_token("x");
         v1::SearchAuditResponse response;
         return stubs.audit->Search(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: page_token is not one that this method gave"},
      {"certificate request",
       [](Stubs& stubs, const std::string& token) {
         v1::IssueCertificateRequest request;
         request.set_csr("not a request");
         request.set_spiffe_id("spiffe://keyturn/x");
         v1::IssueCertificateResponse response;
         return stubs.system->IssueCertificate(Ctx(token), request, &response);
       },
       "INVALID_ARGUMENT: the certificate request is not PKCS#10 in DER form"},
      {"reserved policy",
       [](Stubs& stubs, const std::string& token) {
         v1::PutPolicyRequest request;
         request.mutable_policy()->set_name("root");
         v1::Policy response;
         return stubs.policies->PutPolicy(Ctx(token), request, &response);
       },
       "FAILED_PRECONDITION: the policy \"root\" is reserved"},
      {"init again",
       [](Stubs& stubs, const std::string& token) {
         v1::InitResponse response;
         return stubs.system->Init(Ctx(token), {}, &response);
       },
       "FAILED_PRECONDITION: the vault is initialised already; run `keyturn operator unseal`"},
  };
  ASSERT_EQ(Text(Put("there", {{"value", "v"}}, root_)), "OK");
  for (const BadInput& input : inputs) {
    EXPECT_EQ(Text(input.call(*stubs_, root_)), input.text) << input.name;
  }
  EXPECT_EQ(Get("there", root_), "value=v");
}

// A name of each kind of thing, and what a Put or Create, and a Get or Delete say to it.
TEST_F(CallTest, BadNamesAreRefusedInWords) {
  const auto rule = [](const std::string& what) {
    return absl::StrCat("INVALID_ARGUMENT: the name of a ", what,
                        " must be 1 to 128 characters of [a-z0-9_-] and begin with a letter or "
                        "digit");
  };
  const auto put_policy = [this](const std::string& name) {
    v1::PutPolicyRequest request;
    request.mutable_policy()->set_name(name);
    v1::Policy response;
    return Text(stubs_->policies->PutPolicy(Ctx(root_), request, &response));
  };
  const auto put_role = [this](const std::string& name) {
    v1::PutRoleRequest request;
    request.mutable_role()->set_name(name);
    request.mutable_role()->add_bound_spiffe_ids("spiffe://prod/api");
    v1::Role response;
    return Text(stubs_->policies->PutRole(Ctx(root_), request, &response));
  };
  const auto put_password_policy = [this](const std::string& name) {
    v1::PutPasswordPolicyRequest request;
    request.mutable_policy()->set_name(name);
    request.mutable_policy()->set_length(40);
    request.mutable_policy()->set_alphabet("abcdefghijklmnopqrstuvwxyz");
    v1::PasswordPolicy response;
    return Text(stubs_->policies->PutPasswordPolicy(Ctx(root_), request, &response));
  };
  for (const std::string name :
       {"", "Upper", "with space", "a/b", "-a", "_a", "a.b", "\u00e4", "a\n"}) {
    EXPECT_EQ(put_policy(name), rule("policy")) << name;
    EXPECT_EQ(put_role(name), rule("role")) << name;
    EXPECT_EQ(put_password_policy(name), rule("password policy")) << name;
  }
  EXPECT_EQ(put_policy(std::string(129, 'a')), rule("policy"));
  EXPECT_EQ(put_role(std::string(129, 'a')), rule("role"));
  EXPECT_EQ(put_password_policy(std::string(129, 'a')), rule("password policy"));
  for (const std::string& name : {std::string(128, 'a'), std::string("0-_")}) {
    EXPECT_EQ(put_policy(name), "OK");
    EXPECT_EQ(put_role(name), "OK");
    EXPECT_EQ(put_password_policy(name), "OK");
  }
}

TEST_F(CallTest, BadNamesOfTokensAreRefusedInWords) {
  const auto create = [this](const std::string& name) {
    v1::CreateTokenRequest request;
    request.set_display_name(name);
    request.add_policies("root");
    v1::CreateTokenResponse response;
    return Text(stubs_->tokens->Create(Ctx(root_), request, &response));
  };
  EXPECT_EQ(create(std::string(129, 'a')),
            "INVALID_ARGUMENT: display_name must be at most 128 bytes");
  EXPECT_EQ(create(std::string(128, 'a')), "OK");
  for (const std::string& name : {std::string("a\n"), std::string(1, '\0'), std::string("\x7f")}) {
    EXPECT_EQ(create(name), "INVALID_ARGUMENT: display_name must have no control characters");
  }
}

// Protobuf's own code refuses to send such text, so it goes as bytes.
TEST_F(CallTest, NamesThatAreNotUtf8AndUnknownNumbersAreRefusedInWords) {
  const auto send = [this](const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(stubs_->channel);
    grpc::CompletionQueue queue;
    Ctx context(root_);
    const grpc::Slice slice(bytes);
    const auto call = stub.PrepareUnaryCall(context, "/keyturn.v1." + method,
                                            grpc::ByteBuffer(&slice, 1), &queue);
    grpc::ByteBuffer reply;
    grpc::Status status;
    void* tag = nullptr;
    bool ok = false;
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    queue.Next(&tag, &ok);
    return Text(status);
  };
  const auto message = [](int field, const std::string& body) {
    return absl::StrCat(std::string(1, static_cast<char>(field << 3 | 2)),
                        std::string(1, static_cast<char>(body.size())), body);
  };
  const std::string bad = "a\xff";
  const std::string refused = "INVALID_ARGUMENT: the request is not a valid keyturn.v1.";
  EXPECT_EQ(send("PolicyService/PutPolicy", message(1, message(1, bad))),
            refused + "PutPolicyRequest: keyturn.v1.Policy.name is not UTF-8");
  EXPECT_EQ(send("PolicyService/PutRole", message(1, message(1, bad))),
            refused + "PutRoleRequest: keyturn.v1.Role.name is not UTF-8");
  EXPECT_EQ(
      send("TokenService/Create", message(1, bad)),
      refused + "CreateTokenRequest: keyturn.v1.CreateTokenRequest.display_name is not UTF-8");
  // PutRequest: path = 1, data = 15, where fields = 1; a field's encoding is 2.
  const auto put = [&](const std::string& encoding) {
    return send("SecretService/Put",
                message(1, "a") +
                    message(15, message(1, message(1, "value") + encoding + message(3, "v"))));
  };
  EXPECT_EQ(put(std::string("\x10\x01", 2)), "OK");
  EXPECT_EQ(put(std::string("\x10\x04", 2)),
            "INVALID_ARGUMENT: data: not a SecretData message of at most 256 fields");
  for (const int kind : {5, 99, -1}) {
    v1::PutRequest request;
    request.set_path("b");
    request.set_kind(static_cast<v1::Kind>(kind));
    request.mutable_data()->add_fields()->set_name("value");
    v1::PutResponse response;
    EXPECT_EQ(Text(stubs_->secrets->Put(Ctx(root_), request, &response)),
              "INVALID_ARGUMENT: kind: allowed are generic, api_key, jwt_key, db_credential");
  }
}

// Whoever generates into a key need not say again what it is.
TEST_F(CallTest, AGeneratedValueIsJudgedByTheKindThatTheSecretHas) {
  const auto generate = [&](const std::string& path, v1::Kind kind, uint32_t bytes) {
    v1::GenerateRequest request;
    request.set_path(path);
    request.set_kind(kind);
    request.mutable_spec()->set_bytes(bytes);
    request.mutable_spec()->set_force(true);
    v1::PutResponse response;
    return Text(stubs_->secrets->Generate(Ctx(root_), request, &response));
  };
  ASSERT_EQ(generate("k/api", v1::KIND_API_KEY, 32), "OK");
  ASSERT_EQ(generate("k/jwt", v1::KIND_JWT_KEY, 64), "OK");
  ASSERT_EQ(generate("k/any", v1::KIND_UNSPECIFIED, 16), "OK");
  EXPECT_EQ(
      generate("k/api", v1::KIND_UNSPECIFIED, 16),
      "INVALID_ARGUMENT: an API key has at least 32 random bytes, which are 256 bits; this one "
      "would have 128");
  EXPECT_EQ(generate("k/jwt", v1::KIND_UNSPECIFIED, 32),
            "INVALID_ARGUMENT: a JWT signing key for HS256 has at least 64 random bytes, which are "
            "512 bits; this one would have 256");
  EXPECT_EQ(generate("k/any", v1::KIND_UNSPECIFIED, 8), "OK");
  EXPECT_EQ(generate("k/api", v1::KIND_GENERIC, 16),
            "FAILED_PRECONDITION: the secret exists with another kind");
  EXPECT_EQ(generate("k/api", v1::KIND_UNSPECIFIED, 0), "OK");
  EXPECT_EQ(generate("k/jwt", v1::KIND_UNSPECIFIED, 0), "OK");
}

}  // namespace
}  // namespace keyturn
