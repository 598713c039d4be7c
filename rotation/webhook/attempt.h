// What became of one attempt to tell an endpoint something, and what follows from it: when it is
// tried again, whether its endpoint is held back, or disabled. Pure; thread-safe.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "rotation/webhook/records.h"

namespace keyturn {

struct WebhookAttempt {
  int status = 0;     // of HTTP; 0: no answer
  std::string error;  // why there is none
  absl::Duration retry_after, latency;
  bool interrupted = false;  // it does not count: it may have arrived or not

  bool delivered() const { return status >= 200 && status < 300; }
  bool gone() const { return status == 410; }
};

// From so many failures, at least 1, to the next attempt: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
// 20 h, 24 h, and up to a tenth of that more, by `share` in [0, 1).
absl::Duration WebhookWait(uint32_t failures, double share);

// How long nothing more is sent to the endpoint: it has said that it is busy, or until when. Zero:
// it is not held back.
absl::Duration HoldBack(const WebhookAttempt& attempt);

// Takes the attempt into the row: DELIVERED, PENDING until the next one, or, after the last one,
// FAILED.
void TakeAttempt(const WebhookAttempt& attempt, absl::Time now, double share, DeliveryRecord* row);

// Whether the endpoint is disabled by this attempt: it is gone, or nothing arrived there for
// limits::kWebhookFailingSeconds in which it was tried (limits::kWebhookQuietSeconds).
bool Disables(const WebhookAttempt& attempt, absl::Time now, const Webhook& webhook);
// Takes the attempt into the endpoint; whether that changed it.
bool TakeHealth(const WebhookAttempt& attempt, absl::Time now, Webhook* webhook);

}  // namespace keyturn
