#include "server/grpc_status.h"

#include "base/log.h"
#include "base/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn {

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id) {
  if (status.ok()) return grpc::Status::OK;
  // Rooms write messages that are safe to show; a library's text that slipped through is not.
  const std::string message = Redact(status.message());
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain("keyturn");
  details.add_details()->PackFrom(info);
  if (const absl::Duration wait = RetryAfterOf(status); wait > absl::ZeroDuration()) {
    google::rpc::RetryInfo retry;
    const timespec delay = absl::ToTimespec(wait);
    retry.mutable_retry_delay()->set_seconds(delay.tv_sec);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.tv_nsec));
    details.add_details()->PackFrom(retry);
  }
  google::rpc::RequestInfo request;
  request.set_request_id(std::string(request_id));
  details.add_details()->PackFrom(request);
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

}  // namespace keyturn
