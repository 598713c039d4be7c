#include "client/cli/duration.h"

#include <gtest/gtest.h>

#include "client/cli/exit_codes.h"
#include "client/cli/output.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(ParseDuration, TakesWhatPeopleWrite) {
  EXPECT_EQ(*ParseDuration("x", "90d"), absl::Hours(90 * 24));
  EXPECT_EQ(*ParseDuration("x", "2w"), absl::Hours(14 * 24));
  EXPECT_EQ(*ParseDuration("x", "1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("x", "3600"), absl::Hours(1));
  EXPECT_EQ(*ParseDuration("x", "1d12h"), absl::Hours(36));
  EXPECT_EQ(*ParseDuration("x", "500ms"), absl::Milliseconds(500));
  for (const char* const bad :
       {"", "x", "-1h", "0", "inf", "1y", "d", "1 h", "9999999d", "1.5d", "0.5w", "1h1.5d"}) {
    EXPECT_EQ(
        ParseDuration("--ttl", bad).status().message(),
        absl::StrCat("--ttl '", bad,
                     "' is not a length of time; write for example 45s, 30m, 12h, 90d or 2w"));
  }
  EXPECT_EQ(*ParseDuration("x", "1w2d3h4m5s"), absl::Hours(9 * 24 + 3) + absl::Seconds(245));
  EXPECT_EQ(*ParseSeconds("x", "1500ms"), 1);
  EXPECT_EQ(ExitCodeOf(ParseDuration("x", "").status()), kExitUsage);
  EXPECT_EQ(ParseSeconds("--ttl", "10ms").status().message(), "--ttl must be at least one second");
}

TEST(ParseMoment, TakesTimesDaysAndAges) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(*ParseMoment("x", "2h", now), now - absl::Hours(2));
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31", now)), "2026-12-31T00:00:00Z");
  EXPECT_EQ(TimeText(*ParseMoment("x", "2026-12-31T08:30:00+01:00", now)), "2026-12-31T07:30:00Z");
  for (const char* const bad :
       {"2026-02-30", "2026-12-31T25:00:00Z", "2026-12-31x", "infinite-future", "infinite-past"}) {
    EXPECT_CODE(ParseMoment("x", bad, now), kInvalidArgument);
    EXPECT_CODE(ParseEnd("x", bad, now), kInvalidArgument);
  }
  EXPECT_EQ(ParseMoment("--after", "soon", now).status().message(),
            "--after 'soon' is not a time; write for example 2026-12-31, 2026-12-31T08:30:00Z, or "
            "2h for two hours ago");
}

TEST(ParseEnd, IsAheadOfNow) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15
  EXPECT_EQ(*ParseEnd("x", "2h", now), now + absl::Hours(2));
  EXPECT_EQ(TimeText(*ParseEnd("x", "2027-12-31", now)), "2027-12-31T00:00:00Z");
  EXPECT_EQ(ParseEnd("--not-after", "2026-12-31", now).status().message(),
            "--not-after '2026-12-31' is in the past");
  EXPECT_EQ(ParseEnd("--not-after", "soon", now).status().message(),
            "--not-after 'soon' is not a time; write for example 2026-12-31, "
            "2026-12-31T08:30:00Z, or 90d for ninety days from now");
}

}  // namespace
}  // namespace keyturn::cli
