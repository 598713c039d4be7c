// Locks a source out after too many failed attempts in a while. Bounded: when full, sources that
// are not locked out go first. Thread-safe.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/limits.h"

namespace keyturn {

class Lockout {
 public:
  struct Options {
    int failures = limits::kLockoutFailures;  // within `window`, from the first of them on
    absl::Duration window = absl::Seconds(limits::kLockoutSeconds);
  };
  // `clock` outlives this.
  explicit Lockout(Clock& clock) : clock_(clock) {}
  Lockout(const Options& options, Clock& clock) : options_(options), clock_(clock) {}

  // RESOURCE_EXHAUSTED with the time to wait (RetryAfterOf) while `source` is locked out.
  absl::Status Check(const std::string& source);
  void CountFailure(const std::string& source);

 private:
  void MakeRoom(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Failures {
    absl::Time window_end;
    int count = 0;
  };

  const Options options_{};
  Clock& clock_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Failures> sources_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
