#include "revocation/list_clock.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace keyturn {
namespace {

constexpr int64_t kJump = limits::kRevocationClockJumpSeconds;

class ListClockTest : public testing::Test {
 protected:
  // What now_ms is behind the wall by, in seconds.
  int64_t Behind() {
    const ListTime time = list_clock_.Now();
    EXPECT_EQ(time.wall_ms, absl::ToUnixMillis(clock_.Now()));
    EXPECT_LE(time.now_ms, time.wall_ms);
    return (time.wall_ms - time.now_ms) / 1000;
  }
  void Jump(int64_t seconds) { clock_.SetTime(clock_.Now() + absl::Seconds(seconds)); }

  SimulatedClock clock_;
  ListClock list_clock_{clock_};
};

TEST_F(ListClockTest, FollowsTheWallClockThroughTheYears) {
  EXPECT_EQ(Behind(), 0);
  for (int day = 0; day < 1000; ++day) {
    clock_.AdvanceTime(absl::Hours(24));  // looked at once a day
    ASSERT_EQ(Behind(), 0) << day;
  }
}

TEST_F(ListClockTest, BelievesASmallStepAndNoLargeOne) {
  Jump(kJump);
  EXPECT_EQ(Behind(), 0);
  Jump(kJump + 1);
  EXPECT_EQ(Behind(), kJump + 1);
  EXPECT_EQ(Behind(), kJump + 1);  // noted once
}

TEST_F(ListClockTest, AfterAJumpTimeGoesOnByTheMonotonicClock) {
  const int64_t before = list_clock_.Now().now_ms;
  Jump(365 * limits::kDaySeconds);
  clock_.AdvanceTime(absl::Seconds(90));
  EXPECT_EQ(list_clock_.Now().now_ms, before + 90'000);
  clock_.AdvanceTime(absl::Hours(24));
  EXPECT_EQ(list_clock_.Now().now_ms, before + 90'000 + 86'400'000);
}

TEST_F(ListClockTest, JumpsAddUp) {
  Jump(1000);
  EXPECT_EQ(Behind(), 1000);
  Jump(2000);
  EXPECT_EQ(Behind(), 3000);
}

TEST_F(ListClockTest, AClockThatIsSetBackIsFollowed) {
  const int64_t before = list_clock_.Now().now_ms;
  Jump(-86'400);
  EXPECT_EQ(Behind(), 0);
  EXPECT_EQ(list_clock_.Now().now_ms, before - 86'400'000);
}

TEST_F(ListClockTest, SettingItBackTakesBackAJumpFirst) {
  const int64_t before = list_clock_.Now().now_ms;
  Jump(10'000);
  EXPECT_EQ(Behind(), 10'000);
  Jump(-4000);
  EXPECT_EQ(Behind(), 6000);
  EXPECT_EQ(list_clock_.Now().now_ms, before);
  Jump(-7000);
  EXPECT_EQ(Behind(), 0);
  EXPECT_EQ(list_clock_.Now().now_ms, before - 1'000'000);
}

}  // namespace
}  // namespace keyturn
