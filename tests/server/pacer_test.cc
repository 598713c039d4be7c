#include "server/pacer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <utility>

#include "tests/support/status.h"

namespace keyturn {
namespace {

// Waits by moving on, and remembers for how long. `meanwhile` runs in the first wait, as another
// thread would, and the wait ends early if the condition then holds.
class RestClock final : public SimulatedClock {
 public:
  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) override {
    if (const auto run = std::exchange(meanwhile, nullptr)) {
      mutex->Unlock();
      run();
      mutex->Lock();
    }
    if (condition.Eval()) return true;
    if (deadline > Now()) {
      rested += deadline - Now();
      AdvanceTime(deadline - Now());
    }
    return condition.Eval();
  }

  absl::Duration rested;
  std::function<void()> meanwhile;
};

class PacerTest : public testing::Test {
 protected:
  RestClock clock_;
  std::atomic<bool> unsealed_{true};
};

// docs/OPERATIONS.md: half of one processor at most.
TEST_F(PacerTest, RestsAsOftenAsLongAsItWorked) {
  for (const int rest_per_work : {1, 3, 20}) {
    SCOPED_TRACE(rest_per_work);
    clock_.rested = absl::ZeroDuration();
    Pacer pacer(rest_per_work, unsealed_, clock_);
    pacer.Begin();
    absl::Duration worked;
    for (const int milliseconds : {1, 40, 7, 0, 900}) {
      clock_.AdvanceTime(absl::Milliseconds(milliseconds));
      worked += absl::Milliseconds(milliseconds);
      ASSERT_OK(pacer.Rest());
      EXPECT_EQ(clock_.rested, rest_per_work * worked);
    }
  }
}

TEST_F(PacerTest, WhatCameBeforeBeginIsNoWork) {
  Pacer pacer(1, unsealed_, clock_);
  clock_.AdvanceTime(absl::Hours(1));
  pacer.Begin();
  ASSERT_OK(pacer.Rest());
  EXPECT_EQ(clock_.rested, absl::ZeroDuration());
}

TEST_F(PacerTest, AStepOfTheWallClockIsNoWork) {
  Pacer pacer(1, unsealed_, clock_);
  pacer.Begin();
  for (const absl::Duration step : {absl::Hours(5), -absl::Hours(9)}) {
    clock_.rested = absl::ZeroDuration();
    clock_.AdvanceTime(absl::Milliseconds(10));
    clock_.SetTime(clock_.Now() + step);
    ASSERT_OK(pacer.Rest());
    EXPECT_EQ(clock_.rested, absl::Milliseconds(10));
  }
}

TEST_F(PacerTest, StoppingEndsTheRestAndAllLaterWork) {
  Pacer pacer(1, unsealed_, clock_);
  pacer.Begin();
  clock_.AdvanceTime(absl::Hours(1));
  clock_.meanwhile = [&pacer] { pacer.Stop(); };
  const absl::Status stopped = pacer.Rest();
  EXPECT_CODE(stopped, kCancelled);
  EXPECT_TRUE(IsInterruption(stopped));
  EXPECT_EQ(clock_.rested, absl::ZeroDuration());
  EXPECT_CODE(pacer.Rest(), kCancelled);
}

TEST_F(PacerTest, SealingEndsTheWork) {
  Pacer pacer(1, unsealed_, clock_);
  pacer.Begin();
  clock_.AdvanceTime(absl::Milliseconds(1));
  clock_.meanwhile = [this] { unsealed_ = false; };
  const absl::Status sealed = pacer.Rest();
  EXPECT_CODE(sealed, kCancelled);
  EXPECT_EQ(sealed.message(), "the vault was sealed");
}

}  // namespace
}  // namespace keyturn
