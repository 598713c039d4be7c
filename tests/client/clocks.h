// Clocks that know who waits. Thread-safe.
#pragma once

#include <algorithm>
#include <vector>

#include "base/clock.h"

namespace keyturn {

// Waits by moving itself on, and remembers how long each wait was.
class ImpatientClock final : public SimulatedClock {
 public:
  bool AwaitWithDeadline(absl::Mutex*, const absl::Condition& condition,
                         absl::Time deadline) override {
    const absl::Duration wait = std::max(deadline - Now(), absl::ZeroDuration());
    AdvanceTime(wait);
    absl::MutexLock lock(&mu_);
    waits_.push_back(wait);
    return condition.Eval();
  }
  std::vector<absl::Duration> waits() const {
    absl::MutexLock lock(&mu_);
    return waits_;
  }

 private:
  mutable absl::Mutex mu_;
  std::vector<absl::Duration> waits_ ABSL_GUARDED_BY(mu_);
};

// Stands still, and lets a test find the waits and end them.
class WatchedClock final : public SimulatedClock {
 public:
  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) override {
    {
      absl::MutexLock lock(&mu_);
      waits_.push_back(deadline - Now());
    }
    return SimulatedClock::AwaitWithDeadline(mutex, condition, deadline);
  }
  // Blocks until the nth wait (from 0) began; its length.
  absl::Duration AwaitWait(size_t n) const {
    absl::MutexLock lock(&mu_);
    const auto there = [this, n] { return waits_.size() > n; };
    mu_.Await(absl::Condition(&there));
    return waits_[n];
  }
  // Blocks until the nth wait began, and moves on to its end.
  absl::Duration EndWait(size_t n) {
    const absl::Duration wait = AwaitWait(n);
    AdvanceTime(wait);
    return wait;
  }

 private:
  mutable absl::Mutex mu_;
  std::vector<absl::Duration> waits_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
