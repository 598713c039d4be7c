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

}  // namespace
}  // namespace keyturn
