#include "auth/rate_limit.h"

#include "base/reason.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(RateLimiter, GivesABurstAndThenARate) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({10, 3}, 100, clock);
  for (int i = 0; i < 3; ++i) EXPECT_OK(limiter->Take("a"));
  const absl::Status refused = limiter->Take("a");
  EXPECT_EQ(refused,
            WithRetryAfter(absl::ResourceExhaustedError("too many calls; try again in 100ms"),
                           absl::Milliseconds(100)));
  EXPECT_OK(limiter->Take("b"));
  clock.AdvanceTime(RetryAfterOf(refused));
  EXPECT_OK(limiter->Take("a"));
  EXPECT_CODE(limiter->Take("a"), kResourceExhausted);
}

TEST(RateLimiter, ForgetsTheLeastRecentlyUsed) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({1, 1}, 2, clock);
  EXPECT_OK(limiter->Take("a"));
  EXPECT_OK(limiter->Take("b"));
  EXPECT_CODE(limiter->Take("a"), kResourceExhausted);
  EXPECT_OK(limiter->Take("c"));  // b goes
  EXPECT_CODE(limiter->Take("a"), kResourceExhausted);
  EXPECT_OK(limiter->Take("b"));
}

TEST(RateLimiter, ZeroIsNoLimit) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({0, 0}, 1, clock);
  for (int i = 0; i < 1000; ++i) ASSERT_OK(limiter->Take("a"));
}

}  // namespace
}  // namespace keyturn
