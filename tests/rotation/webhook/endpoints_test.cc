// Making, showing, rolling and deleting endpoints.
#include "rotation/webhook/endpoints.h"

#include "absl/strings/escaping.h"
#include "crypto/signature.h"
#include "rotation/target/webhook_signature.h"
#include "rotation/webhook/records.h"
#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

class WebhookEndpointsTest : public WebhookFixture {
 protected:
  absl::StatusOr<IssuedWebhook> Roll(const std::string& id, bool force = false) {
    v1::RollWebhookKeyRequest request;
    request.set_id(id);
    request.set_force(force);
    return book_->RollKey(*store_, request);
  }
  // Whether one of the signatures of the last message is by this key, as a receiver looks.
  bool IsSignedBy(const std::string& public_key) {
    const Sent last = sent().back();
    std::string key, signature;
    EXPECT_TRUE(absl::Base64Unescape(public_key.substr(strlen("whpk_")), &key));
    for (const absl::string_view one : absl::StrSplit(last.signature, ' ')) {
      EXPECT_EQ(one.substr(0, 4), "v1a,");
      EXPECT_TRUE(absl::Base64Unescape(one.substr(4), &signature));
      const std::string message = absl::StrCat(last.id, ".", last.timestamp, ".", last.body);
      if (Ed25519Verify(key, message, signature)) return true;
    }
    return false;
  }
  void Tell() {
    ASSERT_OK(Rotate("app/key", false, false, true));
    Settle();
  }
};

TEST_F(WebhookEndpointsTest, OneIsShownAsItWasMade) {
  v1::CreateWebhookRequest request = Request();
  request.add_types("rotation.*");
  request.add_paths("app/+/key");
  request.set_description("the deployer");
  const IssuedWebhook made = Make(request);
  EXPECT_TRUE(made.secret.empty());
  const v1::WebhookInfo info = Info(made.info.id());
  EXPECT_EQ(info.SerializeAsString(), made.info.SerializeAsString());
  EXPECT_EQ(info.url(), "https://hooks.example/a");
  EXPECT_EQ(info.types(0), "rotation.*");
  EXPECT_EQ(info.paths(0), "app/+/key");
  EXPECT_EQ(info.description(), "the deployer");
  EXPECT_EQ(info.owner(), "admin");
  EXPECT_EQ(info.signature(), v1::WebhookInfo::V1A);
  EXPECT_EQ(info.state(), v1::WebhookInfo::ENABLED);
  ASSERT_EQ(info.keys_size(), 1);
  EXPECT_EQ(info.keys(0).public_key().size(), strlen("whpk_") + 44);
  EXPECT_FALSE(info.keys(0).has_end_time());
  EXPECT_EQ(book_->List()->webhooks_size(), 1);
}

TEST_F(WebhookEndpointsTest, AReceiverVerifiesByWhatItWasGiven) {
  PutRotating("app/key");
  const v1::WebhookInfo made = Make(Request()).info;
  Tell();
  EXPECT_TRUE(IsSignedBy(made.keys(0).public_key()));
  EXPECT_FALSE(IsSignedBy(WebhookPublicKeyText(std::string(32, 'x'))));
}

TEST_F(WebhookEndpointsTest, AnHmacKeyIsShownOnce) {
  PutRotating("app/key");
  v1::CreateWebhookRequest request = Request();
  request.set_signature(v1::WebhookInfo::V1);
  const IssuedWebhook made = Make(request);
  const auto key = ParseWebhookKey(made.secret.ExposeForCrypto());
  ASSERT_OK(key);
  EXPECT_EQ(made.info.signature(), v1::WebhookInfo::V1);
  EXPECT_EQ(made.info.keys(0).public_key(), "");
  EXPECT_FALSE(absl::StrContains(Info(made.info.id()).DebugString(), "whsec_"));
  Tell();
  const Sent last = sent().back();
  int64_t seconds = 0;
  ASSERT_TRUE(absl::SimpleAtoi(last.timestamp, &seconds));
  EXPECT_EQ(last.signature, SignWebhook(*key, last.id, seconds, last.body));
}

TEST_F(WebhookEndpointsTest, AFormerKeySignsForAWeekMore) {
  PutRotating("app/key");
  const v1::WebhookInfo made = Make(Request()).info;
  const std::string first = made.keys(0).public_key();
  clock_.AdvanceTime(absl::Hours(1));
  const auto rolled = Roll(made.id());
  ASSERT_OK(rolled);
  ASSERT_EQ(rolled->info.keys_size(), 2);
  const std::string second = rolled->info.keys(0).public_key();
  EXPECT_NE(second, first);
  EXPECT_EQ(rolled->info.keys(1).public_key(), first);
  EXPECT_EQ(rolled->info.keys(1).end_time().seconds(), absl::ToUnixSeconds(clock_.Now() + Days(7)));
  Tell();
  EXPECT_TRUE(IsSignedBy(first));
  EXPECT_TRUE(IsSignedBy(second));
  EXPECT_EQ(ReasonOf(Roll(made.id()).status()), "GRACE_ACTIVE");
  ASSERT_OK(Roll(made.id(), /*force=*/true));
  Tell();
  EXPECT_FALSE(IsSignedBy(first));
  EXPECT_TRUE(IsSignedBy(second));
  PassQuietly(Days(8), absl::Hours(12));
  Tell();
  EXPECT_FALSE(IsSignedBy(second));
  EXPECT_EQ(Info(made.id()).keys_size(), 1);
  EXPECT_TRUE(IsSignedBy(Info(made.id()).keys(0).public_key()));
}

TEST_F(WebhookEndpointsTest, ATestSaysWhatCameOfIt) {
  const v1::WebhookInfo made = Make(Request()).info;
  auto tested = book_->Test(made.id());
  ASSERT_OK(tested);
  EXPECT_TRUE(tested->delivered());
  EXPECT_EQ(tested->status(), 204);
  EXPECT_EQ(tested->message_id(), sent().back().id);
  EXPECT_EQ(sent().back().type, "endpoint.verify");
  EXPECT_EQ(sent().back().data()["webhook"], made.id());
  EXPECT_TRUE(IsSignedBy(made.keys(0).public_key()));
  AnswerWith(404);
  EXPECT_EQ(book_->Test(made.id())->status(), 404);
  EXPECT_FALSE(book_->Test(made.id())->delivered());
  Answer([](const Sent&) { return absl::UnavailableError("no connection in time"); });
  tested = book_->Test(made.id());
  EXPECT_EQ(tested->status(), 0);
  EXPECT_EQ(tested->error(), "no connection in time");
  // It leaves no trace: neither in the log of deliveries, nor in the endpoint's health.
  EXPECT_EQ(Log(made.id()), "");
  EXPECT_FALSE(Info(made.id()).has_failing_since_time());
}

TEST_F(WebhookEndpointsTest, WhatMayNotBeIsRefusedByName) {
  const auto said = [&](const std::function<void(v1::CreateWebhookRequest&)>& spoil) {
    v1::CreateWebhookRequest request = Request();
    spoil(request);
    const absl::Status status = book_->Make(*store_, request, "admin").status();
    EXPECT_CODE(status, kInvalidArgument);
    return std::string(status.message()).substr(0, status.message().find(':'));
  };
  for (const std::string url :
       {"", "http://a", "https://user@a", "https://a b", "ftp://a", "HTTPS://a", "https://a\n"}) {
    EXPECT_EQ(said([&](auto& r) { r.set_url(url); }), "url");
  }
  EXPECT_EQ(said([](auto& r) { r.set_url("https://a/" + std::string(2048, 'x')); }), "url");
  EXPECT_EQ(said([](auto& r) { r.add_types("promoted"); }), "types");
  EXPECT_EQ(said([](auto& r) { r.add_paths("a*b"); }), "paths");
  EXPECT_EQ(said([](auto& r) {
              for (int i = 0; i < 33; ++i) r.add_paths("a");
            }),
            "paths");
  EXPECT_EQ(said([](auto& r) { r.set_description(std::string(513, 'x')); }), "description");
  EXPECT_EQ(said([](auto& r) { r.set_signature(static_cast<v1::WebhookInfo::Signature>(3)); }),
            "signature");
  EXPECT_EQ(book_->List()->webhooks_size(), 0);
}

TEST_F(WebhookEndpointsTest, SixteenAreTheMostAndADeletedOnesPlaceIsFreeOnceItIsGone) {
  std::vector<std::string> ids;
  for (int i = 0; i < 16; ++i) ids.push_back(MakeId());
  EXPECT_CODE(book_->Make(*store_, Request(), "admin"), kResourceExhausted);
  ASSERT_OK(book_->Delete(*store_, ids[7]));
  Settle();
  ids[7] = MakeId();
  const auto webhooks = ReadWebhooks(**keyring_->Snapshot(), store_->Newest());
  ASSERT_OK(webhooks);
  std::set<uint32_t> slots;
  for (const Webhook& webhook : webhooks->webhooks()) slots.insert(webhook.slot());
  EXPECT_EQ(slots.size(), 16u);
  EXPECT_EQ(*slots.rbegin(), 15u);
}

TEST_F(WebhookEndpointsTest, OneThatIsNotThereIsNotFound) {
  for (const std::string& id : {std::string(), std::string("x"), Uuid().ToString()}) {
    EXPECT_CODE(book_->Get(id), kNotFound);
    EXPECT_CODE(book_->Delete(*store_, id), kNotFound);
    EXPECT_CODE(book_->Enable(*store_, id), kNotFound);
    EXPECT_CODE(book_->Test(id), kNotFound);
    EXPECT_CODE(Roll(id), kNotFound);
  }
}

// A rewrap of the key-encryption keys takes all of it along, by the headers of the records.
TEST_F(WebhookEndpointsTest, ANewKeyEncryptionKeyChangesNothing) {
  PutRotating("app/key");
  const v1::WebhookInfo made = Make(Request()).info;
  AnswerWith(500);
  Tell();
  ASSERT_OK(keyring_->RotateKek(AeadSuite::kXChaCha20Poly1305, false));
  ASSERT_OK(vault_->Rewrap(*store_, NoProgress));
  EXPECT_EQ(*vault_->CountOutside((*keyring_->Snapshot())->active_kek().term, NoProgress), 0u);
  AnswerWith(200);
  PassQuietly(absl::Minutes(1), absl::Seconds(10));
  EXPECT_EQ(Log(made.id()), "rotation.promoted DELIVERED 2, rotation.started DELIVERED 2");
  EXPECT_TRUE(IsSignedBy(made.keys(0).public_key()));
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
