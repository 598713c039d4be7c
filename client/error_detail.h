// What a server says about an error beyond its code and message: google.rpc.Status with ErrorInfo,
// RetryInfo and RequestInfo, carried in the trailer grpc-status-details-bin (gRPC's rich error
// model). Thread-safe (values).
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn {

struct ErrorDetail {
  std::string reason;          // UPPER_SNAKE, e.g. "SEALED"; the code's name when none was given
  std::string help;            // what to do next, "" when the server gave none
  std::string correlation_id;  // of the failed call, as the audit log knows it; "" when never sent
  std::optional<absl::Duration> retry_after;
};

// The status of a call that ended with `code` and `message`. `details` is the serialised
// google.rpc.Status, "" or unreadable for none; `correlation_id` is the one the call was sent with.
absl::Status MakeCallStatus(int code, absl::string_view message, absl::string_view details,
                            absl::string_view correlation_id);

// Works on any status; one that no call made has only a reason.
ErrorDetail DetailOf(const absl::Status& status);

}  // namespace keyturn
