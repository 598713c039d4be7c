// absl::Status as gRPC callers get it: code, message, and google.rpc.Status in
// grpc-status-details-bin with ErrorInfo (reason, domain "keyturn") and, when the caller should
// wait, RetryInfo. Thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// `retry_after_ms` 0: none. `request_id` is the correlation id, repeated in RequestInfo.
grpc::Status ToGrpcStatus(const absl::Status& status, int64_t retry_after_ms,
                          absl::string_view request_id);

}  // namespace keyturn
