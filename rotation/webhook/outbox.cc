#include "rotation/webhook/outbox.h"

#include "base/status_macros.h"
#include "keyturn/v1/webhook_service.pb.h"
#include "rotation/webhook/events.h"
#include "rotation/webhook/records.h"

namespace keyturn {

absl::Status WriteNews(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                       Batch& batch) {
  const absl::string_view type = WebhookTypeOf(news);
  if (type.empty()) return absl::OkStatus();
  const absl::StatusOr<Webhooks> webhooks = ReadWebhooks(keys, view);
  const absl::Status& read = webhooks.status();
  // A bit of its term makes it one of a key that is not there.
  if (absl::IsDataLoss(read) || absl::IsFailedPrecondition(read)) return absl::OkStatus();
  RETURN_IF_ERROR(read);
  DeliveryRecord delivery;
  for (const Webhook& webhook : webhooks->webhooks()) {
    if (!Wants(webhook, type, news.path)) continue;
    if (delivery.id().empty()) {
      delivery.set_id(MessageId(keys, batch.revision()));
      delivery.set_type(std::string(type));
      delivery.set_event_ms(absl::ToUnixMillis(news.time));
      delivery.set_next_ms(delivery.event_ms());
      delivery.set_body(WebhookBody(type, news, batch.notes()));
      delivery.set_state(v1::WebhookDelivery::PENDING);
    }
    ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(webhook.id()));
    RETURN_IF_ERROR(AddDelivery(keys, {id, batch.revision()}, delivery, batch));
  }
  return absl::OkStatus();
}

}  // namespace keyturn
