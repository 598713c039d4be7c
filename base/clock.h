// Time as an argument. Every room that needs the time or waits takes a Clock&, so that a test can
// run a year in a second. Wall time decides policy (expiry, grace); monotonic time measures.
// Both clocks are thread-safe.
#pragma once

#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace keyturn {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, UTC. May step in either direction.
  virtual absl::Time Now() const = 0;

  // Nanoseconds since an arbitrary start, those of a suspended machine included; never goes back.
  // Not comparable across processes.
  virtual int64_t MonotonicNanos() const = 0;

  // As MonotonicNanos, but for the time in which the machine was suspended.
  virtual int64_t AwakeNanos() const { return MonotonicNanos(); }

  // Waits until `condition` holds or `deadline` (wall time) has come, whichever is first. `mutex`
  // is held by the caller, released while waiting and held again on return. Returns whether the
  // condition holds. Same shape as abseil's newer absl::Clock::AwaitWithDeadline.
  virtual bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                                 absl::Time deadline) = 0;

  // The machine's clock. The object lives as long as the process.
  static Clock& Real();
};

// A clock that moves only when told. AwaitWithDeadline returns when AdvanceTime or SetTime passes
// the deadline. Either may still take the mutex of a wait that has just ended: the mutex outlives
// every call of them that began before the wait was over.
class SimulatedClock : public Clock {
 public:
  // Starts at `start`, by default a fixed moment in 2026.
  explicit SimulatedClock(absl::Time start = absl::FromUnixSeconds(1'767'225'600));

  absl::Time Now() const override;
  int64_t MonotonicNanos() const override;
  int64_t AwakeNanos() const override;
  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) override;

  // Moves wall and monotonic time forward. REQUIRES: duration >= 0.
  void AdvanceTime(absl::Duration duration);
  // The same, while the machine is suspended.
  void Suspend(absl::Duration duration);
  // Steps the wall clock alone, forward or back, as a bad time server would.
  void SetTime(absl::Time now);

 private:
  void WakeAll();

  mutable absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Duration suspended_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  std::multiset<absl::Mutex*> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
