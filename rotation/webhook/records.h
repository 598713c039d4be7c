// Webhooks as they are stored: all endpoints in one sealed record, the keys of each in another, and
// one for each event that an endpoint was or is to be told (docs/FORMAT.md). Thread-safe (no
// state). Errors: DATA_LOSS for a record that does not open.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/webhook.pb.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace keyturn {

using record::v1::Webhook;
using record::v1::Webhooks;
using DeliveryRecord = record::v1::WebhookDelivery;

// The key of the record of all endpoints.
std::string WebhooksKey(const KeyringSnapshot& keys);
// Empty when there are none.
absl::StatusOr<Webhooks> ReadWebhooks(const KeyringSnapshot& keys, const View& view);
absl::Status WriteWebhooks(const KeyringSnapshot& keys, const View& view, const Webhooks& webhooks,
                           Batch& batch);

// nullptr when it is not there; also one that is deleted, whose rows are still to be removed.
Webhook* FindWebhook(Webhooks* webhooks, const Uuid& id);
// Whether it wants to be told of this, and is able to be; of the type, for some path.
bool WantsType(const Webhook& webhook, absl::string_view type);
bool Wants(const Webhook& webhook, absl::string_view type, absl::string_view path);
bool AnyWants(const Webhooks& webhooks, absl::string_view type, absl::string_view path);

// The keys that sign, of limits::kWebhookKeyBytes each, in the order of Webhook.keys.
absl::StatusOr<std::vector<SecretBytes>> ReadWebhookKeys(const KeyringSnapshot& keys,
                                                         const View& view, const Uuid& id);
absl::Status WriteWebhookKeys(const KeyringSnapshot& keys, const View& view, const Uuid& id,
                              const std::vector<const SecretBytes*>& signing, Batch& batch);

// The webhook-id of what is told of this change: the same for all endpoints, and at each attempt.
std::string MessageId(const KeyringSnapshot& keys, Revision told);
// The change that an id of that form is of; it need not be one.
std::optional<Revision> ParseMessageId(absl::string_view id);

absl::StatusOr<std::optional<DeliveryRecord>> ReadDelivery(const KeyringSnapshot& keys,
                                                           const View& view,
                                                           const schema::WebhookRow& row);
// A new one replaces none.
absl::Status AddDelivery(const KeyringSnapshot& keys, const schema::WebhookRow& row,
                         const DeliveryRecord& delivery, Batch& batch);
absl::Status WriteDelivery(const KeyringSnapshot& keys, const View& view,
                           const schema::WebhookRow& row, const DeliveryRecord& delivery,
                           Batch& batch);
// What the keys of all rows of one endpoint begin with.
std::string DeliveryPrefix(const Uuid& id);

}  // namespace keyturn
