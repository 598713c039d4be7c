// API keys over gRPC: who may what on which path, what a gateway sees in the revocation list, and
// that the log never has a key.
#include "server/api_key_service.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/mac.h"
#include "rotation/api_key/codec.h"
#include "tests/server/resp_client.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class ApiKeyServiceTest : public ServerFixture {
 protected:
  v1::CreateApiKeyResponse Make(const std::string& path, const std::string& token = "") {
    v1::CreateApiKeyRequest request;
    request.set_path(path);
    v1::CreateApiKeyResponse response;
    EXPECT_EQ(
        Text(stubs_->api_keys->Create(Ctx(token.empty() ? root_ : token), request, &response)),
        "OK");
    return response;
  }
  v1::VerifyApiKeyResponse Answer(const std::string& key, const std::string& token = "",
                                  const std::string& source = "") {
    v1::VerifyApiKeyRequest request;
    request.set_key(key);
    request.set_source_address(source);
    v1::VerifyApiKeyResponse response;
    EXPECT_EQ(
        Text(stubs_->api_keys->Verify(Ctx(token.empty() ? root_ : token), request, &response)),
        "OK");
    return response;
  }
  std::string Verify(const std::string& key, const std::string& token = "",
                     const std::string& source = "") {
    const v1::VerifyApiKeyResponse answer = Answer(key, token, source);
    return answer.valid() ? "VALID" : v1::VerifyApiKeyResponse::Reason_Name(answer.reason());
  }
  template <typename Request, typename Response>
  std::string Ask(grpc::Status (v1::ApiKeyService::Stub::*method)(grpc::ClientContext*,
                                                                  const Request&, Response*),
                  const Request& request, const std::string& token = "") {
    Response response;
    Ctx context(token.empty() ? root_ : token);
    return Text((stubs_->api_keys.get()->*method)(context, request, &response));
  }
  std::string Get(const std::string& id, const std::string& token = "") {
    v1::GetApiKeyRequest request;
    request.set_id(id);
    return Ask(&v1::ApiKeyService::Stub::Get, request, token);
  }
  std::string Revoke(const std::string& id, const std::string& token = "") {
    v1::RevokeApiKeyRequest request;
    request.set_id(id);
    request.set_reason("it leaked");
    return Ask(&v1::ApiKeyService::Stub::Revoke, request, token);
  }
};

TEST_F(ApiKeyServiceTest, AGatewayVerifiesKeysOfItsPathsOnly) {
  PutPolicy("gateway", {{"apikey:verify", "app/*"}});
  const std::string gateway = NewToken({"gateway"});
  const v1::CreateApiKeyResponse ours = Make("app/one"), others = Make("other/one");
  EXPECT_EQ(Verify(ours.key(), gateway), "VALID");
  const v1::VerifyApiKeyResponse denied = Answer(others.key(), gateway);
  const std::string nobodys(api_key::NewText(api_key::NewId())->ExposeForWire());
  EXPECT_EQ(denied.SerializeAsString(), Answer(nobodys, gateway).SerializeAsString());
  EXPECT_EQ(denied.reason(), v1::VerifyApiKeyResponse::UNKNOWN);
  EXPECT_EQ(Verify(others.key()), "VALID");
  // Who may verify may nothing else.
  EXPECT_EQ(Get(ours.info().id(), gateway).substr(0, 17), "PERMISSION_DENIED");
  EXPECT_EQ(Revoke(ours.info().id(), gateway).substr(0, 17), "PERMISSION_DENIED");
}

TEST_F(ApiKeyServiceTest, AnUnknownIdIsRefusedAsAnothersIs) {
  PutPolicy("owner", {{"apikey:*", "app/*"}});
  const std::string owner = NewToken({"owner"});
  const std::string ours = Make("app/one", owner).info().id(), others = Make("b").info().id();
  EXPECT_EQ(Get(ours, owner), "OK");
  EXPECT_EQ(Get(others, owner), Get("0123456789ABCDEF", owner));
  EXPECT_EQ(Get(others, owner), Get("no id", owner));
  EXPECT_EQ(Revoke(others, owner), Revoke("0123456789ABCDEF", owner));
  EXPECT_EQ(Get("0123456789ABCDEF"), "NOT_FOUND: there is no API key with this id");
  v1::CreateApiKeyRequest elsewhere;
  elsewhere.set_path("b");
  EXPECT_EQ(Ask(&v1::ApiKeyService::Stub::Create, elsewhere, owner).substr(0, 17),
            "PERMISSION_DENIED");
  // A list shows what may be seen.
  v1::ListApiKeysResponse listed;
  EXPECT_EQ(Text(stubs_->api_keys->List(Ctx(owner), {}, &listed)), "OK");
  ASSERT_EQ(listed.keys_size(), 1);
  EXPECT_EQ(listed.keys(0).id(), ours);
}

TEST_F(ApiKeyServiceTest, AnImportNeedsEachPath) {
  PutPolicy("owner", {{"apikey:write", "app/*"}});
  const std::string owner = NewToken({"owner"});
  v1::ImportApiKeysRequest request;
  for (const char* path : {"app/a", "b"}) {
    request.add_entries()->set_sha256(Sha256(path));
    request.mutable_entries(request.entries_size() - 1)->set_path(path);
  }
  EXPECT_EQ(Ask(&v1::ApiKeyService::Stub::Import, request, owner).substr(0, 17),
            "PERMISSION_DENIED");
  EXPECT_EQ(Verify("app/a"), "UNKNOWN");
  request.mutable_entries()->RemoveLast();
  EXPECT_EQ(Ask(&v1::ApiKeyService::Stub::Import, request, owner), "OK");
  EXPECT_EQ(Verify("app/a"), "VALID");
}

TEST_F(ApiKeyServiceTest, TheRevocationListAndTheKeysAgree) {
  RespTestClient redis(server_->info().resp);
  EXPECT_EQ(redis.Call({"AUTH", root_}), "+OK\r\n");
  const v1::CreateApiKeyResponse one = Make("a"), two = Make("a");
  EXPECT_EQ(Revoke(one.info().id()), "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:api_key:" + one.info().id()}), ":1\r\n");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:api_key:" + two.info().id()}), ":0\r\n");
  // Once more, as somebody would who had no answer.
  EXPECT_EQ(redis.Call({"DEL", "revoked:api_key:" + one.info().id()}), ":1\r\n");
  EXPECT_EQ(Verify(one.key()), "REVOKED");
  EXPECT_EQ(Revoke(one.info().id()), "OK");
  EXPECT_EQ(redis.Call({"EXISTS", "revoked:api_key:" + one.info().id()}), ":1\r\n");
  // And what others put there is refused here, while it is there.
  EXPECT_EQ(Verify(two.key()), "VALID");
  EXPECT_EQ(redis.Call({"SET", "revoked:api_key:" + two.info().id(), "1"}), "+OK\r\n");
  EXPECT_EQ(Verify(two.key()), "REVOKED");
  v1::RollApiKeyRequest roll;
  roll.set_id(two.info().id());
  EXPECT_EQ(Ask(&v1::ApiKeyService::Stub::Roll, roll).substr(0, 19), "FAILED_PRECONDITION");
  EXPECT_EQ(redis.Call({"DEL", "revoked:api_key:" + two.info().id()}), ":1\r\n");
  EXPECT_EQ(Verify(two.key()), "VALID");
  // All tokens are ended by "all"; keys are none.
  EXPECT_EQ(redis.Call({"SET", "revoked:all", "1000000001"}), "+OK\r\n");
  EXPECT_EQ(Verify(two.key()), "VALID");
}

TEST_F(ApiKeyServiceTest, AVerificationLeavesOneEntryWithoutTheKey) {
  const v1::CreateApiKeyResponse made = Make("partners/acme");
  Verify(made.key());
  Verify("of nobody, but a secret of somebody");
  std::vector<AuditEvent> events;
  for (const AuditRecord& record : Entries()) {
    if (record.event.event == "apikey_verified") events.push_back(record.event);
    std::string text;
    for (const auto& [name, value] : record.event.details) absl::StrAppend(&text, name, value);
    absl::StrAppend(&text, record.event.resource);
    EXPECT_FALSE(absl::StrContains(text, made.key().substr(21, 43)));
    EXPECT_FALSE(absl::StrContains(text, "somebody"));
  }
  ASSERT_EQ(events.size(), 2u);
  using Details = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(events[0].details, (Details{{"result", "VALID"},
                                        {"api_key", made.info().id()},
                                        {"path", "partners/acme"},
                                        {"generation", "1"}}));
  EXPECT_EQ(events[1].details, (Details{{"result", "UNKNOWN"}}));
  EXPECT_EQ(events[1].outcome, "ok");
}

TEST_F(ApiKeyServiceTest, LimitsAreByWhoPresentsTheKey) {
  const v1::CreateApiKeyResponse made = Make("a");
  for (int i = 0; i < 5; ++i) {
    const std::string wrong(api_key::NewText(made.info().id())->ExposeForWire());
    EXPECT_EQ(Verify(wrong, "", "198.51.100.7"), "UNKNOWN");
  }
  const v1::VerifyApiKeyResponse limited = Answer(made.key(), "", "198.51.100.200");
  EXPECT_EQ(limited.reason(), v1::VerifyApiKeyResponse::LIMITED);
  EXPECT_GT(limited.retry_after_seconds(), 800);
  EXPECT_EQ(Verify(made.key(), "", "2001:db8::1"), "VALID");
  EXPECT_EQ(Verify(made.key()), "VALID");  // by the caller's own
  v1::VerifyApiKeyRequest request;
  request.set_key(made.key());
  request.set_source_address("198.51.100.7:80");
  EXPECT_EQ(Ask(&v1::ApiKeyService::Stub::Verify, request).substr(0, 16), "INVALID_ARGUMENT");
}

TEST_F(ApiKeyServiceTest, MetricsCountKeysAndAnswers) {
  const v1::CreateApiKeyResponse made = Make("a");
  Verify(made.key());
  Verify(made.key());
  Verify("of nobody");
  Verify("kt1_mistyped");
  const std::string page = Fetch("/metrics");
  for (const char* line : {"keyturn_api_keys 1", "keyturn_api_keys_due 0",
                           "keyturn_api_key_verifications_valid_total 2",
                           "keyturn_api_key_verifications_unknown_total 1",
                           "keyturn_api_key_verifications_malformed_total 1"}) {
    EXPECT_TRUE(absl::StrContains(page, line)) << line;
  }
  EXPECT_FALSE(absl::StrContains(page, made.info().id()));
}

// While it is sealed nothing is said of any key; afterwards all is as before.
TEST_F(ApiKeyServiceTest, KeysOutliveASeal) {
  StartReal();
  InitReal();
  Stubs op = Operator();
  v1::CreateApiKeyRequest create;
  create.set_path("a");
  v1::CreateApiKeyResponse made;
  ASSERT_EQ(Text(op.api_keys->Create(Ctx(), create, &made)), "OK");
  v1::VerifyApiKeyRequest verify;
  verify.set_key(made.key());
  v1::VerifyApiKeyResponse answer;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Text(op.api_keys->Verify(Ctx(), verify, &answer)), "OK");
  server_->lifecycle().Seal();
  EXPECT_EQ(ReasonIn(op.api_keys->Verify(Ctx(), verify, &answer)), "SEALED");
  ASSERT_OK(server_->lifecycle().Unseal([this](Keyring& keyring) {
    return keyring.UnsealWithKeyFile(server_->rooms().store->LastRevision());
  }));
  ASSERT_EQ(Text(op.api_keys->Verify(Ctx(), verify, &answer)), "OK");
  EXPECT_TRUE(answer.valid());
  v1::GetApiKeyRequest get;
  get.set_id(made.info().id());
  v1::ApiKeyInfo info;
  ASSERT_EQ(Text(op.api_keys->Get(Ctx(), get, &info)), "OK");
  EXPECT_EQ(info.uses(), 4u);
}

}  // namespace
}  // namespace keyturn
