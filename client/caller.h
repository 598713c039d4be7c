// What every call of a client has in common: metadata, deadline, retries and errors. Thread-safe.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "client/options.h"

namespace keyturn {

// INVALID_ARGUMENT for a token that no header can carry, such as one with the newline of the file
// it came from. gRPC would end the process over it, and print it.
absl::Status CheckToken(absl::string_view token);

class Caller {
 public:
  using Attempt = absl::FunctionRef<grpc::Status(grpc::ClientContext*)>;

  explicit Caller(const ClientOptions& options);
  ~Caller();

  void SetToken(std::string token);

  // Runs `attempt` with a prepared context, again as the retry policy says. `method` is the full
  // name, "/keyturn.v1.SecretService/Get". INVALID_ARGUMENT for a bad token, correlation id or
  // timeout.
  absl::Status Unary(const char* method, const CallOptions& options, Attempt attempt);
  // Runs `attempt` once.
  absl::Status Stream(const CallOptions& options, Attempt attempt);

 private:
  // `remaining` infinite: no deadline.
  absl::Status Once(const std::string& correlation_id, Cancellation* cancellation,
                    absl::Duration remaining, Attempt attempt);

  const absl::Duration timeout_;
  const RetryPolicy retry_;
  Clock& clock_;
  absl::Mutex mu_;
  std::string token_ ABSL_GUARDED_BY(mu_);
  absl::Status token_status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
