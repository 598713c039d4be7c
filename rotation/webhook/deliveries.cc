#include "rotation/webhook/deliveries.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "keyring/envelope.h"
#include "rotation/webhook/endpoints.h"
#include "rotation/webhook/records.h"
#include "vault/page_token.h"

namespace keyturn {
namespace {

using Shown = v1::WebhookDelivery;

Shown Show(const DeliveryRecord& row) {
  const auto time = [](int64_t ms) { return ToTimestamp(absl::FromUnixMillis(ms)); };
  Shown out;
  out.set_id(row.id());
  out.set_type(row.type());
  *out.mutable_event_time() = time(row.event_ms());
  out.set_state(static_cast<Shown::State>(row.state()));
  out.set_attempts(row.attempts());
  if (row.state() == Shown::PENDING) *out.mutable_next_attempt_time() = time(row.next_ms());
  if (row.last_ms() == 0) return out;
  *out.mutable_last_attempt_time() = time(row.last_ms());
  out.set_last_status(row.last_status());
  out.set_last_error(row.last_error());
  out.set_latency_ms(row.latency_ms());
  return out;
}

// Of rows below `before`, the newest first.
absl::StatusOr<std::vector<Revision>> RowsOf(const Snapshot& snapshot, const Uuid& id,
                                             std::optional<Revision> before) {
  const std::string begin = DeliveryPrefix(id);
  const std::string end =
      before.has_value() ? schema::WebhookDeliveryKey(id, *before) : schema::PrefixEnd(begin);
  std::vector<Revision> rows;
  RETURN_IF_ERROR(
      snapshot.Scan(Family::kRecords, begin, end, [&](absl::string_view key, absl::string_view) {
        rows.push_back(schema::ParseWebhookDeliveryKey(key).told);
        return true;
      }));
  std::reverse(rows.begin(), rows.end());
  return rows;
}

// Failed ones of events from `since` on.
absl::StatusOr<std::vector<Revision>> FailedSince(const KeyringSnapshot& keys,
                                                  const Snapshot& snapshot, const Uuid& id,
                                                  absl::Time since) {
  const std::string prefix = DeliveryPrefix(id);
  std::vector<Revision> rows;
  RETURN_IF_ERROR(snapshot.Scan(
      Family::kRecords, prefix, schema::PrefixEnd(prefix),
      [&](absl::string_view key, absl::string_view sealed) {
        const auto opened = OpenRecord(keys, Purpose::kWebhookDelivery, key, sealed);
        if (!opened.ok()) return true;
        const auto row = ParseRecord<DeliveryRecord>(*opened, "a delivery of a webhook");
        const bool wanted = row.ok() && row->state() == Shown::FAILED &&
                            absl::FromUnixMillis(row->event_ms()) >= since;
        if (wanted) rows.push_back(schema::ParseWebhookDeliveryKey(key).told);
        return rows.size() < limits::kWebhookReplayMax;
      }));
  return rows;
}

class Replay {
 public:
  Replay(const WebhookContext& context, Updater& updater, const Uuid& id)
      : context_(context), updater_(updater), id_(id) {}

  // Of those that are there by now. `failed`: only those that have failed.
  absl::StatusOr<uint64_t> Rows(const KeyringSnapshot& keys, absl::Span<const Revision> rows,
                                bool failed) {
    uint64_t sum = 0;
    for (size_t at = 0; at < rows.size(); at += limits::kWebhookRowsPerUpdate) {
      const auto some = rows.subspan(at, limits::kWebhookRowsPerUpdate);
      uint64_t replayed = 0;
      RETURN_IF_ERROR(updater_
                          .Update([&](const View& view, Batch& batch) -> absl::Status {
                            replayed = 0;
                            for (const Revision told : some) {
                              ASSIGN_OR_RETURN(const bool done,
                                               Row(keys, view, told, failed, batch));
                              replayed += done ? 1 : 0;
                            }
                            batch.Note("deliveries", absl::StrCat(replayed));
                            return absl::OkStatus();
                          })
                          .status());
      sum += replayed;
    }
    return sum;
  }

 private:
  absl::StatusOr<bool> Row(const KeyringSnapshot& keys, const View& view, Revision told,
                           bool failed, Batch& batch) {
    const schema::WebhookRow row{id_, told};
    ASSIGN_OR_RETURN(std::optional<DeliveryRecord> delivery, ReadDelivery(keys, view, row));
    if (!delivery.has_value() || (failed && delivery->state() != Shown::FAILED)) return false;
    delivery->set_state(Shown::PENDING);
    delivery->set_attempts(0);
    delivery->set_next_ms(absl::ToUnixMillis(context_.clock.Now()));
    RETURN_IF_ERROR(WriteDelivery(keys, view, row, *delivery, batch));
    return true;
  }

  const WebhookContext& context_;
  Updater& updater_;
  const Uuid id_;
};

absl::Status NoDelivery() {
  return absl::NotFoundError(
      "delivery_id: this webhook has no such delivery; keyturn webhook deliveries lists them");
}

}  // namespace

absl::StatusOr<v1::ListWebhookDeliveriesResponse> ListDeliveries(
    const WebhookContext& context, const v1::ListWebhookDeliveriesRequest& request) {
  ASSIGN_OR_RETURN(const size_t page, PageSize(request.page_size()));
  if (!Shown::State_IsValid(request.state())) {
    return absl::InvalidArgumentError("state: allowed are PENDING, DELIVERED and FAILED");
  }
  ASSIGN_OR_RETURN(const Uuid id, ParseWebhookId(request.id()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  RETURN_IF_ERROR(NeedWebhook(*keys, *snapshot, id).status());
  std::optional<Revision> before;
  if (!request.page_token().empty()) {
    before = ParseMessageId(request.page_token());
    if (!before.has_value()) {
      return absl::InvalidArgumentError("page_token: is none of this method; start without it");
    }
  }
  ASSIGN_OR_RETURN(const std::vector<Revision> rows, RowsOf(*snapshot, id, before));
  v1::ListWebhookDeliveriesResponse out;
  for (const Revision told : rows) {
    if (static_cast<size_t>(out.deliveries_size()) == page) {
      out.set_next_page_token(out.deliveries(out.deliveries_size() - 1).id());
      break;
    }
    ASSIGN_OR_RETURN(const std::optional<DeliveryRecord> row,
                     ReadDelivery(*keys, *snapshot, {id, told}));
    if (!row.has_value()) continue;
    const bool any = request.state() == Shown::STATE_UNSPECIFIED;
    if (!any && static_cast<int>(row->state()) != request.state()) continue;
    *out.add_deliveries() = Show(*row);
  }
  return out;
}

absl::StatusOr<v1::ReplayWebhookResponse> ReplayDeliveries(
    const WebhookContext& context, Updater& updater, const v1::ReplayWebhookRequest& request) {
  ASSIGN_OR_RETURN(const Uuid id, ParseWebhookId(request.id()));
  if (request.delivery_id().empty() != request.has_failed_since_time()) {
    return absl::InvalidArgumentError("either delivery_id or failed_since_time must be given");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Webhook webhook, NeedWebhook(*keys, *snapshot, id));
  if (webhook.disabled_ms() != 0) {
    return WithReason(
        absl::FailedPreconditionError("the webhook is disabled; run: keyturn webhook enable"),
        "WEBHOOK_DISABLED");
  }
  std::vector<Revision> rows;
  const bool failed = request.delivery_id().empty();
  if (failed) {
    const absl::Time since = absl::FromUnixSeconds(request.failed_since_time().seconds());
    ASSIGN_OR_RETURN(rows, FailedSince(*keys, *snapshot, id, since));
  } else {
    const std::optional<Revision> told = ParseMessageId(request.delivery_id());
    if (!told.has_value()) return NoDelivery();
    ASSIGN_OR_RETURN(const std::optional<DeliveryRecord> row,
                     ReadDelivery(*keys, *snapshot, {id, *told}));
    if (!row.has_value() || row->id() != request.delivery_id()) return NoDelivery();
    rows.push_back(*told);
  }
  v1::ReplayWebhookResponse out;
  ASSIGN_OR_RETURN(const uint64_t replayed, Replay(context, updater, id).Rows(*keys, rows, failed));
  out.set_replayed(replayed);
  return out;
}

}  // namespace keyturn
