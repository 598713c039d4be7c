#include "base/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "base/wait.h"

namespace keyturn {
namespace {

TEST(SimulatedClock, MovesOnlyWhenTold) {
  SimulatedClock clock(absl::FromUnixSeconds(1000));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1000));
  const int64_t monotonic = clock.MonotonicNanos();
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1000));
  clock.AdvanceTime(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1005));
  EXPECT_EQ(clock.MonotonicNanos() - monotonic, 5'000'000'000);
}

TEST(SimulatedClock, AStepOfTheWallClockIsNoTimeThatPassed) {
  SimulatedClock clock;
  const int64_t monotonic = clock.MonotonicNanos();
  clock.SetTime(absl::FromUnixSeconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(5));
  EXPECT_EQ(clock.MonotonicNanos(), monotonic);
}

TEST(SimulatedClock, ASuspendedMachineIsNotAwake) {
  SimulatedClock clock;
  const absl::Time start = clock.Now();
  clock.AdvanceTime(absl::Seconds(1));
  clock.Suspend(absl::Hours(2));
  EXPECT_EQ(clock.Now() - start, absl::Hours(2) + absl::Seconds(1));
  EXPECT_EQ(clock.MonotonicNanos(), absl::ToInt64Nanoseconds(clock.Now() - start));
  EXPECT_EQ(clock.AwakeNanos(), 1'000'000'000);
}

TEST(SimulatedClock, AWaitThatIsOverReturnsAtOnce) {
  SimulatedClock clock;
  absl::Mutex mu;
  const absl::MutexLock lock(&mu);
  bool yes = true, no = false;
  EXPECT_TRUE(clock.AwaitWithDeadline(&mu, absl::Condition(&yes), absl::InfiniteFuture()));
  EXPECT_FALSE(clock.AwaitWithDeadline(&mu, absl::Condition(&no), clock.Now()));
}

// A waiter and what it found.
struct Waiter {
  explicit Waiter(SimulatedClock& clock, absl::Time deadline)
      : thread([this, &clock, deadline] {
          const absl::MutexLock lock(&mu);
          waiting.Notify();
          result = clock.AwaitWithDeadline(&mu, absl::Condition(&ready), deadline);
        }) {
    waiting.WaitForNotification();
  }
  bool Join() {
    thread.join();
    return result;
  }

  absl::Mutex mu;
  bool ready = false;
  bool result = false;
  absl::Notification waiting;
  std::thread thread;
};

TEST(SimulatedClock, AWaitEndsAtItsDeadlineAndNotBefore) {
  SimulatedClock clock;
  Waiter early(clock, clock.Now() + absl::Seconds(10));
  Waiter late(clock, clock.Now() + absl::Hours(1));
  clock.AdvanceTime(absl::Seconds(10));
  EXPECT_FALSE(early.Join());
  {
    const absl::MutexLock lock(&late.mu);
    EXPECT_FALSE(late.result);
    late.ready = true;
  }
  EXPECT_TRUE(late.Join());
}

TEST(SimulatedClock, AStepEndsAWaitToo) {
  SimulatedClock clock;
  Waiter waiter(clock, clock.Now() + absl::Hours(24 * 90));
  clock.SetTime(clock.Now() + absl::Hours(24 * 91));
  EXPECT_FALSE(waiter.Join());
}

TEST(RealClock, KeepsTimeAndWaits) {
  Clock& clock = Clock::Real();
  EXPECT_GT(clock.Now(), absl::FromUnixSeconds(1'700'000'000));
  const int64_t before = clock.MonotonicNanos();
  absl::Mutex mu;
  const absl::MutexLock lock(&mu);
  bool no = false;
  const absl::Time deadline = clock.Now() + absl::Milliseconds(20);
  EXPECT_FALSE(clock.AwaitWithDeadline(&mu, absl::Condition(&no), deadline));
  EXPECT_GE(clock.Now(), deadline);
  EXPECT_GT(clock.MonotonicNanos(), before);
}

TEST(WaitFor, EndsWhenTheClockSaysSo) {
  SimulatedClock clock;
  WaitFor(clock, absl::ZeroDuration());
  std::atomic<bool> over{false};
  std::thread waiter([&] {
    WaitFor(clock, absl::Hours(1));
    over = true;
  });
  clock.AdvanceTime(absl::Minutes(59));
  EXPECT_FALSE(over.load());
  // The waiter may not have begun: then its hour begins now.
  while (!over.load()) clock.AdvanceTime(absl::Minutes(1));
  waiter.join();
}

}  // namespace
}  // namespace keyturn
