#include "rotation/webhook/attempt.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "keyturn/v1/webhook_service.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

WebhookAttempt Of(int status, absl::Duration retry_after = absl::ZeroDuration()) {
  WebhookAttempt attempt;
  attempt.status = status;
  attempt.retry_after = retry_after;
  return attempt;
}

TEST(WebhookAttempt, WaitsGrowFromSecondsToADay) {
  const absl::Duration waits[] = {absl::Seconds(5), absl::Minutes(5), absl::Minutes(30),
                                  absl::Hours(2),   absl::Hours(5),   absl::Hours(10),
                                  absl::Hours(14),  absl::Hours(20),  absl::Hours(24)};
  DeliveryRecord row;
  row.set_state(v1::WebhookDelivery::PENDING);
  absl::Time now = kNow;
  for (const absl::Duration wait : waits) {
    TakeAttempt(Of(500), now, 0, &row);
    EXPECT_EQ(row.state(), v1::WebhookDelivery::PENDING);
    EXPECT_EQ(row.next_ms(), absl::ToUnixMillis(now + wait)) << row.attempts();
    EXPECT_EQ(WebhookWait(row.attempts(), 0.5), 1.05 * wait);
    now += wait;
  }
  TakeAttempt(Of(500), now, 0, &row);
  EXPECT_EQ(row.state(), v1::WebhookDelivery::FAILED);
  EXPECT_EQ(row.attempts(), 10u);
  EXPECT_EQ(row.next_ms(), 0);
  EXPECT_EQ(row.last_status(), 500);
}

TEST(WebhookAttempt, OnlyTwoHundredsAreDeliveries) {
  for (int status = 100; status < 600; ++status) {
    DeliveryRecord row;
    row.set_state(v1::WebhookDelivery::PENDING);
    TakeAttempt(Of(status), kNow, 0, &row);
    EXPECT_EQ(row.state() == v1::WebhookDelivery::DELIVERED, status / 100 == 2) << status;
  }
}

TEST(WebhookAttempt, WhatAnEndpointAsksForIsKeptButNotForEver) {
  DeliveryRecord row;
  TakeAttempt(Of(503, absl::Hours(1)), kNow, 0, &row);
  EXPECT_EQ(row.next_ms(), absl::ToUnixMillis(kNow + absl::Hours(1)));
  TakeAttempt(Of(503, absl::Seconds(1)), kNow, 0, &row);
  EXPECT_EQ(row.next_ms(), absl::ToUnixMillis(kNow + absl::Minutes(5)));  // not sooner than ours
  TakeAttempt(Of(503, absl::Hours(1000)), kNow, 0, &row);
  EXPECT_EQ(row.next_ms(), absl::ToUnixMillis(kNow + absl::Hours(24)));
}

TEST(WebhookAttempt, ABusyEndpointIsLeftAlone) {
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(HoldBack(Of(status)), absl::Seconds(30)) << status;
    EXPECT_EQ(HoldBack(Of(status, absl::Minutes(2))), absl::Minutes(2)) << status;
  }
  for (const int status : {0, 200, 301, 400, 404, 410, 500, 501}) {
    EXPECT_EQ(HoldBack(Of(status)), absl::ZeroDuration()) << status;
  }
  EXPECT_EQ(HoldBack(Of(204, absl::Hours(1))), absl::ZeroDuration());
  EXPECT_EQ(HoldBack(Of(500, absl::Hours(1000))), absl::Hours(24));
}

TEST(WebhookAttempt, FiveDaysWithoutASuccessDisable) {
  Webhook webhook;
  EXPECT_TRUE(TakeHealth(Of(500), kNow, &webhook));
  EXPECT_EQ(webhook.failing_since_ms(), absl::ToUnixMillis(kNow));
  EXPECT_FALSE(TakeHealth(Of(0), kNow + absl::Minutes(59), &webhook));
  for (int hours = 24; hours < 119; hours += 24) {
    EXPECT_TRUE(TakeHealth(Of(0), kNow + absl::Hours(hours), &webhook));
    EXPECT_EQ(webhook.failing_since_ms(), absl::ToUnixMillis(kNow));
  }
  EXPECT_FALSE(Disables(Of(0), kNow + absl::Hours(119), webhook));
  EXPECT_TRUE(Disables(Of(0), kNow + absl::Hours(120), webhook));
  EXPECT_FALSE(Disables(Of(200), kNow + absl::Hours(120), webhook));
  Webhook well = webhook;
  EXPECT_TRUE(TakeHealth(Of(200), kNow + absl::Hours(119), &well));
  EXPECT_EQ(well.failing_since_ms(), 0);
  EXPECT_FALSE(TakeHealth(Of(200), kNow + absl::Hours(119), &well));
  EXPECT_TRUE(TakeHealth(Of(500), kNow + absl::Hours(120), &webhook));
  EXPECT_EQ(webhook.disabled_for(), v1::WebhookInfo::FAILING);
  EXPECT_FALSE(Disables(Of(410), kNow + absl::Hours(121), webhook));  // it is already
}

// It failed once, and then there was nothing to tell it for a month.
TEST(WebhookAttempt, DaysWithoutAnAttemptAreNoFailures) {
  Webhook webhook;
  const absl::Time later = kNow + absl::Hours(24 * 30);
  EXPECT_TRUE(TakeHealth(Of(500), kNow, &webhook));
  EXPECT_FALSE(Disables(Of(503), later, webhook));
  EXPECT_TRUE(TakeHealth(Of(503), later, &webhook));
  EXPECT_EQ(webhook.disabled_ms(), 0);
  EXPECT_EQ(webhook.failing_since_ms(), absl::ToUnixMillis(later));
  // The longest that an attempt is waited for is no such pause.
  const absl::Time next = later + absl::Hours(27);
  EXPECT_TRUE(TakeHealth(Of(503), next, &webhook));
  EXPECT_EQ(webhook.failing_since_ms(), absl::ToUnixMillis(later));
}

TEST(WebhookAttempt, OneThatIsGoneIsDisabledAtOnce) {
  Webhook webhook;
  EXPECT_TRUE(TakeHealth(Of(410), kNow, &webhook));
  EXPECT_EQ(webhook.disabled_for(), v1::WebhookInfo::GONE);
  EXPECT_EQ(webhook.disabled_ms(), absl::ToUnixMillis(kNow));
}

}  // namespace
}  // namespace keyturn
