#include "base/clock.h"

#include <ctime>

namespace keyturn {
namespace {

int64_t NanosOf(clockid_t clock) {
  timespec ts;
  clock_gettime(clock, &ts);
  return int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }

  // It goes on while the machine is suspended, as the wall clock does.
  int64_t MonotonicNanos() const override { return NanosOf(CLOCK_BOOTTIME); }
  int64_t AwakeNanos() const override { return NanosOf(CLOCK_MONOTONIC); }

  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) override {
    return mutex->AwaitWithDeadline(condition, deadline);
  }
};

}  // namespace

Clock& Clock::Real() {
  static RealClock* const clock = new RealClock();
  return *clock;
}

SimulatedClock::SimulatedClock(absl::Time start) : now_(start) {}

absl::Time SimulatedClock::Now() const {
  absl::MutexLock lock(&mu_);
  return now_;
}

int64_t SimulatedClock::MonotonicNanos() const {
  absl::MutexLock lock(&mu_);
  return absl::ToInt64Nanoseconds(monotonic_);
}

int64_t SimulatedClock::AwakeNanos() const {
  absl::MutexLock lock(&mu_);
  return absl::ToInt64Nanoseconds(monotonic_ - suspended_);
}

bool SimulatedClock::AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                                       absl::Time deadline) {
  struct Waiter {
    const SimulatedClock* clock;
    const absl::Condition* condition;
    absl::Time deadline;
    bool Done() { return condition->Eval() || clock->Now() >= deadline; }
  } waiter{this, &condition, deadline};
  {
    absl::MutexLock lock(&mu_);
    waiters_.insert(mutex);
  }
  mutex->Await(absl::Condition(&waiter, &Waiter::Done));
  {
    absl::MutexLock lock(&mu_);
    waiters_.erase(waiters_.find(mutex));
  }
  return condition.Eval();
}

void SimulatedClock::AdvanceTime(absl::Duration duration) {
  {
    absl::MutexLock lock(&mu_);
    now_ += duration;
    monotonic_ += duration;
  }
  WakeAll();
}

void SimulatedClock::Suspend(absl::Duration duration) {
  {
    absl::MutexLock lock(&mu_);
    now_ += duration;
    monotonic_ += duration;
    suspended_ += duration;
  }
  WakeAll();
}

void SimulatedClock::SetTime(absl::Time now) {
  {
    absl::MutexLock lock(&mu_);
    now_ = now;
  }
  WakeAll();
}

// An absl::Mutex evaluates its waiters' conditions whenever a holder releases it, so taking and
// releasing each waiter's mutex is enough. mu_ is not held meanwhile: the conditions read Now().
void SimulatedClock::WakeAll() {
  std::set<absl::Mutex*> waiters;
  {
    absl::MutexLock lock(&mu_);
    waiters.insert(waiters_.begin(), waiters_.end());
  }
  for (absl::Mutex* mutex : waiters) absl::MutexLock lock(mutex);
}

}  // namespace keyturn
