#include "rotation/transitions.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/reason.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

// How long a run waits after so many failures, with this share of the longest wait.
absl::Duration WaitOf(uint32_t failures, double share, const absl::Status& status) {
  v1::RotationRun run;
  run.set_attempts(failures - 1);
  TakeFailure(status, share, kNow, &run);
  EXPECT_EQ(run.state(), v1::RotationRun::RETRY_WAIT);
  return absl::FromUnixSeconds(run.next_attempt_time().seconds()) +
         absl::Nanoseconds(run.next_attempt_time().nanos()) - kNow;
}

TEST(TakeFailure, TheLongestWaitIsDoubledToAnHourAndTheWaitIsAnyShareOfIt) {
  const absl::Status away = absl::UnavailableError("away");
  const std::pair<uint32_t, int> kLongest[] = {{1, 60}, {2, 120}, {3, 240}, {6, 1920}, {7, 3600}};
  for (const auto& [failures, seconds] : kLongest) {
    EXPECT_EQ(WaitOf(failures, 1, away), absl::Seconds(seconds)) << failures;
    EXPECT_EQ(WaitOf(failures, 0.25, away), absl::Seconds(seconds) / 4) << failures;
    EXPECT_EQ(WaitOf(failures, 0, away), absl::ZeroDuration()) << failures;
  }
}

TEST(TakeFailure, ATargetThatAsksForLongerGetsIt) {
  const absl::Status busy = WithRetryAfter(absl::UnavailableError("busy"), absl::Minutes(10));
  EXPECT_EQ(WaitOf(1, 0, busy), absl::Minutes(10));
  EXPECT_EQ(WaitOf(7, 1, busy), absl::Hours(1));
}

// A value that is refused is no target that is away, and the other way round.
TEST(TakeFailure, ValuesThatAreRefusedAreCountedForThemselves) {
  v1::RotationRun run;
  TakeFailure(absl::UnavailableError("away"), 0, kNow, &run);
  TakeFailure(absl::UnavailableError("away"), 0, kNow, &run);
  for (int refused = 1; refused <= 3; ++refused) {
    TakeFailure(absl::InvalidArgumentError("needs a digit"), 0, kNow, &run);
    EXPECT_EQ(run.state(), refused < 3 ? v1::RotationRun::RETRY_WAIT : v1::RotationRun::BLOCKED);
  }
  EXPECT_EQ(run.attempts(), 5u);
  run.Clear();
  TakeFailure(absl::InvalidArgumentError("needs a digit"), 0, kNow, &run);
  for (int attempt = 1; attempt <= 10; ++attempt) {
    TakeFailure(absl::UnavailableError("away"), 1, kNow, &run);
    EXPECT_EQ(run.state(), attempt < 10 ? v1::RotationRun::RETRY_WAIT : v1::RotationRun::BLOCKED);
    if (attempt == 1) {
      EXPECT_EQ(run.next_attempt_time().seconds(), absl::ToUnixSeconds(kNow) + 60);
    }
  }
}

TEST(TakeFailure, OneThatFailsForADayIsBlockedHoweverSeldomItIsTried) {
  const absl::Status busy = WithRetryAfter(absl::UnavailableError("busy"), absl::Hours(20));
  v1::RotationRun run;
  TakeFailure(busy, 0, kNow, &run);
  EXPECT_EQ(run.state(), v1::RotationRun::RETRY_WAIT);
  TakeFailure(busy, 0, kNow + absl::Hours(20), &run);
  EXPECT_EQ(run.state(), v1::RotationRun::RETRY_WAIT);
  TakeFailure(busy, 0, kNow + absl::Hours(40), &run);
  EXPECT_EQ(run.state(), v1::RotationRun::BLOCKED);
  ClearFailures(&run);
  TakeFailure(busy, 0, kNow + absl::Hours(60), &run);
  EXPECT_EQ(run.state(), v1::RotationRun::RETRY_WAIT);
}

}  // namespace
}  // namespace keyturn
