#include "client/cli/key_wait.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

constexpr uint32_t kTerm = 3;
constexpr absl::Duration kLongest =
    absl::Seconds(limits::kFormerCallsSecondsMax + 2 * limits::kRewrapRetrySeconds);

class KeyWaitTest : public testing::Test {
 protected:
  KeyWaitTest() {
    status_.set_term(kTerm);
    status_.add_keks()->set_state(v1::KekInfo::DECRYPT_ONLY);
    status_.add_keks()->set_state(v1::KekInfo::ACTIVE);
  }

  absl::StatusOr<KeyWait::Step> After(absl::Duration time) {
    now_ += time;
    return wait_.Look(status_, now_);
  }

  v1::RewrapStatusResponse status_;
  KeyWait wait_{kTerm};
  absl::Time now_ = absl::FromUnixSeconds(1'767'225'600);
};

TEST_F(KeyWaitTest, IsOverWhenNoOlderKeyIsLeft) {
  EXPECT_FALSE(After(absl::ZeroDuration())->done);
  status_.mutable_keks(0)->set_state(v1::KekInfo::RETIRED);
  EXPECT_TRUE(After(absl::Hours(1))->done);
}

TEST_F(KeyWaitTest, EndsWhenRecordsDoNotOpen) {
  status_.set_records_failed(2);
  status_.set_running(true);
  EXPECT_OK(After(absl::ZeroDuration()));
  status_.set_running(false);
  const absl::Status ended = After(absl::Seconds(1)).status();
  EXPECT_CODE(ended, kDataLoss);
  EXPECT_EQ(ended.message(), "2 records do not open, so the older keys cannot be forgotten");
  // Those of an earlier turn say nothing of this one.
  status_.set_term(kTerm - 1);
  EXPECT_OK(After(absl::Seconds(1)));
}

TEST_F(KeyWaitTest, HasAllTheTimeThatTheServerWorks) {
  for (uint64_t hour = 0; hour < 10; ++hour) {
    status_.set_running(hour % 2 == 0);
    status_.set_records_checked(hour);
    const auto step = After(absl::Hours(1));
    ASSERT_OK(step);
    EXPECT_EQ(step->say, "");
  }
}

TEST_F(KeyWaitTest, SaysOnceWhatItWaitsForAndEndsWhenNothingComes) {
  status_.mutable_finish_time()->set_seconds(1);
  EXPECT_EQ(After(absl::ZeroDuration())->say, "");
  const std::string said = After(absl::Seconds(10))->say;
  EXPECT_TRUE(absl::StrContains(said, "waiting for calls from before to end")) << said;
  EXPECT_EQ(After(absl::Seconds(10))->say, "");
  EXPECT_OK(After(kLongest - absl::Seconds(21)));
  const absl::Status ended = After(absl::Seconds(1)).status();
  EXPECT_CODE(ended, kUnavailable);
  EXPECT_TRUE(absl::StrContains(ended.message(), "keeps the older keys")) << ended;
}

TEST_F(KeyWaitTest, EndsAlsoWhenNoPassBegins) {
  status_.set_term(0);
  EXPECT_OK(After(absl::ZeroDuration()));
  const std::string said = After(absl::Seconds(10))->say;
  EXPECT_TRUE(absl::StrContains(said, "to bring the records to the new key")) << said;
  EXPECT_CODE(After(kLongest).status(), kUnavailable);
}

}  // namespace
}  // namespace keyturn::cli
