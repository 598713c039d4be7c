#include "client/error_detail.h"

#include "absl/strings/cord.h"
#include "base/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace keyturn {
namespace {

constexpr absl::string_view kDetailsUrl = "type.googleapis.com/google.rpc.Status";
constexpr absl::string_view kCorrelationUrl = "keyturn.correlation_id";

std::string PayloadOf(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace

absl::Status MakeCallStatus(int code, absl::string_view message, absl::string_view details,
                            absl::string_view correlation_id) {
  absl::Status status(static_cast<absl::StatusCode>(code), message);
  if (status.ok()) return status;
  if (!details.empty()) status.SetPayload(kDetailsUrl, absl::Cord(details));
  if (!correlation_id.empty()) status.SetPayload(kCorrelationUrl, absl::Cord(correlation_id));
  const std::string reason = DetailOf(status).reason;
  return WithReason(std::move(status), reason);
}

ErrorDetail DetailOf(const absl::Status& status) {
  ErrorDetail detail;
  detail.reason = ReasonOf(status);
  detail.correlation_id = PayloadOf(status, kCorrelationUrl);
  google::rpc::Status rich;
  if (!rich.ParseFromString(PayloadOf(status, kDetailsUrl))) return detail;
  for (const google::protobuf::Any& any : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    google::rpc::RequestInfo request;
    if (any.UnpackTo(&info)) {
      if (!info.reason().empty()) detail.reason = info.reason();
      const auto help = info.metadata().find("help");
      if (help != info.metadata().end()) detail.help = help->second;
    } else if (any.UnpackTo(&retry)) {
      detail.retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
    } else if (any.UnpackTo(&request) && !request.request_id().empty()) {
      detail.correlation_id = request.request_id();
    }
  }
  return detail;
}

}  // namespace keyturn
