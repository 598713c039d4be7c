// When a failed call is tried again. Only UNAVAILABLE is, and only for methods whose descriptor
// says they read (keyturn.v1.read_only), with full jitter so that a fleet does not come back in
// step; or any method when the server said by RetryInfo that, and when, it may be (AIP-194).
// Thread-safe.
#pragma once

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/random.h"

namespace keyturn {

// Whether the method ("/keyturn.v1.SecretService/Get") declares that it only reads. False for a
// method that is not known.
bool IsReadOnly(absl::string_view method);

class RetryPolicy {
 public:
  struct Options {
    int attempts_max = 4;
    absl::Duration backoff_first = absl::Milliseconds(100);
    absl::Duration backoff_max = absl::Seconds(2);
    std::function<double()> uniform = RandomUnit;  // in [0, 1)
  };
  RetryPolicy() : RetryPolicy(Options{}) {}
  explicit RetryPolicy(Options options) : options_(std::move(options)) {}

  struct Failure {
    const absl::Status& status;
    bool read_only = false;
    int attempts = 1;          // so far, with the failed one
    absl::Duration remaining;  // until the call's deadline
  };
  // How long to wait before the next attempt; nullopt when there is to be none: wrong code, too
  // many attempts, or the wait would outlast the deadline.
  std::optional<absl::Duration> DelayAfter(const Failure& failure) const;

 private:
  Options options_;
};

}  // namespace keyturn
