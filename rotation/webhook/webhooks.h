// Endpoints outside that are told of rotations (docs/ROTATION.md, "Webhooks"). An event is durable
// with the change that it tells of, and is sent at least once: again after a failure, and after a
// server that died between a delivery and its note, under the same id. Thread-safe.
//
// Common errors: FAILED_PRECONDITION while sealed; NOT_FOUND for an id that is not there;
// INVALID_ARGUMENT names the field and what is allowed; DATA_LOSS for a record that does not open.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/webhook_service.pb.h"
#include "rotation/context.h"
#include "rotation/webhook/context.h"
#include "rotation/webhook/dispatcher.h"

namespace keyturn {

struct IssuedWebhook {
  SecretBytes secret;  // the text of an HMAC key: shown once. Empty for Ed25519
  v1::WebhookInfo info;
};

class WebhookBook {
 public:
  // Everything that the context names outlives this.
  static std::unique_ptr<WebhookBook> Create(WebhookContext context);
  virtual ~WebhookBook() = default;

  // After unseal and at seal, as the vault's.
  virtual absl::Status OnUnsealed() = 0;
  virtual void OnSealed() = 0;
  // For the server's one commit listener.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;
  // For RotationContext::tell.
  virtual absl::Status Tell(const RotationNews& news, const KeyringSnapshot& keys, const View& view,
                            Batch& batch) const = 0;
  // Has what is due sent, and does not wait for it. To be called once a second.
  virtual absl::Status RunDue() = 0;

  // As WebhookService says. `owner` is who asks.
  virtual absl::StatusOr<IssuedWebhook> Make(Updater& updater,
                                             const v1::CreateWebhookRequest& request,
                                             const std::string& owner) = 0;
  virtual absl::StatusOr<v1::WebhookInfo> Get(const std::string& id) = 0;
  virtual absl::StatusOr<v1::ListWebhooksResponse> List() = 0;
  virtual absl::Status Delete(Updater& updater, const std::string& id) = 0;
  virtual absl::StatusOr<v1::WebhookInfo> Enable(Updater& updater, const std::string& id) = 0;
  // Waits for the endpoint, for limits::kWebhookSeconds at most.
  virtual absl::StatusOr<v1::TestWebhookResponse> Test(const std::string& id) = 0;
  virtual absl::StatusOr<v1::ListWebhookDeliveriesResponse> ListDeliveries(
      const v1::ListWebhookDeliveriesRequest& request) = 0;
  virtual absl::StatusOr<v1::ReplayWebhookResponse> Replay(
      Updater& updater, const v1::ReplayWebhookRequest& request) = 0;
  virtual absl::StatusOr<IssuedWebhook> RollKey(Updater& updater,
                                                const v1::RollWebhookKeyRequest& request) = 0;

  // Whether nothing is being sent, nor waits for its thread.
  virtual bool idle() const = 0;
  virtual WebhookDispatcher::Stats stats() const = 0;
};

}  // namespace keyturn
