#include "auth/lockout.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class LockoutTest : public testing::Test {
 protected:
  void Fail(const std::string& source, int times) {
    for (int i = 0; i < times; ++i) lockout_.CountFailure(source);
  }

  SimulatedClock clock_;
  Lockout lockout_{clock_};
};

TEST_F(LockoutTest, LocksASourceOutForAWhile) {
  Fail("a", limits::kLockoutFailures - 1);
  EXPECT_OK(lockout_.Check("a"));
  Fail("a", 1);
  EXPECT_CODE(lockout_.Check("a"), kResourceExhausted);
  EXPECT_OK(lockout_.Check("b"));
  clock_.AdvanceTime(absl::Seconds(limits::kLockoutSeconds));
  EXPECT_OK(lockout_.Check("a"));
}

TEST_F(LockoutTest, SaysHowLongToWait) {
  Fail("a", limits::kLockoutFailures);
  clock_.AdvanceTime(absl::Milliseconds(500));
  EXPECT_EQ(lockout_.Check("a"),
            WithRetryAfter(absl::ResourceExhaustedError(
                               "too many failed attempts from this address; try again in 60 s"),
                           absl::Seconds(60)));
  clock_.AdvanceTime(absl::Seconds(59));
  EXPECT_EQ(lockout_.Check("a").message(),
            "too many failed attempts from this address; try again in 1 s");
}

TEST_F(LockoutTest, TheWhileBeginsWithTheFirstFailure) {
  Fail("a", 1);
  clock_.AdvanceTime(absl::Seconds(limits::kLockoutSeconds - 1));
  Fail("a", limits::kLockoutFailures - 1);
  EXPECT_CODE(lockout_.Check("a"), kResourceExhausted);
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_OK(lockout_.Check("a"));
}

TEST_F(LockoutTest, FailuresOfAWhileThatIsOverDoNotCount) {
  Fail("a", limits::kLockoutFailures - 1);
  clock_.AdvanceTime(absl::Seconds(limits::kLockoutSeconds));
  Fail("a", limits::kLockoutFailures - 1);
  EXPECT_OK(lockout_.Check("a"));
  Fail("a", 1);
  EXPECT_CODE(lockout_.Check("a"), kResourceExhausted);
}

TEST_F(LockoutTest, ManyOtherSourcesDoNotFreeWhoIsLockedOut) {
  Fail("bad", limits::kLockoutFailures);
  for (size_t i = 0; i <= limits::kLockoutSourcesMax; ++i) Fail(absl::StrCat("other", i), 1);
  EXPECT_CODE(lockout_.Check("bad"), kResourceExhausted);
}

TEST_F(LockoutTest, WhenFullWhatIsOverGoesAndWhoIsLockedOutStays) {
  for (size_t i = 1; i < limits::kLockoutSourcesMax; ++i) Fail(absl::StrCat("old", i), 1);
  clock_.AdvanceTime(absl::Seconds(limits::kLockoutSeconds));
  Fail("bad", limits::kLockoutFailures);
  Fail("new", 1);
  EXPECT_CODE(lockout_.Check("bad"), kResourceExhausted);
}

}  // namespace
}  // namespace keyturn
