// The log of deliveries of an endpoint: what is shown of it, and what is sent again. As
// WebhookBook's methods. Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "keyturn/v1/webhook_service.pb.h"
#include "rotation/webhook/context.h"

namespace keyturn {

absl::StatusOr<v1::ListWebhookDeliveriesResponse> ListDeliveries(
    const WebhookContext& context, const v1::ListWebhookDeliveriesRequest& request);

// Several updates; what is done of them stays done.
absl::StatusOr<v1::ReplayWebhookResponse> ReplayDeliveries(const WebhookContext& context,
                                                           Updater& updater,
                                                           const v1::ReplayWebhookRequest& request);

}  // namespace keyturn
