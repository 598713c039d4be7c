#include "rotation/webhook/webhooks.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "rotation/webhook/deliveries.h"
#include "rotation/webhook/endpoints.h"
#include "rotation/webhook/events.h"
#include "rotation/webhook/key_notices.h"
#include "rotation/webhook/notices.h"
#include "rotation/webhook/outbox.h"
#include "rotation/webhook/sender.h"

namespace keyturn {
namespace {

class WebhookBookImpl : public WebhookBook {
 public:
  explicit WebhookBookImpl(WebhookContext context)
      : context_(std::move(context)),
        notices_(context_),
        key_notices_(context_),
        dispatcher_(context_) {}

  absl::Status OnUnsealed() override {
    notices_.OnUnsealed();
    key_notices_.OnUnsealed();
    return dispatcher_.OnUnsealed();
  }
  void OnSealed() override {
    notices_.OnSealed();
    dispatcher_.OnSealed();
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    notices_.OnCommitted(group);
    dispatcher_.OnCommitted(group);
  }
  absl::Status Tell(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                    Batch& batch) const override {
    if (!context_.options.enabled) return absl::OkStatus();
    return WriteNews(news, keys, view, batch);
  }
  absl::Status RunDue() override {
    // What is told ahead by this is sent by this.
    absl::Status status;
    if (context_.options.enabled) {
      status.Update(notices_.Go());
      status.Update(key_notices_.Go());
    }
    status.Update(dispatcher_.RunDue());
    return status;
  }

  absl::StatusOr<IssuedWebhook> Make(Updater& updater, const v1::CreateWebhookRequest& request,
                                     const std::string& owner) override {
    return MakeWebhook(context_, updater, request, owner);
  }
  absl::StatusOr<v1::WebhookInfo> Get(const std::string& id) override {
    ASSIGN_OR_RETURN(const Uuid uuid, ParseWebhookId(id));
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    ASSIGN_OR_RETURN(const Webhook webhook, NeedWebhook(*keys, context_.store.Newest(), uuid));
    return InfoOf(webhook, context_.clock.Now());
  }
  absl::StatusOr<v1::ListWebhooksResponse> List() override {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    ASSIGN_OR_RETURN(const Webhooks webhooks, ReadWebhooks(*keys, context_.store.Newest()));
    v1::ListWebhooksResponse out;
    for (const Webhook& webhook : webhooks.webhooks()) {
      if (!webhook.deleted()) *out.add_webhooks() = InfoOf(webhook, context_.clock.Now());
    }
    return out;
  }
  absl::Status Delete(Updater& updater, const std::string& id) override {
    return DeleteWebhook(context_, updater, id);
  }
  absl::StatusOr<v1::WebhookInfo> Enable(Updater& updater, const std::string& id) override {
    return EnableWebhook(context_, updater, id);
  }
  absl::StatusOr<IssuedWebhook> RollKey(Updater& updater,
                                        const v1::RollWebhookKeyRequest& request) override {
    return RollWebhookKey(context_, updater, request);
  }

  absl::StatusOr<v1::TestWebhookResponse> Test(const std::string& id) override {
    RETURN_IF_ERROR(CheckWebhooksOn(context_));
    ASSIGN_OR_RETURN(const Uuid uuid, ParseWebhookId(id));
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
    ASSIGN_OR_RETURN(const Webhook webhook, NeedWebhook(*keys, *snapshot, uuid));
    ASSIGN_OR_RETURN(const std::vector<SecretBytes> signing,
                     ReadWebhookKeys(*keys, *snapshot, uuid));
    snapshot.reset();
    const std::string body = VerifyBody(uuid, context_.clock.Now());
    v1::TestWebhookResponse out;
    out.set_message_id(absl::StrCat("msg_", absl::BytesToHexString(RandomBytes(Uuid::kSize))));
    ASSIGN_OR_RETURN(
        const WebhookAttempt attempt,
        SendWebhook(context_, {webhook, signing, out.message_id(), body}, dispatcher_.interrupt()));
    out.set_delivered(attempt.delivered());
    out.set_status(attempt.status);
    out.set_error(attempt.error);
    out.set_latency_ms(absl::ToInt64Milliseconds(attempt.latency));
    return out;
  }
  absl::StatusOr<v1::ListWebhookDeliveriesResponse> ListDeliveries(
      const v1::ListWebhookDeliveriesRequest& request) override {
    return keyturn::ListDeliveries(context_, request);
  }
  absl::StatusOr<v1::ReplayWebhookResponse> Replay(
      Updater& updater, const v1::ReplayWebhookRequest& request) override {
    return ReplayDeliveries(context_, updater, request);
  }

  bool idle() const override { return dispatcher_.idle(); }
  WebhookDispatcher::Stats stats() const override { return dispatcher_.stats(); }

 private:
  const WebhookContext context_;
  WebhookNotices notices_;
  ApiKeyNotices key_notices_;
  WebhookDispatcher dispatcher_;
};

}  // namespace

std::unique_ptr<WebhookBook> WebhookBook::Create(WebhookContext context) {
  return std::make_unique<WebhookBookImpl>(std::move(context));
}

}  // namespace keyturn
