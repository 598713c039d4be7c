// absl::Status as gRPC callers get it: code, message, and google.rpc.Status in
// grpc-status-details-bin with ErrorInfo (reason, domain "keyturn") and, when the caller should
// wait, RetryInfo. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// `request_id` is the correlation id, repeated in RequestInfo.
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

}  // namespace keyturn
