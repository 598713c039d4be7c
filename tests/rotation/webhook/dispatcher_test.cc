// When what is told goes out, and what becomes of an endpoint that does not take it. Simulated
// time.
#include "rotation/webhook/dispatcher.h"

#include "absl/synchronization/notification.h"
#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

using WebhookDispatcherTest = WebhookFixture;

TEST_F(WebhookDispatcherTest, EachEventGoesOutOnceToEachWhoWantsIt) {
  PutRotating("app/key");
  PutRotating("other/key");
  const std::string all = MakeId();
  v1::CreateWebhookRequest some = Request("https://hooks.example/b");
  some.add_types("rotation.promoted");
  some.add_paths("app/*");
  const std::string promotions = MakeId(some);
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(Rotate("other/key"));
  Settle();
  EXPECT_EQ(sent().size(), 5u);
  EXPECT_EQ(Log(promotions), "rotation.promoted DELIVERED 1");
  EXPECT_EQ(Log(all),
            "rotation.promoted DELIVERED 1, rotation.started DELIVERED 1, "
            "rotation.promoted DELIVERED 1, rotation.started DELIVERED 1");
  // The same event has one id, wherever it goes.
  EXPECT_EQ(Deliveries(promotions)[0].id(), Deliveries(all)[2].id());
  Settle();
  PassQuietly(absl::Hours(2), absl::Minutes(10));
  EXPECT_EQ(sent().size(), 5u);
  EXPECT_EQ(book_->stats().delivered, 5u);
  EXPECT_EQ(book_->stats().waiting, 0u);
  ExpectClean();
}

TEST_F(WebhookDispatcherTest, WithoutEndpointsNothingIsWritten) {
  PutRotating("app/key");
  ASSERT_OK(Rotate("app/key"));
  const std::string id = MakeId();
  EXPECT_EQ(Log(id), "");
  ASSERT_OK(book_->Delete(*store_, id));
  Settle();
  ASSERT_OK(Rotate("app/key"));
  EXPECT_EQ(book_->List()->webhooks_size(), 0);
}

TEST_F(WebhookDispatcherTest, WhatFailsIsTriedTenTimesOverThreeDays) {
  PutRotating("app/key");
  v1::CreateWebhookRequest some = Request();
  some.add_types("rotation.promoted");
  const std::string id = MakeId(some);
  AnswerWith(500);
  ASSERT_OK(Rotate("app/key"));
  const absl::Time begin = clock_.Now();
  Settle();
  PassQuietly(absl::Minutes(1), absl::Seconds(1));
  PassQuietly(absl::Hours(96), absl::Minutes(1));
  const std::vector<Sent> all = sent();
  ASSERT_EQ(all.size(), 10u);
  const double after[] = {0, 5, 305, 2105, 9305, 27305, 63305, 113705, 185705, 272105};
  for (size_t i = 0; i < all.size(); ++i) {
    const double seconds = absl::ToDoubleSeconds(all[i].at - begin);
    EXPECT_GE(seconds, after[i]) << i;
    EXPECT_LE(seconds, after[i] * 1.1 + 60.0 * static_cast<double>(i) + 1) << i;
    EXPECT_EQ(all[i].id, all[0].id);
    EXPECT_EQ(all[i].body, all[0].body);
    EXPECT_EQ(all[i].timestamp, absl::StrCat(absl::ToUnixSeconds(all[i].at)));
  }
  EXPECT_EQ(Log(id), "rotation.promoted FAILED 10");
  EXPECT_EQ(book_->stats().given_up, 1u);
  EXPECT_EQ(book_->stats().failed, 10u);
  EXPECT_EQ(Info(id).state(), v1::WebhookInfo::ENABLED);
}

TEST_F(WebhookDispatcherTest, ABusyEndpointIsHeldBackAsAWhole) {
  PutRotating("app/key");
  const std::string id = MakeId();
  AnswerWith(429, absl::Minutes(10));
  ASSERT_OK(Rotate("app/key"));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started");  // the second one was not even tried
  PassQuietly(absl::Minutes(9), absl::Minutes(1));
  EXPECT_EQ(TakeTypes(), "");
  AnswerWith(200);
  PassQuietly(absl::Minutes(2), absl::Minutes(1));
  EXPECT_EQ(Log(id), "rotation.promoted DELIVERED 1, rotation.started DELIVERED 2");
}

TEST_F(WebhookDispatcherTest, AnEndpointThatIsGoneIsDisabledAndGoesOnWhenItIsEnabled) {
  PutRotating("app/key");
  const std::string id = MakeId();
  AnswerWith(410);
  ASSERT_OK(Rotate("app/key"));
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started");
  EXPECT_EQ(Info(id).state(), v1::WebhookInfo::DISABLED);
  EXPECT_EQ(Info(id).disable_reason(), v1::WebhookInfo::GONE);
  EXPECT_EQ(events_.back(), "webhook_disabled " + id);
  EXPECT_EQ(notes_["webhook_disabled"], "reason=GONE");
  ASSERT_OK(Rollback("app/key"));  // not written for it at all
  PassQuietly(absl::Hours(3), absl::Minutes(30));
  EXPECT_EQ(TakeTypes(), "");
  EXPECT_EQ(book_->stats().disabled, 1u);
  AnswerWith(200);
  ASSERT_OK(book_->Enable(*store_, id));
  Settle();
  EXPECT_EQ(Log(id), "rotation.promoted DELIVERED 1, rotation.started DELIVERED 2");
}

TEST_F(WebhookDispatcherTest, FiveDaysOfFailuresDisable) {
  PutRotating("app/key");
  v1::CreateWebhookRequest some = Request();
  some.add_types("rotation.rolled_back");
  some.add_types("rotation.promoted");
  const std::string id = MakeId(some);
  Answer([](const Sent&) { return absl::UnavailableError("no connection in time"); });
  ASSERT_OK(Rotate("app/key"));
  PassQuietly(Days(4), absl::Hours(1));
  ASSERT_OK(Rollback("app/key"));
  PassQuietly(absl::Hours(23), absl::Hours(1));
  EXPECT_EQ(Info(id).state(), v1::WebhookInfo::ENABLED);
  EXPECT_TRUE(Info(id).has_failing_since_time());
  PassQuietly(Days(2), absl::Hours(1));
  EXPECT_EQ(Info(id).state(), v1::WebhookInfo::DISABLED);
  EXPECT_EQ(Info(id).disable_reason(), v1::WebhookInfo::FAILING);
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "webhook_disabled " + id), 1);
  EXPECT_EQ(Deliveries(id)[0].last_error(), "no connection in time");
}

// A success in between, and the days count anew.
TEST_F(WebhookDispatcherTest, ASuccessEndsTheCount) {
  PutRotating("app/key");
  const std::string id = MakeId();
  AnswerWith(500);
  ASSERT_OK(Rotate("app/key"));
  Settle();
  EXPECT_TRUE(Info(id).has_failing_since_time());
  AnswerWith(204);
  PassQuietly(absl::Minutes(1), absl::Seconds(10));
  EXPECT_FALSE(Info(id).has_failing_since_time());
}

TEST_F(WebhookDispatcherTest, OneThatIsSlowHoldsUpNobodyElse) {
  PutRotating("app/key");
  const std::string slow = MakeId(Request("https://hooks.example/slow"));
  const std::string quick = MakeId(Request("https://hooks.example/quick"));
  absl::Notification go_on;
  Answer([&](const Sent& one) {
    if (absl::StrContains(one.url, "slow")) go_on.WaitForNotification();
    return Status(200);
  });
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(book_->RunDue());
  while (book_->stats().delivered < 2) std::this_thread::yield();
  EXPECT_EQ(Log(quick), "rotation.promoted DELIVERED 1, rotation.started DELIVERED 1");
  EXPECT_EQ(Log(slow), "rotation.promoted PENDING 0, rotation.started PENDING 0");
  ASSERT_OK(book_->RunDue());
  go_on.Notify();
  Settle();
  EXPECT_EQ(Log(slow), "rotation.promoted DELIVERED 1, rotation.started DELIVERED 1");
}

TEST_F(WebhookDispatcherTest, ASealedVaultSendsNothingAndGoesOnLater) {
  PutRotating("app/key");
  const std::string id = MakeId();
  ASSERT_OK(Rotate("app/key"));
  book_->OnSealed();
  Settle();
  EXPECT_EQ(TakeTypes(), "");
  ASSERT_OK(book_->OnUnsealed());
  Settle();
  EXPECT_EQ(TakeTypes(), "rotation.started rotation.promoted");
}

TEST_F(WebhookDispatcherTest, WhatIsInterruptedIsNoAttempt) {
  PutRotating("app/key");
  const std::string id = MakeId();
  Answer([](const Sent&) { return absl::AbortedError("interrupted"); });
  ASSERT_OK(Rotate("app/key"));
  ASSERT_OK(book_->RunDue());
  while (sent().empty()) std::this_thread::yield();
  book_->OnSealed();
  EXPECT_EQ(Log(id), "rotation.promoted PENDING 0, rotation.started PENDING 0");
  EXPECT_FALSE(Info(id).has_failing_since_time());
}

TEST_F(WebhookDispatcherTest, WhenTheyAreOffNothingIsWrittenOrSent) {
  PutRotating("app/key");
  const std::string id = MakeId();
  options_.enabled = false;
  Restart();
  ASSERT_OK(Rotate("app/key"));
  Settle();
  EXPECT_EQ(TakeTypes(), "");
  EXPECT_EQ(Log(id), "");
  EXPECT_EQ(book_->List()->webhooks_size(), 1);
  EXPECT_EQ(ReasonOf(book_->Make(*store_, Request(), "admin").status()), "WEBHOOKS_OFF");
  EXPECT_EQ(ReasonOf(book_->Test(id).status()), "WEBHOOKS_OFF");
}

TEST_F(WebhookDispatcherTest, ADeletedEndpointLeavesNothing) {
  PutRotating("app/key");
  const std::string id = MakeId();
  AnswerWith(500);
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK(Rotate("app/key", false, false, true));
    ASSERT_OK(RunDue());
  }
  Settle();
  ASSERT_OK(book_->Delete(*store_, id));
  EXPECT_CODE(book_->Get(id), kNotFound);
  Restart();  // it died before the rows were removed
  Settle();
  size_t left = 0;
  ASSERT_OK(store_->GetSnapshot()->Scan(
      Family::kRecords, "", "", [&](absl::string_view key, absl::string_view) {
        left += schema::IsWebhookDeliveryKey(key) || schema::IsWebhookKeyKey(key) ? 1 : 0;
        return true;
      }));
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(book_->stats().webhooks, 0u);
  ExpectClean();
}

TEST_F(WebhookDispatcherTest, TheLogIsCutAfterAWeek) {
  PutRotating("app/key");
  v1::CreateWebhookRequest request = Request();
  for (const char* const type : {"started", "promoted", "rolled_back"}) {
    request.add_types(absl::StrCat("rotation.", type));
  }
  const std::string id = MakeId(request);
  ASSERT_OK(Rotate("app/key"));
  Settle();
  PassQuietly(Days(6), absl::Hours(1));
  EXPECT_EQ(Deliveries(id).size(), 2u);
  ASSERT_OK(Rollback("app/key"));
  PassQuietly(Days(1) + absl::Hours(2), absl::Hours(1));
  EXPECT_EQ(Log(id), "rotation.rolled_back DELIVERED 1");
}

}  // namespace
}  // namespace keyturn
