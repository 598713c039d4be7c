// keyturn.v1.WebhookService over gRPC. Thread-safe.
#pragma once

#include "keyturn/v1/webhook_service.grpc.pb.h"
#include "rotation/webhook/webhooks.h"
#include "server/grpc_door.h"

namespace keyturn {

using WebhookMethods =
    raw::Of<v1::WebhookService::Service, v1::WebhookService::WithRawCallbackMethod_Create,
            v1::WebhookService::WithRawCallbackMethod_Get,
            v1::WebhookService::WithRawCallbackMethod_List,
            v1::WebhookService::WithRawCallbackMethod_Delete,
            v1::WebhookService::WithRawCallbackMethod_Enable,
            v1::WebhookService::WithRawCallbackMethod_Test,
            v1::WebhookService::WithRawCallbackMethod_ListDeliveries,
            v1::WebhookService::WithRawCallbackMethod_Replay,
            v1::WebhookService::WithRawCallbackMethod_RollKey>;

class WebhookServiceImpl final : public WebhookMethods {
 public:
  // All outlive this.
  WebhookServiceImpl(GrpcDoor& door, const MethodTable& methods, WebhookBook& webhooks)
      : door_(door), methods_(methods), webhooks_(webhooks) {}

  raw::Reactor* Create(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Get(raw::Context* context, const raw::Bytes* request,
                    raw::Bytes* response) override;
  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Delete(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Enable(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Test(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* ListDeliveries(raw::Context* context, const raw::Bytes* request,
                               raw::Bytes* response) override;
  raw::Reactor* Replay(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* RollKey(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;

 private:
  // A method about the webhook request.id().
  template <typename Request, typename Response, typename Run>
  raw::Reactor* OfWebhook(const UnaryWire& wire, const char* method, Run run);

  const MethodInfo& Method(const char* name) const { return methods_.Get("WebhookService", name); }

  GrpcDoor& door_;
  const MethodTable& methods_;
  WebhookBook& webhooks_;
};

}  // namespace keyturn
