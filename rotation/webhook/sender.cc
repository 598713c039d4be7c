#include "rotation/webhook/sender.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/target/addresses.h"
#include "rotation/target/webhook_signature.h"

namespace keyturn {

absl::StatusOr<std::string> SignaturesOf(const WebhookMessage& message, absl::Time now) {
  const Webhook& webhook = message.webhook;
  const int64_t seconds = absl::ToUnixSeconds(now);
  const size_t count = std::min<size_t>(message.keys.size(), webhook.keys().size());
  std::vector<std::string> signatures;
  for (size_t i = 0; i < count; ++i) {
    const int64_t until_ms = webhook.keys(static_cast<int>(i)).until_ms();
    if (until_ms != 0 && absl::FromUnixMillis(until_ms) <= now) continue;
    if (webhook.symmetric()) {
      signatures.push_back(SignWebhook(message.keys[i], message.id, seconds, message.body));
      continue;
    }
    ASSIGN_OR_RETURN(std::string one,
                     SignWebhookV1a(message.keys[i], message.id, seconds, message.body));
    signatures.push_back(std::move(one));
  }
  return absl::StrJoin(signatures, " ");
}

absl::StatusOr<WebhookAttempt> SendWebhook(const WebhookContext& context,
                                           const WebhookMessage& message,
                                           const Interrupt& interrupt) {
  const absl::Time now = context.clock.Now();
  ASSIGN_OR_RETURN(const std::string signatures, SignaturesOf(message, now));
  HttpsRequest post;
  post.url = message.webhook.url();
  post.headers = {{"webhook-id", std::string(message.id)},
                  {"webhook-timestamp", absl::StrCat(absl::ToUnixSeconds(now))},
                  {"webhook-signature", signatures}};
  post.body = message.body;
  post.ca_file = context.options.ca_file;
  post.timeout = absl::Seconds(limits::kWebhookSeconds);
  post.keep_answer = false;
  post.may_connect = [&context](const std::string& address) {
    return MayConnect(address, context.options.addresses);
  };
  post.interrupted = [&interrupt] { return interrupt.is_set(); };
  const int64_t begin = context.clock.MonotonicNanos();
  const absl::StatusOr<HttpsAnswer> answer = context.post(post);
  WebhookAttempt out;
  out.latency = absl::Nanoseconds(context.clock.MonotonicNanos() - begin);
  if (answer.ok()) {
    out.status = answer->status;
    out.retry_after = answer->retry_after;
  } else {
    out.error = std::string(answer.status().message());
    out.interrupted = absl::IsAborted(answer.status());
  }
  return out;
}

}  // namespace keyturn
