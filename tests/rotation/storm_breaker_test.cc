#include "rotation/storm_breaker.h"

#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

const absl::Time kCalm = absl::FromUnixSeconds(1'800'000'000);

TEST(StormBreaker, TakesTurnsAMinuteApart) {
  StormBreaker breaker;
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm);
  EXPECT_TRUE(breaker.BeginRound(kCalm, 11, 100));
  EXPECT_TRUE(breaker.BeginRound(kCalm, 11, 100));  // nothing has been counted yet
  EXPECT_TRUE(breaker.CountedStarts(kCalm, 11, 100));
  EXPECT_FALSE(breaker.BeginRound(kCalm, 11, 100));  // it goes on
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm);
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm + absl::Minutes(1));
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm + absl::Minutes(2));
  EXPECT_EQ(breaker.held(), 2u);
  breaker.AllDone();
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm);
}

TEST(StormBreaker, StartsAllWithinADay) {
  StormBreaker breaker;
  EXPECT_TRUE(breaker.BeginRound(kCalm, 100'000, 100'000));
  EXPECT_TRUE(breaker.CountedStarts(kCalm, 100'000, 100'000));
  absl::Time last;
  for (int i = 0; i < 100'000; ++i) last = breaker.TakeTurn(kCalm);
  EXPECT_LE(last, kCalm + absl::Hours(24));
  EXPECT_GE(last, kCalm + absl::Hours(23));
}

TEST(StormBreaker, IsWatchedWhileSomebodyLooks) {
  StormBreaker breaker;
  EXPECT_FALSE(breaker.IsWatched(kCalm));
  EXPECT_FALSE(breaker.BeginRound(kCalm, 0, 100));
  EXPECT_TRUE(breaker.IsWatched(kCalm + absl::Minutes(9)));
  EXPECT_FALSE(breaker.IsWatched(kCalm + absl::Minutes(10)));
  EXPECT_FALSE(breaker.is_storm());
  EXPECT_TRUE(breaker.CountedStarts(kCalm, 100, 100));
  EXPECT_TRUE(breaker.IsWatched(kCalm + absl::Minutes(10)));
  EXPECT_TRUE(breaker.is_storm());
}

TEST(StormBreaker, WhatWasForeseenIsNoStorm) {
  StormBreaker breaker;
  EXPECT_FALSE(breaker.BeginRound(kCalm, 0, 1000));
  EXPECT_FALSE(breaker.BeginRound(kCalm + absl::Minutes(9), 1000, 1000));  // looked at all along
}

TEST(StormBreaker, AFewAreNoStorm) {
  StormBreaker ten, few;
  EXPECT_FALSE(ten.BeginRound(kCalm, 10, 10));
  EXPECT_FALSE(few.BeginRound(kCalm, 50, 1000));  // 5 %
  EXPECT_TRUE(few.BeginRound(kCalm + absl::Minutes(10), 51, 1000));
}

TEST(StormBreaker, WhatIsNoStartIsNoStorm) {
  StormBreaker breaker;
  EXPECT_TRUE(breaker.BeginRound(kCalm, 20'000, 20'000));
  EXPECT_FALSE(breaker.CountedStarts(kCalm, 1000, 20'000));
  EXPECT_EQ(breaker.TakeTurn(kCalm), kCalm);
  EXPECT_FALSE(breaker.BeginRound(kCalm, 20'000, 20'000));  // it has been looked at
}

class StormTest : public RotationFixture {
 protected:
  int Current(int secrets, uint64_t version) {
    int out = 0;
    for (int i = 0; i < secrets; ++i) {
      out += Status(absl::StrCat("s", i)).current_version() == version ? 1 : 0;
    }
    return out;
  }
};

TEST_F(StormTest, AfterALongDowntimeRotationsStartOneByOne) {
  constexpr int kSecrets = 20;
  for (int i = 0; i < kSecrets; ++i) {
    ASSERT_OK(Put(absl::StrCat("s", i), "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(absl::StrCat("s", i), Exact()));
    Pass(absl::Minutes(5));
  }
  ASSERT_OK(Put("g", "1", v1::KIND_API_KEY));
  v1::RotationPolicy slow = Exact();
  slow.set_period_seconds(300 * 86'400);
  ASSERT_OK(SetPolicy("g", slow));
  ASSERT_OK(Rotate("g"));  // its grace ends meanwhile
  Pass(absl::Hours(2));
  rotation_->OnSealed();
  clock_.AdvanceTime(Days(100));
  RotationFixture::Open();
  ASSERT_OK(RunDue());
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_storm "), 1);
  EXPECT_EQ(States("s0"), "1 GRACE, 2 CURRENT");  // the oldest
  EXPECT_EQ(Current(kSecrets, 2), 1);
  EXPECT_EQ(rotation_->stats().starts_held, 19u);
  EXPECT_EQ(States("g"), "1 RETIRED, 2 CURRENT");  // ends are not held
  ASSERT_OK(Rotate("s10"));                        // nor is what somebody asks for
  EXPECT_EQ(States("s10"), "1 GRACE, 2 CURRENT");
  ASSERT_OK(Rotate("s11", /*emergency=*/true));
  EXPECT_EQ(States("s11"), "1 DESTROYED!, 2 CURRENT");
  for (int minute = 1; minute < 5; ++minute) {
    clock_.AdvanceTime(absl::Minutes(1));
    ASSERT_OK(RunDue());
    EXPECT_EQ(States(absl::StrCat("s", minute)), "1 GRACE, 2 CURRENT");
    EXPECT_EQ(States(absl::StrCat("s", minute + 1)), "1 CURRENT");
  }
  for (int minute = 5; minute < 20; ++minute) Pass(absl::Minutes(1));
  EXPECT_EQ(Current(kSecrets, 2), kSecrets);
}

TEST_F(StormTest, WhatOnlyGetsItsPlanIsNoStorm) {
  constexpr int kPlanned = 30, kDue = 5;
  for (int i = 0; i < kDue; ++i) {
    ASSERT_OK(Put(absl::StrCat("s", i), "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(absl::StrCat("s", i), Exact()));
  }
  ASSERT_OK(RunDue());
  rotation_->OnSealed();
  clock_.AdvanceTime(Days(100));
  RotationFixture::Open();
  for (int i = 0; i < kPlanned; ++i) ASSERT_OK(Put(absl::StrCat("new", i), "1", v1::KIND_API_KEY));
  ASSERT_OK(RunDue());
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_storm "), 0);
  EXPECT_EQ(Current(kDue, 2), kDue);
  EXPECT_EQ(rotation_->stats().starts_held, 0u);
}

TEST_F(StormTest, EndsOfGracesAreNoStormAndNotCounted) {
  constexpr int kSecrets = 40, kDue = 12;
  for (int i = 0; i < kSecrets; ++i) {
    ASSERT_OK(Put(absl::StrCat("s", i), "1", v1::KIND_API_KEY));
    v1::RotationPolicy policy = Exact();
    policy.set_period_seconds((i < kDue ? 60 : 300) * 86'400);
    ASSERT_OK(SetPolicy(absl::StrCat("s", i), policy));
    ASSERT_OK(Rotate(absl::StrCat("s", i)));
  }
  Pass(absl::Hours(2));
  rotation_->OnSealed();
  clock_.AdvanceTime(Days(30));
  RotationFixture::Open();
  ASSERT_OK(RunDue());
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_storm "), 0);
  EXPECT_EQ(States("s39"), "1 RETIRED, 2 CURRENT");
  rotation_->OnSealed();
  clock_.AdvanceTime(Days(60));
  RotationFixture::Open();
  ASSERT_OK(RunDue());  // 12 starts, and the data of 40 versions
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_storm "), 1);
  EXPECT_EQ(notes_["rotation_storm"], "due=12 of=40");
  EXPECT_EQ(Current(kDue, 3), 1);
}

}  // namespace
}  // namespace keyturn
