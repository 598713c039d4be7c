#include "client/caller.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/wait.h"
#include "client/error_detail.h"
#include "client/random.h"
#include "client/wipe.h"

namespace keyturn {
namespace {

absl::StatusOr<std::string> CorrelationId(const CallOptions& options) {
  const std::string& id = options.correlation_id;
  if (id.empty()) return MakeCorrelationId();
  const bool allowed = std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (allowed && id.size() <= limits::kCorrelationIdBytesMax) return id;
  return absl::InvalidArgumentError(absl::StrCat("a correlation id has 1 to ",
                                                 limits::kCorrelationIdBytesMax,
                                                 " characters of [A-Za-z0-9._-]"));
}

}  // namespace

absl::Status CheckToken(absl::string_view token) {
  const bool allowed = std::all_of(token.begin(), token.end(), absl::ascii_isgraph);
  if (allowed && token.size() <= limits::kTokenTextBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a token has at most ", limits::kTokenTextBytesMax,
                   " printable ASCII characters and no spaces or line ends"));
}

Caller::Caller(const ClientOptions& options)
    : timeout_(options.timeout),
      retry_(options.retry),
      clock_(*options.clock),
      token_(options.token),
      token_status_(CheckToken(options.token)) {}

Caller::~Caller() {
  absl::MutexLock lock(&mu_);
  WipeBuffer(&token_);
}

void Caller::SetToken(std::string token) {
  absl::MutexLock lock(&mu_);
  token_status_ = CheckToken(token);
  token_.swap(token);
  WipeBuffer(&token);
}

absl::Status Caller::Once(const std::string& correlation_id, Cancellation* cancellation,
                          absl::Duration remaining, Attempt attempt) {
  grpc::ClientContext context;
  context.AddMetadata("x-correlation-id", correlation_id);
  {
    absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(token_status_);
    if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  }
  if (remaining != absl::InfiniteDuration()) {
    // A span of time, so that no clock but gRPC's own is read.
    context.set_deadline(gpr_time_from_nanos(
        std::max<int64_t>(0, absl::ToInt64Nanoseconds(remaining)), GPR_TIMESPAN));
  }
  int attached = 0;
  if (cancellation != nullptr) {
    attached = cancellation->Attach([&context] { context.TryCancel(); });
  }
  const grpc::Status status = attempt(&context);
  if (cancellation != nullptr) cancellation->Detach(attached);
  return MakeCallStatus(status.error_code(), status.error_message(), status.error_details(),
                        correlation_id);
}

absl::Status Caller::Unary(const char* method, const CallOptions& options, Attempt attempt) {
  ASSIGN_OR_RETURN(const std::string correlation_id, CorrelationId(options));
  const absl::Duration timeout = options.timeout.value_or(timeout_);
  if (timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("a call's timeout must be more than zero");
  }
  const bool read_only = IsReadOnly(method);
  const int64_t started = clock_.MonotonicNanos();
  for (int attempts = 1;; ++attempts) {
    const absl::Duration remaining = timeout - absl::Nanoseconds(clock_.MonotonicNanos() - started);
    const absl::Status status = Once(correlation_id, options.cancellation, remaining, attempt);
    if (status.ok()) return status;
    const std::optional<absl::Duration> delay =
        retry_.DelayAfter({status, read_only, attempts,
                           timeout - absl::Nanoseconds(clock_.MonotonicNanos() - started)});
    if (!delay.has_value()) return status;
    // Nothing but time ends the wait; a call cancelled meanwhile is found out by the next attempt.
    WaitFor(clock_, *delay);
  }
}

absl::Status Caller::Stream(const CallOptions& options, Attempt attempt) {
  ASSIGN_OR_RETURN(const std::string correlation_id, CorrelationId(options));
  // gRPC gets on with a handshake only while some call is waiting. One that failed at once for want
  // of a connection, again and again, would never see there be one.
  const bool waits = !options.timeout.has_value() && options.cancellation != nullptr;
  return Once(correlation_id, options.cancellation,
              options.timeout.value_or(absl::InfiniteDuration()),
              [&](grpc::ClientContext* context) {
                context->set_wait_for_ready(waits);
                return attempt(context);
              });
}

}  // namespace keyturn
