// Waiting for nothing but time.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace keyturn {

// Returns once `duration` has passed by `clock`, so that a test with a simulated one need not wait.
// For who cannot be told when to go on; who can, awaits a condition. Thread-safe.
inline void WaitFor(Clock& clock, absl::Duration duration) {
  // One for all, and for ever: a simulated clock that moves may still wake a wait that is over.
  static absl::Mutex& mu = *new absl::Mutex();
  const absl::MutexLock lock(&mu);
  const bool never = false;
  clock.AwaitWithDeadline(&mu, absl::Condition(&never), clock.Now() + duration);
}

}  // namespace keyturn
