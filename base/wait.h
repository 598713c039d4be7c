// Waiting for nothing but time.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace keyturn {

// Returns once `duration` has passed by `clock`, so that a test with a simulated one need not wait.
// For who cannot be told when to go on; who can, awaits a condition. Thread-safe.
inline void WaitFor(Clock& clock, absl::Duration duration) {
  absl::Mutex mu;
  const absl::MutexLock lock(&mu);
  const bool never = false;
  clock.AwaitWithDeadline(&mu, absl::Condition(&never), clock.Now() + duration);
}

}  // namespace keyturn
