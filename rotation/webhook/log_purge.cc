#include "rotation/webhook/log_purge.h"

#include <algorithm>
#include <vector>

#include "absl/types/span.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "keyturn/v1/webhook_service.pb.h"

namespace keyturn {
namespace {

absl::Status DeleteRows(const WebhookContext& context, absl::Span<const std::string> rows,
                        const Interrupt& interrupt) {
  for (size_t at = 0; at < rows.size(); at += limits::kWebhookRowsPerUpdate) {
    if (interrupt.is_set()) return absl::AbortedError("interrupted");
    const auto some = rows.subspan(at, limits::kWebhookRowsPerUpdate);
    RETURN_IF_ERROR(context.store
                        .Update([&](const View&, Batch& batch) {
                          for (const std::string& key : some) batch.Delete(Family::kRecords, key);
                          return absl::OkStatus();
                        })
                        .status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> PurgeDeliveries(const WebhookContext& context, const Uuid& id,
                                         bool disabled, const Interrupt& interrupt) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const absl::Time kept = context.clock.Now() - absl::Seconds(limits::kWebhookKeptSeconds);
  const std::string prefix = DeliveryPrefix(id);
  std::vector<std::string> all, old;
  bool young = false;  // from here on: they are in the order of their events
  RETURN_IF_ERROR(context.store.GetSnapshot()->Scan(
      Family::kRecords, prefix, schema::PrefixEnd(prefix),
      [&](absl::string_view key, absl::string_view sealed) {
        all.emplace_back(key);
        if (young) return true;
        const absl::StatusOr<OpenedRecord> opened =
            OpenRecord(*keys, Purpose::kWebhookDelivery, key, sealed);
        if (!opened.ok()) return true;
        const auto row = ParseRecord<DeliveryRecord>(*opened, "a delivery of a webhook");
        if (!row.ok()) return true;
        young = absl::FromUnixMillis(row->event_ms()) >= kept;
        if (!young && (disabled || row->state() != v1::WebhookDelivery::PENDING)) {
          old.emplace_back(key);
        }
        return true;
      }));
  const size_t excess = all.size() - std::min(all.size(), limits::kWebhookRowsMax);
  RETURN_IF_ERROR(DeleteRows(context, old, interrupt));
  RETURN_IF_ERROR(DeleteRows(context, absl::MakeConstSpan(all).first(excess), interrupt));
  return excess;
}

absl::Status RemoveDeleted(const WebhookContext& context, const Uuid& id,
                           const Interrupt& interrupt) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::string prefix = DeliveryPrefix(id);
  std::vector<std::string> rows;
  RETURN_IF_ERROR(context.store.GetSnapshot()->Scan(Family::kRecords, prefix,
                                                    schema::PrefixEnd(prefix),
                                                    [&](absl::string_view key, absl::string_view) {
                                                      rows.emplace_back(key);
                                                      return true;
                                                    }));
  RETURN_IF_ERROR(DeleteRows(context, rows, interrupt));
  return context.store
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(*keys, view));
        const auto end = std::remove_if(
            webhooks.mutable_webhooks()->begin(), webhooks.mutable_webhooks()->end(),
            [&id](const Webhook& one) { return one.deleted() && one.id() == id.bytes(); });
        webhooks.mutable_webhooks()->erase(end, webhooks.mutable_webhooks()->end());
        return WriteWebhooks(*keys, view, webhooks, batch);
      })
      .status();
}

}  // namespace keyturn
