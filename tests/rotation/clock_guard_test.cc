#include "rotation/clock_guard.h"

#include <gtest/gtest.h>

namespace keyturn {
namespace {

class ClockGuardTest : public testing::Test {
 protected:
  void Look(absl::Duration wall, absl::Duration monotonic) {
    wall_ += wall;
    monotonic_ += monotonic;
    guard_.Observe(wall_, absl::ToInt64Nanoseconds(monotonic_));
  }
  absl::Time wall_ = absl::FromUnixSeconds(1'767'225'600);
  absl::Duration monotonic_ = absl::Seconds(5);
  ClockGuard guard_;
};

TEST_F(ClockGuardTest, AClockThatRunsEvenlyIsBelieved) {
  Look(absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_TRUE(guard_.trusted());
  for (int i = 0; i < 100; ++i) {
    Look(absl::Hours(1) + absl::Seconds(59), absl::Hours(1));  // adjusted, as time servers do
    EXPECT_TRUE(guard_.trusted());
  }
}

TEST_F(ClockGuardTest, StepsThatAreSmallAddUp) {
  Look(absl::ZeroDuration(), absl::ZeroDuration());
  Look(absl::Seconds(51), absl::Seconds(1));
  EXPECT_TRUE(guard_.trusted());
  Look(absl::Seconds(51), absl::Seconds(1));
  EXPECT_FALSE(guard_.trusted());
}

TEST_F(ClockGuardTest, EachLookSaysWhetherTheClockWasWrongByIt) {
  EXPECT_FALSE(guard_.Observe(wall_, 0));
  EXPECT_TRUE(guard_.Observe(wall_ + absl::Minutes(2), 1));
  EXPECT_FALSE(guard_.Observe(wall_ + absl::Minutes(2), 2));
  EXPECT_FALSE(guard_.trusted());
}

TEST_F(ClockGuardTest, AJumpEitherWayIsNotBelievedForTenMinutes) {
  for (const absl::Duration jump : {absl::Hours(1), -absl::Hours(1), absl::Hours(91 * 24),
                                    absl::Seconds(61), absl::Seconds(-61)}) {
    Look(absl::Seconds(1), absl::Seconds(1));
    Look(jump + absl::Seconds(1), absl::Seconds(1));
    EXPECT_FALSE(guard_.trusted()) << jump;
    Look(absl::Minutes(9), absl::Minutes(9));
    EXPECT_FALSE(guard_.trusted());
    Look(absl::Minutes(2), absl::Minutes(2));
    EXPECT_TRUE(guard_.trusted());
  }
}

TEST_F(ClockGuardTest, AClockBeforeAKnownTimeIsNotBelieved) {
  guard_.Begin(wall_ + absl::Minutes(30));
  Look(absl::ZeroDuration(), absl::ZeroDuration());
  EXPECT_FALSE(guard_.trusted());
  Look(absl::Minutes(28), absl::Minutes(28));
  EXPECT_FALSE(guard_.trusted());
  Look(absl::Minutes(1), absl::Minutes(1));  // as near as it need be
  Look(absl::Minutes(8), absl::Minutes(8));
  EXPECT_FALSE(guard_.trusted());
  Look(absl::Minutes(1), absl::Minutes(1));
  EXPECT_TRUE(guard_.trusted());
  // From here on it is a jump like any other.
  Look(-absl::Hours(2), absl::Seconds(1));
  EXPECT_FALSE(guard_.trusted());
  Look(absl::Minutes(10), absl::Minutes(10));
  EXPECT_TRUE(guard_.trusted());
}

TEST_F(ClockGuardTest, AClockAtOrAfterAKnownTimeIsBelieved) {
  for (const absl::Duration known : {absl::Seconds(60), absl::ZeroDuration(), -absl::Hours(5000)}) {
    ClockGuard guard;
    guard.Begin(wall_ + known);
    guard.Observe(wall_, 0);
    EXPECT_TRUE(guard.trusted()) << known;
  }
  ClockGuard guard;
  guard.Begin(wall_ + absl::Seconds(61));
  guard.Observe(wall_, 0);
  EXPECT_FALSE(guard.trusted());
}

TEST_F(ClockGuardTest, AcceptingForgetsTheKnownTime) {
  guard_.Begin(wall_ + absl::Hours(5));
  Look(absl::ZeroDuration(), absl::ZeroDuration());
  guard_.Accept();
  Look(absl::Seconds(1), absl::Seconds(1));
  EXPECT_TRUE(guard_.trusted());
}

TEST_F(ClockGuardTest, AnotherJumpBeginsTheWaitAnew) {
  Look(absl::ZeroDuration(), absl::ZeroDuration());
  Look(absl::Hours(2), absl::Seconds(1));
  Look(absl::Minutes(9), absl::Minutes(9));
  Look(-absl::Hours(2), absl::Seconds(1));
  Look(absl::Minutes(9), absl::Minutes(9));
  EXPECT_FALSE(guard_.trusted());
  guard_.Accept();
  EXPECT_TRUE(guard_.trusted());
}

}  // namespace
}  // namespace keyturn
