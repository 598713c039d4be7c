// Removes rows of an endpoint: old ones from the log of deliveries, and all when it is deleted.
// Thread-safe (no state).
#pragma once

#include "absl/status/statusor.h"
#include "rotation/interrupt.h"
#include "rotation/webhook/context.h"
#include "rotation/webhook/records.h"

namespace keyturn {

// Those older than limits::kWebhookKeptSeconds that wait for nothing (of a disabled endpoint, all
// of that age), and the oldest beyond limits::kWebhookRowsMax: how many of these there were.
absl::StatusOr<uint64_t> PurgeDeliveries(const WebhookContext& context, const Uuid& id,
                                         bool disabled, const Interrupt& interrupt);

// All, and then the endpoint itself. ABORTED when interrupted: it goes on the next time.
absl::Status RemoveDeleted(const WebhookContext& context, const Uuid& id,
                           const Interrupt& interrupt);

}  // namespace keyturn
