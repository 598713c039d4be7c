#include "server/grpc_status.h"

#include "base/log.h"
#include "base/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn {

grpc::Status ToGrpcStatus(const absl::Status& status, int64_t retry_after_ms,
                          absl::string_view request_id) {
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
  if (retry_after_ms > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_after_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(retry_after_ms % 1000) * 1'000'000);
    details.add_details()->PackFrom(retry);
  }
  google::rpc::RequestInfo request;
  request.set_request_id(std::string(request_id));
  details.add_details()->PackFrom(request);
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

}  // namespace keyturn
