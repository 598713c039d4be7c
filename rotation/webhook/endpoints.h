// Changes of endpoints, one update of the store each, and what is shown of them. As WebhookBook's
// methods. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "rotation/webhook/context.h"
#include "rotation/webhook/records.h"
#include "rotation/webhook/webhooks.h"

namespace keyturn {

// NOT_FOUND, also for what is no id.
absl::StatusOr<Uuid> ParseWebhookId(const std::string& id);
absl::Status NoWebhook();
// NOT_FOUND for one that is deleted, too.
absl::StatusOr<Webhook> NeedWebhook(const KeyringSnapshot& keys, const View& view, const Uuid& id);
// FAILED_PRECONDITION, reason WEBHOOKS_OFF, by the configuration.
absl::Status CheckWebhooksOn(const WebhookContext& context);

v1::WebhookInfo InfoOf(const Webhook& webhook, absl::Time now);

absl::StatusOr<IssuedWebhook> MakeWebhook(const WebhookContext& context, Updater& updater,
                                          const v1::CreateWebhookRequest& request,
                                          const std::string& owner);
// It is told nothing from now on, and its rows are removed by the dispatcher.
absl::Status DeleteWebhook(const WebhookContext& context, Updater& updater, const std::string& id);
absl::StatusOr<v1::WebhookInfo> EnableWebhook(const WebhookContext& context, Updater& updater,
                                              const std::string& id);
absl::StatusOr<IssuedWebhook> RollWebhookKey(const WebhookContext& context, Updater& updater,
                                             const v1::RollWebhookKeyRequest& request);

}  // namespace keyturn
