#include "server/rotation_service.h"

#include "base/status_macros.h"

namespace keyturn {

template <typename Request, typename Response, typename Run>
raw::Reactor* RotationServiceImpl::OfSecret(const UnaryWire& wire, const char* method, Run run) {
  return door_.Unary<Request, Response>(
      wire, methods_.Get("RotationService", method), RunOn::kPool,
      [](const Request& request) { return Resource::Path(request.path()); },
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, run(call, request));
        return absl::OkStatus();
      });
}

raw::Reactor* RotationServiceImpl::List(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return door_.Unary<v1::ListRotationsRequest, v1::ListRotationsResponse>(
      {context, request, response}, methods_.Get("RotationService", "List"), RunOn::kPool,
      [](const v1::ListRotationsRequest& asked) { return Resource::Directory(asked.path()); },
      [this](Call& call, const v1::ListRotationsRequest& asked,
             v1::ListRotationsResponse* out) -> absl::Status {
        const std::string& permission = call.method().permission;
        const auto visible = [&](absl::string_view path, bool directory) {
          return directory ? call.MayAllowBelow(permission, path) : call.Allows(permission, path);
        };
        ASSIGN_OR_RETURN(*out, rotation_.List(asked, visible));
        return absl::OkStatus();
      });
}

raw::Reactor* RotationServiceImpl::Forecast(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return door_.Unary<v1::ForecastRequest, v1::ForecastResponse>(
      {context, request, response}, methods_.Get("RotationService", "Forecast"), RunOn::kPool,
      [](const v1::ForecastRequest& asked) { return Resource::Directory(asked.path()); },
      [this](Call& call, const v1::ForecastRequest& asked,
             v1::ForecastResponse* out) -> absl::Status {
        const std::string& permission = call.method().permission;
        for (const v1::RotationOrder& order : asked.policy().after()) {
          RETURN_IF_ERROR(call.Require(permission, order.path()));
        }
        const auto visible = [&](absl::string_view path, bool directory) {
          return directory ? call.MayAllowBelow(permission, path) : call.Allows(permission, path);
        };
        ASSIGN_OR_RETURN(*out, rotation_.Forecast(asked, visible));
        return absl::OkStatus();
      });
}

raw::Reactor* RotationServiceImpl::SetPolicy(raw::Context* context, const raw::Bytes* request,
                                             raw::Bytes* response) {
  return OfSecret<v1::SetRotationPolicyRequest, v1::RotationStatus>(
      {context, request, response}, "SetPolicy",
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::RotationStatus> {
        // When another secret rotates shows in when this one waits for it.
        for (const v1::RotationOrder& order : asked.policy().after()) {
          RETURN_IF_ERROR(call.Require("secret:list", order.path()));
        }
        return rotation_.SetPolicy(call.updater(), asked);
      });
}

raw::Reactor* RotationServiceImpl::RemovePolicy(raw::Context* context, const raw::Bytes* request,
                                                raw::Bytes* response) {
  return OfSecret<v1::RemoveRotationPolicyRequest, v1::RotationStatus>(
      {context, request, response}, "RemovePolicy", [this](Call& call, const auto& asked) {
        return rotation_.RemovePolicy(call.updater(), asked);
      });
}

raw::Reactor* RotationServiceImpl::Pause(raw::Context* context, const raw::Bytes* request,
                                         raw::Bytes* response) {
  return OfSecret<v1::PauseRotationRequest, v1::RotationStatus>(
      {context, request, response}, "Pause",
      [this](Call& call, const auto& asked) { return rotation_.Pause(call.updater(), asked); });
}

raw::Reactor* RotationServiceImpl::Resume(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfSecret<v1::ResumeRotationRequest, v1::RotationStatus>(
      {context, request, response}, "Resume",
      [this](Call& call, const auto& asked) { return rotation_.Resume(call.updater(), asked); });
}

raw::Reactor* RotationServiceImpl::GetStatus(raw::Context* context, const raw::Bytes* request,
                                             raw::Bytes* response) {
  return OfSecret<v1::GetRotationStatusRequest, v1::RotationStatus>(
      {context, request, response}, "GetStatus",
      [this](Call&, const auto& asked) { return rotation_.GetStatus(asked); });
}

raw::Reactor* RotationServiceImpl::ListRuns(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return OfSecret<v1::ListRotationRunsRequest, v1::ListRotationRunsResponse>(
      {context, request, response}, "ListRuns",
      [this](Call&, const auto& asked) { return rotation_.ListRuns(asked); });
}

raw::Reactor* RotationServiceImpl::Rotate(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfSecret<v1::RotateRequest, v1::RotationStatus>(
      {context, request, response}, "Rotate", [this](Call& call, const auto& asked) {
        return rotation_.Rotate(call.updater(), asked, call.identity().principal);
      });
}

raw::Reactor* RotationServiceImpl::Cancel(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfSecret<v1::CancelRotationRequest, v1::RotationStatus>(
      {context, request, response}, "Cancel",
      [this](Call& call, const auto& asked) { return rotation_.Cancel(call.updater(), asked); });
}

raw::Reactor* RotationServiceImpl::Rollback(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return OfSecret<v1::RollbackRequest, v1::RotationStatus>(
      {context, request, response}, "Rollback", [this](Call& call, const auto& asked) {
        return rotation_.Rollback(call.updater(), asked, call.identity().principal);
      });
}

raw::Reactor* RotationServiceImpl::SetGrace(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return OfSecret<v1::SetGraceRequest, v1::RotationStatus>(
      {context, request, response}, "SetGrace",
      [this](Call& call, const auto& asked) { return rotation_.SetGrace(call.updater(), asked); });
}

raw::Reactor* RotationServiceImpl::Retire(raw::Context* context, const raw::Bytes* request,
                                          raw::Bytes* response) {
  return OfSecret<v1::RetireRequest, v1::RotationStatus>(
      {context, request, response}, "Retire",
      [this](Call& call, const auto& asked) { return rotation_.Retire(call.updater(), asked); });
}

raw::Reactor* RotationServiceImpl::AcceptClock(raw::Context* context, const raw::Bytes* request,
                                               raw::Bytes* response) {
  return door_.Unary<v1::AcceptClockRequest, v1::AcceptClockResponse>(
      {context, request, response}, methods_.Get("RotationService", "AcceptClock"), RunOn::kPool,
      [](const auto&) { return Resource::None(); },
      [this](Call& call, const v1::AcceptClockRequest& asked,
             v1::AcceptClockResponse* out) -> absl::Status {
        ASSIGN_OR_RETURN(*out, rotation_.AcceptClock(call.updater(), asked));
        return absl::OkStatus();
      });
}

}  // namespace keyturn
