// The log of deliveries: listed page by page, and sent again.
#include "rotation/webhook/deliveries.h"

#include "tests/rotation/webhook/webhook_fixture.h"

namespace keyturn {
namespace {

class WebhookDeliveriesTest : public WebhookFixture {
 protected:
  void SetUp() override {
    OpenBook();
    PutRotating("app/key");
    v1::CreateWebhookRequest request = Request();
    request.add_types("rotation.promoted");
    id_ = MakeId(request);
  }
  void Promote() {
    ASSERT_OK(Rotate("app/key", false, false, true));
    Settle();
  }
  absl::StatusOr<v1::ReplayWebhookResponse> Replay(const std::string& delivery) {
    v1::ReplayWebhookRequest request;
    request.set_id(id_);
    request.set_delivery_id(delivery);
    return book_->Replay(*store_, request);
  }
  absl::StatusOr<v1::ReplayWebhookResponse> ReplayFailed(absl::Time since) {
    v1::ReplayWebhookRequest request;
    request.set_id(id_);
    request.mutable_failed_since_time()->set_seconds(absl::ToUnixSeconds(since));
    return book_->Replay(*store_, request);
  }
  std::string id_;
};

TEST_F(WebhookDeliveriesTest, PagesGoFromTheNewestToTheOldest) {
  for (int i = 0; i < 5; ++i) Promote();
  v1::ListWebhookDeliveriesRequest request;
  request.set_id(id_);
  request.set_page_size(2);
  std::vector<std::string> ids;
  std::vector<int> sizes;
  do {
    const auto page = book_->ListDeliveries(request);
    ASSERT_OK(page);
    sizes.push_back(page->deliveries_size());
    for (const v1::WebhookDelivery& one : page->deliveries()) ids.push_back(one.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(sizes, (std::vector<int>{2, 2, 1}));
  std::vector<std::string> sent_ids;
  for (const Sent& one : sent()) sent_ids.push_back(one.id);
  std::reverse(ids.begin(), ids.end());
  EXPECT_EQ(ids, sent_ids);
}

TEST_F(WebhookDeliveriesTest, AreFilteredByTheirState) {
  Promote();
  AnswerWith(500);
  Promote();
  v1::ListWebhookDeliveriesRequest request;
  request.set_id(id_);
  request.set_state(v1::WebhookDelivery::PENDING);
  const auto pending = book_->ListDeliveries(request);
  ASSERT_OK(pending);
  ASSERT_EQ(pending->deliveries_size(), 1);
  const v1::WebhookDelivery& one = pending->deliveries(0);
  EXPECT_EQ(one.type(), "rotation.promoted");
  EXPECT_EQ(one.attempts(), 1u);
  EXPECT_EQ(one.last_status(), 500);
  EXPECT_GE(one.next_attempt_time().seconds(), absl::ToUnixSeconds(clock_.Now()) + 5);
  EXPECT_EQ(one.last_attempt_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  request.set_state(v1::WebhookDelivery::DELIVERED);
  EXPECT_EQ(book_->ListDeliveries(request)->deliveries_size(), 1);
  request.set_state(static_cast<v1::WebhookDelivery::State>(9));
  EXPECT_CODE(book_->ListDeliveries(request), kInvalidArgument);
  request.set_state(v1::WebhookDelivery::DELIVERED);
  request.set_page_size(-1);
  EXPECT_CODE(book_->ListDeliveries(request), kInvalidArgument);
  request.set_page_size(0);
  request.set_page_token("msg_x");
  EXPECT_CODE(book_->ListDeliveries(request), kInvalidArgument);
}

TEST_F(WebhookDeliveriesTest, AReplayHasTheSameIdAndBodyAndANewTime) {
  Promote();
  clock_.AdvanceTime(absl::Hours(1));
  const auto replayed = Replay(sent()[0].id);
  ASSERT_OK(replayed);
  EXPECT_EQ(replayed->replayed(), 1u);
  Settle();
  const std::vector<Sent> all = sent();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].id, all[0].id);
  EXPECT_EQ(all[1].body, all[0].body);
  EXPECT_NE(all[1].timestamp, all[0].timestamp);
  EXPECT_EQ(Log(id_), "rotation.promoted DELIVERED 1");
}

TEST_F(WebhookDeliveriesTest, WhatHasFailedIsReplayedFromATimeOn) {
  AnswerWith(500);
  Promote();
  clock_.AdvanceTime(absl::Hours(2));
  const absl::Time between = clock_.Now();
  clock_.AdvanceTime(absl::Hours(2));
  Promote();
  PassQuietly(Days(4), absl::Minutes(30));
  EXPECT_EQ(Log(id_), "rotation.promoted FAILED 10, rotation.promoted FAILED 10");
  AnswerWith(200);
  EXPECT_EQ(ReplayFailed(between)->replayed(), 1u);
  Settle();
  EXPECT_EQ(Log(id_), "rotation.promoted DELIVERED 1, rotation.promoted FAILED 10");
  EXPECT_EQ(ReplayFailed(absl::UnixEpoch())->replayed(), 1u);
  Settle();
  EXPECT_EQ(Log(id_), "rotation.promoted DELIVERED 1, rotation.promoted DELIVERED 1");
  EXPECT_EQ(ReplayFailed(absl::UnixEpoch())->replayed(), 0u);
}

TEST_F(WebhookDeliveriesTest, WhatWaitsIsSentAtOnce) {
  AnswerWith(500);
  Promote();
  AnswerWith(200);
  ASSERT_OK(Replay(sent()[0].id));
  Settle();
  EXPECT_EQ(Log(id_), "rotation.promoted DELIVERED 1");
}

TEST_F(WebhookDeliveriesTest, WhatIsNotThereIsNotReplayed) {
  Promote();
  std::string other = sent()[0].id;
  other.back() = other.back() == '0' ? '1' : '0';
  for (const std::string& id : {other, std::string("x"), std::string("msg_")}) {
    EXPECT_CODE(Replay(id), kNotFound);
  }
  EXPECT_CODE(Replay(""), kInvalidArgument);
  v1::ReplayWebhookRequest both;
  both.set_id(id_);
  both.set_delivery_id(sent()[0].id);
  both.mutable_failed_since_time();
  EXPECT_CODE(book_->Replay(*store_, both), kInvalidArgument);
  AnswerWith(410);
  Promote();
  EXPECT_EQ(ReasonOf(Replay(sent()[0].id).status()), "WEBHOOK_DISABLED");
}

}  // namespace
}  // namespace keyturn
