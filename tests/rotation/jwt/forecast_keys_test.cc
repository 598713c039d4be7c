// What is foreseen of keys that sign: the next one is published long before.
#include "tests/rotation/forecast_harness.h"
#include "tests/rotation/jwt/jwt_fixture.h"

namespace keyturn {
namespace {

class ForecastKeysTest : public ForecastHarness<JwtFixture> {
 protected:
  static v1::RotationPolicy Every(int days) {
    v1::RotationPolicy policy = NoJitter();
    policy.set_period_seconds(days * limits::kDaySeconds);
    policy.set_grace_seconds(2 * limits::kDaySeconds);
    return policy;
  }
  static v1::JwtKeySettings PublishedFor(absl::Duration lead) {
    v1::JwtKeySettings settings = Settings("HS256");
    settings.set_publish_lead_seconds(absl::ToInt64Seconds(lead));
    return settings;
  }
};

TEST_F(ForecastKeysTest, AYearOfKeysGoesAsForeseen) {
  clock_.AdvanceTime(absl::Milliseconds(411));
  ASSERT_OK(Create("short", PublishedFor(absl::Hours(1)), Every(20)));
  ASSERT_OK(Create("jitter", Settings("HS256"), v1::RotationPolicy()));
  ASSERT_OK(RunDue());
  EXPECT_GT(ExpectDays(365), 70u);
  ExpectClean();
}

TEST_F(ForecastKeysTest, AKeyThatIsNotKnownYetWaits) {
  ASSERT_OK(Create("long", PublishedFor(absl::Hours(30)), Every(90)));
  ASSERT_OK(RunDue());
  // Due before the next key, made only then, is known to all.
  ASSERT_OK(Rotate("long"));
  const auto has = [&](const char* what) {
    return std::any_of(happened_["long"].begin(), happened_["long"].end(),
                       [&](const Happened& event) { return event.what == what; });
  };
  EXPECT_TRUE(has("PUBLISHED"));
  EXPECT_FALSE(has("PROMOTED"));
  EXPECT_GT(ExpectDays(200), 8u);
  EXPECT_TRUE(has("PROMOTED"));
}

}  // namespace
}  // namespace keyturn
