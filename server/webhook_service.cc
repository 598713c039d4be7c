#include "server/webhook_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace keyturn {

template <typename Request, typename Response, typename Run>
raw::Reactor* WebhookServiceImpl::OfWebhook(const UnaryWire& wire, const char* method, Run run) {
  return door_.Unary<Request, Response>(
      wire, Method(method), RunOn::kPool,
      // What is no id is nobody's business but the sender's.
      [](const Request& request) {
        return Resource::None(Uuid::FromString(request.id()).ok() ? request.id() : "");
      },
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        return run(call, request, response);
      });
}

raw::Reactor* WebhookServiceImpl::Create(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return door_.Unary<v1::CreateWebhookRequest, v1::CreateWebhookResponse>(
      {context, request, response}, Method("Create"), RunOn::kPool,
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(IssuedWebhook issued,
                         webhooks_.Make(call.updater(), asked, call.identity().principal));
        out->set_secret(std::string(issued.secret.ExposeForWire()));
        *out->mutable_info() = std::move(issued.info);
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::Get(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return OfWebhook<v1::GetWebhookRequest, v1::WebhookInfo>(
      {context, request, response}, "Get",
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.Get(asked.id()));
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return door_.Unary<v1::ListWebhooksRequest, v1::ListWebhooksResponse>(
      {context, request, response}, Method("List"), RunOn::kPool,
      [this](Call&, const auto&, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.List());
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::Delete(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return OfWebhook<v1::DeleteWebhookRequest, v1::DeleteWebhookResponse>(
      {context, request, response}, "Delete", [this](Call& call, const auto& asked, auto*) {
        return webhooks_.Delete(call.updater(), asked.id());
      });
}

raw::Reactor* WebhookServiceImpl::Enable(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return OfWebhook<v1::EnableWebhookRequest, v1::WebhookInfo>(
      {context, request, response}, "Enable",
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.Enable(call.updater(), asked.id()));
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::Test(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return OfWebhook<v1::TestWebhookRequest, v1::TestWebhookResponse>(
      {context, request, response}, "Test",
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.Test(asked.id()));
        call.Note("delivered", out->delivered() ? "true" : "false");
        if (out->status() != 0) call.Note("status", absl::StrCat(out->status()));
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::ListDeliveries(raw::Context* context, const raw::Bytes* request,
                                                 raw::Bytes* response) {
  return OfWebhook<v1::ListWebhookDeliveriesRequest, v1::ListWebhookDeliveriesResponse>(
      {context, request, response}, "ListDeliveries",
      [this](Call&, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.ListDeliveries(asked));
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::Replay(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return OfWebhook<v1::ReplayWebhookRequest, v1::ReplayWebhookResponse>(
      {context, request, response}, "Replay",
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, webhooks_.Replay(call.updater(), asked));
        return absl::OkStatus();
      });
}

raw::Reactor* WebhookServiceImpl::RollKey(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfWebhook<v1::RollWebhookKeyRequest, v1::RollWebhookKeyResponse>(
      {context, request, response}, "RollKey",
      [this](Call& call, const auto& asked, auto* out) -> absl::Status {
        ASSIGN_OR_RETURN(IssuedWebhook issued, webhooks_.RollKey(call.updater(), asked));
        out->set_secret(std::string(issued.secret.ExposeForWire()));
        *out->mutable_info() = std::move(issued.info);
        return absl::OkStatus();
      });
}

}  // namespace keyturn
