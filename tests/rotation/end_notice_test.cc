#include "rotation/end_notice.h"

#include <gtest/gtest.h>

namespace keyturn {
namespace {

const absl::Time kUnseal = absl::FromUnixSeconds(1'767'225'600);

class EndNoticeTest : public testing::Test {
 protected:
  EndNoticeTest() {
    up_.since = kUnseal;
    up_.lasts = absl::Minutes(5);
    Replaced(kUnseal - absl::Hours(24 * 8), absl::Hours(24 * 7));
  }
  void Replaced(absl::Time when, absl::Duration grace) {
    version_.set_replaced_ms(absl::ToUnixMillis(when));
    version_.set_grace_end_ms(absl::ToUnixMillis(when + grace));
  }
  // All along, from before the replacement.
  void UpAfterwards(absl::Duration lasted) {
    const absl::Time replaced = absl::FromUnixMillis(version_.replaced_ms());
    up_.former = UpTime::Former{replaced - absl::Hours(24 * 30), replaced + lasted};
  }
  absl::Duration Missing() const { return MissingNotice(version_, up_); }

  VersionRecord version_;
  UpTime up_;
};

TEST_F(EndNoticeTest, AnHourIsWantedOfTheServerBeforeOrSinceTheDowntime) {
  EXPECT_EQ(Missing(), absl::Minutes(55));  // nothing is known of before
  UpAfterwards(absl::Minutes(20));
  EXPECT_EQ(Missing(), absl::Minutes(35));
  UpAfterwards(absl::Minutes(60));
  EXPECT_EQ(Missing(), absl::ZeroDuration());
  UpAfterwards(-absl::Hours(3));
  EXPECT_EQ(Missing(), absl::Minutes(55));
  up_.lasts = absl::Minutes(60);
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

// What was between the replacement and the last time that it was up may have been a downtime too.
TEST_F(EndNoticeTest, OfTheTimeBeforeOnlyWhatItWasUpForCounts) {
  UpAfterwards(absl::Hours(24 * 5));
  up_.former->from = up_.former->until - absl::Minutes(20);
  EXPECT_EQ(Missing(), absl::Minutes(35));
  up_.former->from = up_.former->until;
  EXPECT_EQ(Missing(), absl::Minutes(55));
}

TEST_F(EndNoticeTest, AnEndIsPutOffByWhatIsMissingWithinTheGreatestAge) {
  v1::RotationPolicy policy;
  EXPECT_EQ(LaterEnd(policy, version_, up_, kUnseal), kUnseal + absl::Minutes(55));
  version_.set_promoted_ms(version_.replaced_ms());
  version_.set_created_ms(version_.replaced_ms());
  policy.set_max_credential_age_seconds(8 * 86'400 + 60);
  EXPECT_EQ(LaterEnd(policy, version_, up_, kUnseal), kUnseal + absl::Minutes(1));
  EXPECT_EQ(LaterEnd(policy, version_, up_, kUnseal + absl::Minutes(1)), std::nullopt);
  up_.lasts = absl::Hours(1);
  EXPECT_EQ(LaterEnd(v1::RotationPolicy(), version_, up_, kUnseal), std::nullopt);
  AnnounceAnew(kUnseal + absl::Minutes(7), up_, &version_);
  EXPECT_EQ(version_.announced_ms(), absl::ToUnixMillis(kUnseal));
  EXPECT_EQ(version_.grace_end_ms(), absl::ToUnixMillis(kUnseal + absl::Minutes(7)));
}

TEST_F(EndNoticeTest, WhatWasReplacedSinceTheUnsealIsKnown) {
  Replaced(kUnseal, absl::Minutes(1));
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

TEST_F(EndNoticeTest, OfAShortGraceAllIsWanted) {
  Replaced(kUnseal - absl::Hours(5), absl::Minutes(20));
  EXPECT_EQ(Missing(), absl::Minutes(15));
  UpAfterwards(absl::Minutes(20));
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

// An end that was announced anew is not known by what came before.
TEST_F(EndNoticeTest, WhatWasAnnouncedAnewCountsFromThere) {
  version_.set_announced_ms(absl::ToUnixMillis(kUnseal - absl::Hours(2)));
  version_.set_grace_end_ms(absl::ToUnixMillis(kUnseal - absl::Hours(1)));
  UpAfterwards(absl::Hours(24 * 7));  // before that
  EXPECT_EQ(Missing(), absl::Minutes(55));
  version_.set_announced_ms(absl::ToUnixMillis(kUnseal));
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

TEST_F(EndNoticeTest, WhatLeakedGetsNone) {
  version_.set_compromised(true);
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

TEST_F(EndNoticeTest, WhatNothingReplacedNeedsNone) {
  version_.set_replaced_ms(0);
  EXPECT_EQ(Missing(), absl::ZeroDuration());
}

}  // namespace
}  // namespace keyturn
