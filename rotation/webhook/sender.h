// Sends one event to one endpoint, once, by Standard Webhooks 1.0.0. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "rotation/interrupt.h"
#include "rotation/webhook/attempt.h"
#include "rotation/webhook/context.h"

namespace keyturn {

struct WebhookMessage {
  const Webhook& webhook;
  const std::vector<SecretBytes>& keys;  // as ReadWebhookKeys
  absl::string_view id, body;
};

// The header webhook-signature: a signature by each key that signs by now. RESOURCE_EXHAUSTED
// without locked memory.
absl::StatusOr<std::string> SignaturesOf(const WebhookMessage& message, absl::Time now);

// That the endpoint does not take it is an answer. Errors are ours: those of SignaturesOf. It ends
// within limits::kWebhookSeconds, and soon when `interrupt` is set.
absl::StatusOr<WebhookAttempt> SendWebhook(const WebhookContext& context,
                                           const WebhookMessage& message,
                                           const Interrupt& interrupt);

}  // namespace keyturn
