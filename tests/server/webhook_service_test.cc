// Webhooks over gRPC: who may make them, that a rotation arrives at a receiver, and that neither
// values nor keys come out elsewhere.
#include "server/webhook_service.h"

#include <csignal>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "base/wait.h"
#include "crypto/signature.h"
#include "tests/rotation/target/https_server.h"
#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class WebhookServiceTest : public ServerFixture {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    receiver_ = std::make_unique<HttpsServer>(
        [this](const HttpsServer::Seen&) { return HttpAnswer(status_, ""); });
    StartDev([this](Config& config) {
      config.webhooks_ca_file = receiver_->ca_file();
      config.webhooks_allow_addresses = {"127.0.0.0/8"};
    });
  }
  v1::CreateWebhookResponse Make(v1::WebhookInfo::Signature signature = v1::WebhookInfo::V1A) {
    v1::CreateWebhookRequest request;
    request.set_url(receiver_->url("/hook"));
    request.set_signature(signature);
    request.add_types("rotation.promoted");
    v1::CreateWebhookResponse response;
    EXPECT_EQ(Text(stubs_->webhooks->Create(Ctx(root_), request, &response)), "OK");
    return response;
  }
  void Rotate(const std::string& path) {
    v1::PutRequest put;
    put.set_path(path);
    put.set_kind(v1::KIND_API_KEY);
    v1::Field* const field = put.mutable_data()->add_fields();
    field->set_name("value");
    field->set_value("hunter2hunter2");
    v1::PutResponse written;
    ASSERT_EQ(Text(stubs_->secrets->Put(Ctx(root_), put, &written)), "OK");
    v1::SetRotationPolicyRequest policy;
    policy.set_path(path);
    policy.mutable_policy()->mutable_source()->mutable_generate();
    v1::RotationStatus status;
    ASSERT_EQ(Text(stubs_->rotations->SetPolicy(Ctx(root_), policy, &status)), "OK");
    v1::RotateRequest request;
    request.set_path(path);
    ASSERT_EQ(Text(stubs_->rotations->Rotate(Ctx(root_), request, &status)), "OK");
  }
  v1::ListWebhookDeliveriesResponse Deliveries(const std::string& id) {
    v1::ListWebhookDeliveriesRequest request;
    request.set_id(id);
    v1::ListWebhookDeliveriesResponse response;
    EXPECT_EQ(Text(stubs_->webhooks->ListDeliveries(Ctx(root_), request, &response)), "OK");
    return response;
  }
  // The newest one, once it has had an attempt.
  v1::WebhookDelivery Await(const std::string& id, size_t seen) {
    const absl::Time end = Clock::Real().Now() + absl::Seconds(60);
    while (Clock::Real().Now() < end) {
      const v1::ListWebhookDeliveriesResponse listed = Deliveries(id);
      if (receiver_->seen().size() >= seen && listed.deliveries_size() > 0 &&
          listed.deliveries(0).attempts() > 0) {
        return listed.deliveries(0);
      }
      WaitFor(Clock::Real(), absl::Milliseconds(20));
    }
    ADD_FAILURE() << "nothing arrived";
    return {};
  }

  std::atomic<int> status_{204};
  std::unique_ptr<HttpsServer> receiver_;
};

TEST_F(WebhookServiceTest, ARotationArrivesAndIsInTheLogOfDeliveries) {
  const v1::CreateWebhookResponse made = Make();
  EXPECT_EQ(made.secret(), "");
  Rotate("app/key");
  const v1::WebhookDelivery delivered = Await(made.info().id(), 1);
  EXPECT_EQ(delivered.state(), v1::WebhookDelivery::DELIVERED);
  EXPECT_EQ(delivered.type(), "rotation.promoted");
  EXPECT_EQ(delivered.last_status(), 204);
  const HttpsServer::Seen seen = receiver_->seen().at(0);
  EXPECT_EQ(seen.Header("webhook-id"), delivered.id());
  EXPECT_TRUE(absl::StrContains(seen.body, R"("secret":"app/key","version":2,"previous":1)"))
      << seen.body;
  EXPECT_FALSE(absl::StrContains(seen.head + seen.body, "hunter2"));
  std::string key, signature;
  ASSERT_TRUE(absl::Base64Unescape(made.info().keys(0).public_key().substr(5), &key));
  ASSERT_TRUE(absl::Base64Unescape(seen.Header("webhook-signature").substr(4), &signature));
  EXPECT_TRUE(Ed25519Verify(key,
                            absl::StrCat(seen.Header("webhook-id"), ".",
                                         seen.Header("webhook-timestamp"), ".", seen.body),
                            signature));
  const std::string metrics = Fetch("/metrics");
  EXPECT_TRUE(absl::StrContains(metrics, "\nkeyturn_webhooks 1\n"));
  EXPECT_TRUE(absl::StrContains(metrics, "\nkeyturn_webhook_attempts_delivered_total 1\n"));
}

TEST_F(WebhookServiceTest, AValueThatIsPutByHandArrivesAsWell) {
  const std::string id = Make().info().id();
  v1::PutRequest put;
  put.set_path("app/held");
  put.set_kind(v1::KIND_API_KEY);
  put.mutable_data()->add_fields()->set_name("value");
  v1::PutResponse written;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Text(stubs_->secrets->Put(Ctx(root_), put, &written)), "OK");
  }
  EXPECT_EQ(Await(id, 1).type(), "rotation.promoted");
  EXPECT_EQ(Deliveries(id).deliveries_size(), 1);
  const std::string body = receiver_->seen().at(0).body;
  EXPECT_TRUE(absl::StrContains(body, R"("secret":"app/held","version":2,"previous":1)")) << body;
  EXPECT_TRUE(absl::StrContains(body, R"("cause":"put")")) << body;
}

TEST_F(WebhookServiceTest, WhatFailedIsReplayedUnderItsId) {
  const std::string id = Make().info().id();
  status_ = 500;
  Rotate("app/key");
  const v1::WebhookDelivery failed = Await(id, 1);
  EXPECT_EQ(failed.state(), v1::WebhookDelivery::PENDING);
  EXPECT_EQ(failed.last_status(), 500);
  status_ = 200;
  v1::ReplayWebhookRequest request;
  request.set_id(id);
  request.set_delivery_id(failed.id());
  v1::ReplayWebhookResponse replayed;
  ASSERT_EQ(Text(stubs_->webhooks->Replay(Ctx(root_), request, &replayed)), "OK");
  EXPECT_EQ(replayed.replayed(), 1u);
  EXPECT_EQ(Await(id, 2).state(), v1::WebhookDelivery::DELIVERED);
  const std::vector<HttpsServer::Seen> seen = receiver_->seen();
  EXPECT_EQ(seen.at(1).Header("webhook-id"), seen.at(0).Header("webhook-id"));
}

TEST_F(WebhookServiceTest, AnEndpointThatIsGoneIsInTheAuditLog) {
  const std::string id = Make().info().id();
  status_ = 410;
  Rotate("app/key");
  Await(id, 1);
  v1::GetWebhookRequest request;
  request.set_id(id);
  v1::WebhookInfo info;
  ASSERT_EQ(Text(stubs_->webhooks->Get(Ctx(root_), request, &info)), "OK");
  EXPECT_EQ(info.state(), v1::WebhookInfo::DISABLED);
  const std::vector<AuditRecord> entries = Entries();
  const auto found = std::find_if(entries.begin(), entries.end(), [](const AuditRecord& record) {
    return record.event.event == "webhook_disabled";
  });
  ASSERT_NE(found, entries.end());
  EXPECT_EQ(found->event.resource, id);
  EXPECT_EQ(found->event.principal, "keyturn");
  EXPECT_EQ(found->event.details, (decltype(found->event.details){{"reason", "GONE"}}));
}

TEST_F(WebhookServiceTest, AKeyIsGivenOnceAndIsInNoEntry) {
  const v1::CreateWebhookResponse made = Make(v1::WebhookInfo::V1);
  EXPECT_EQ(made.secret().substr(0, 6), "whsec_");
  v1::RollWebhookKeyRequest roll;
  roll.set_id(made.info().id());
  v1::RollWebhookKeyResponse rolled;
  ASSERT_EQ(Text(stubs_->webhooks->RollKey(Ctx(root_), roll, &rolled)), "OK");
  EXPECT_EQ(rolled.secret().substr(0, 6), "whsec_");
  EXPECT_NE(rolled.secret(), made.secret());
  EXPECT_EQ(rolled.info().keys_size(), 2);
  v1::ListWebhooksResponse listed;
  ASSERT_EQ(Text(stubs_->webhooks->List(Ctx(root_), {}, &listed)), "OK");
  EXPECT_FALSE(absl::StrContains(listed.DebugString(), "whsec_"));
  for (const AuditRecord& record : Entries()) {
    for (const auto& [name, value] : record.event.details) {
      EXPECT_FALSE(absl::StrContains(value, "whsec_")) << name;
    }
  }
}

TEST_F(WebhookServiceTest, TheyAreForWhoeverMayHaveThem) {
  const std::string id = Make().info().id();
  PutPolicy("all-secrets", {{"secret:*", "*"}});
  PutPolicy("hooks", {{"admin:webhook", "*"}});
  v1::ListWebhooksResponse listed;
  EXPECT_EQ(Text(stubs_->webhooks->List(Ctx(NewToken({"all-secrets"})), {}, &listed)).substr(0, 17),
            "PERMISSION_DENIED");
  EXPECT_EQ(Text(stubs_->webhooks->List(Ctx(NewToken({"hooks"})), {}, &listed)), "OK");
  EXPECT_EQ(listed.webhooks_size(), 1);
  v1::TestWebhookRequest test;
  test.set_id(id);
  v1::TestWebhookResponse tested;
  ASSERT_EQ(Text(stubs_->webhooks->Test(Ctx(root_, 30), test, &tested)), "OK");
  EXPECT_TRUE(tested.delivered());
  EXPECT_EQ(tested.message_id(), receiver_->seen().at(0).Header("webhook-id"));
  v1::DeleteWebhookRequest remove;
  remove.set_id(id);
  v1::DeleteWebhookResponse removed;
  ASSERT_EQ(Text(stubs_->webhooks->Delete(Ctx(root_), remove, &removed)), "OK");
  EXPECT_EQ(Text(stubs_->webhooks->Delete(Ctx(root_), remove, &removed)).substr(0, 9), "NOT_FOUND");
}

TEST_F(WebhookServiceTest, AServerWithoutThemSaysSo) {
  StartDev([](Config& config) { config.webhooks = false; });
  v1::CreateWebhookRequest request;
  request.set_url("https://hooks.example/");
  v1::CreateWebhookResponse response;
  EXPECT_EQ(ReasonIn(stubs_->webhooks->Create(Ctx(root_), request, &response)), "WEBHOOKS_OFF");
}

}  // namespace
}  // namespace keyturn
