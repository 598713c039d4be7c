#include "rotation/webhook/attempt.h"

#include <algorithm>
#include <iterator>

#include "base/limits.h"
#include "keyturn/v1/webhook_service.pb.h"

namespace keyturn {
namespace {

constexpr int64_t kMinute = 60, kHour = 3600;
constexpr int64_t kWaitSeconds[] = {5,          5 * kMinute, 30 * kMinute, 2 * kHour, 5 * kHour,
                                    10 * kHour, 14 * kHour,  20 * kHour,   24 * kHour};
static_assert(std::size(kWaitSeconds) + 1 == limits::kWebhookAttemptsMax);
constexpr double kJitter = 0.1;

// Whether a failure at `now` is the first of a row.
bool BeginsToFail(absl::Time now, const Webhook& webhook) {
  if (webhook.failing_since_ms() == 0) return true;
  const int64_t last_ms = std::max(webhook.failed_ms(), webhook.failing_since_ms());
  return now - absl::FromUnixMillis(last_ms) > absl::Seconds(limits::kWebhookQuietSeconds);
}

absl::Duration AskedFor(const WebhookAttempt& attempt) {
  return std::min(attempt.retry_after, absl::Seconds(limits::kWebhookWaitSecondsMax));
}

}  // namespace

absl::Duration WebhookWait(uint32_t failures, double share) {
  const size_t last = std::size(kWaitSeconds) - 1;
  const size_t index = std::min<size_t>(failures == 0 ? 0 : failures - 1, last);
  return absl::Seconds(static_cast<double>(kWaitSeconds[index]) * (1 + kJitter * share));
}

absl::Duration HoldBack(const WebhookAttempt& attempt) {
  if (attempt.delivered()) return absl::ZeroDuration();
  if (attempt.retry_after > absl::ZeroDuration()) return AskedFor(attempt);
  const bool busy = attempt.status == 429 || (attempt.status >= 502 && attempt.status <= 504);
  return busy ? absl::Seconds(limits::kWebhookThrottleSeconds) : absl::ZeroDuration();
}

void TakeAttempt(const WebhookAttempt& attempt, absl::Time now, double share, DeliveryRecord* row) {
  row->set_attempts(row->attempts() + 1);
  row->set_last_ms(absl::ToUnixMillis(now));
  row->set_last_status(attempt.status);
  row->set_last_error(attempt.error.substr(0, limits::kWebhookErrorBytesMax));
  row->set_latency_ms(absl::ToInt64Milliseconds(attempt.latency));
  row->set_next_ms(0);
  if (attempt.delivered()) {
    row->set_state(v1::WebhookDelivery::DELIVERED);
  } else if (row->attempts() >= limits::kWebhookAttemptsMax) {
    row->set_state(v1::WebhookDelivery::FAILED);
  } else {
    const absl::Duration wait = std::max(WebhookWait(row->attempts(), share), AskedFor(attempt));
    row->set_next_ms(absl::ToUnixMillis(now + wait));
  }
}

bool Disables(const WebhookAttempt& attempt, absl::Time now, const Webhook& webhook) {
  if (attempt.delivered() || webhook.disabled_ms() != 0) return false;
  if (attempt.gone()) return true;
  return !BeginsToFail(now, webhook) && now - absl::FromUnixMillis(webhook.failing_since_ms()) >=
                                            absl::Seconds(limits::kWebhookFailingSeconds);
}

bool TakeHealth(const WebhookAttempt& attempt, absl::Time now, Webhook* webhook) {
  const int64_t now_ms = absl::ToUnixMillis(now);
  if (attempt.delivered()) {
    const bool failed = webhook->failing_since_ms() != 0;
    webhook->set_failing_since_ms(0);
    webhook->set_failed_ms(0);
    return failed;
  }
  const bool disables = Disables(attempt, now, *webhook);
  // The first of a row is that too.
  const bool later = now_ms - webhook->failed_ms() >= limits::kWebhookFailedGrainSeconds * 1000;
  if (BeginsToFail(now, *webhook)) webhook->set_failing_since_ms(now_ms);
  if (later) webhook->set_failed_ms(now_ms);
  if (disables) {
    webhook->set_disabled_ms(now_ms);
    webhook->set_disabled_for(attempt.gone() ? v1::WebhookInfo::GONE : v1::WebhookInfo::FAILING);
  }
  return later || disables;
}

}  // namespace keyturn
