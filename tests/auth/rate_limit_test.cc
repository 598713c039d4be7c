#include "auth/rate_limit.h"

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(RateLimiter, GivesABurstAndThenARate) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({10, 3}, 100, clock);
  int64_t wait = 0;
  for (int i = 0; i < 3; ++i) EXPECT_OK(limiter->Take("a", &wait));
  EXPECT_CODE(limiter->Take("a", &wait), kResourceExhausted);
  EXPECT_EQ(wait, 100);
  EXPECT_OK(limiter->Take("b", &wait));
  clock.AdvanceTime(absl::Milliseconds(wait));
  EXPECT_OK(limiter->Take("a", &wait));
  EXPECT_CODE(limiter->Take("a", &wait), kResourceExhausted);
}

TEST(RateLimiter, ForgetsTheLeastRecentlyUsed) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({1, 1}, 2, clock);
  int64_t wait = 0;
  EXPECT_OK(limiter->Take("a", &wait));
  EXPECT_OK(limiter->Take("b", &wait));
  EXPECT_CODE(limiter->Take("a", &wait), kResourceExhausted);
  EXPECT_OK(limiter->Take("c", &wait));  // b goes
  EXPECT_CODE(limiter->Take("a", &wait), kResourceExhausted);
  EXPECT_OK(limiter->Take("b", &wait));
}

TEST(RateLimiter, ZeroIsNoLimit) {
  SimulatedClock clock;
  const auto limiter = RateLimiter::Create({0, 0}, 1, clock);
  int64_t wait = 0;
  for (int i = 0; i < 1000; ++i) ASSERT_OK(limiter->Take("a", &wait));
}

}  // namespace
}  // namespace keyturn
