// What operators may not ask of a rotation, with the exact answer. What they may is in
// rotation_test.cc.
#include "rotation/operations.h"

#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

constexpr char kInvalid[] = "INVALID_ARGUMENT: ";
constexpr char kPrecondition[] = "FAILED_PRECONDITION: ";

class OperationsTest : public RotationFixture {
 protected:
  void SetUp() override {
    RotationFixture::SetUp();
    ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy("a", Exact()));
  }
  std::string Grace(absl::Time end, uint64_t version = 0, const std::string& reason = "late") {
    v1::SetGraceRequest request;
    request.set_path("a");
    request.set_version(version);
    request.set_reason(reason);
    request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(end));
    return Said(rotation_->SetGrace(*store_, request));
  }
  std::string Retire(uint64_t version, const std::string& reason = "leaked") {
    v1::RetireRequest request;
    request.set_path("a");
    request.set_version(version);
    request.set_reason(reason);
    return Said(rotation_->Retire(*store_, request));
  }
  std::string RollBack(int64_t hold_seconds, const std::string& reason = "it broke") {
    v1::RollbackRequest request;
    request.set_path("a");
    request.set_reason(reason);
    request.set_hold_seconds(hold_seconds);
    return Said(rotation_->Rollback(*store_, request, "oncall"));
  }
};

TEST_F(OperationsTest, WithoutAVersionInGraceNoneIsMovedEndedOrComesBack) {
  const std::string none = absl::StrCat(kPrecondition, "no version is in its grace");
  EXPECT_EQ(Grace(clock_.Now() + Days(1)), none);
  EXPECT_EQ(Retire(0), none);
  EXPECT_EQ(RollBack(0), absl::StrCat(none,
                                      ", and a retired one does not come back; put the value that "
                                      "is wanted"));
  const std::string other = absl::StrCat(kPrecondition, "version 1 is not in its grace");
  EXPECT_EQ(Grace(clock_.Now() + Days(1), 1), other);
  EXPECT_EQ(Retire(1), other);
  EXPECT_EQ(Retire(77), absl::StrCat(kPrecondition, "version 77 is not in its grace"));
  EXPECT_EQ(States("a"), "1 CURRENT");
}

TEST_F(OperationsTest, TheEndOfAGraceIsWithinNinetyDaysFromNow) {
  ASSERT_OK(Rotate("a"));
  const std::string allowed = absl::StrCat(
      kInvalid,
      "end_time: allowed are times after now, within 90 days; to end it now, retire the version");
  EXPECT_EQ(Grace(clock_.Now()), allowed);
  EXPECT_EQ(Grace(clock_.Now() - Days(1)), allowed);
  EXPECT_EQ(Grace(clock_.Now() + Days(90) + absl::Seconds(1)), allowed);
  EXPECT_EQ(Grace(absl::UnixEpoch()), allowed);
  EXPECT_EQ(Status("a").versions(1).grace_end_time().seconds(),
            absl::ToUnixSeconds(clock_.Now() + Days(7)))
      << "as it was";
  EXPECT_EQ(Grace(clock_.Now() + Days(90)), "OK");
  EXPECT_EQ(Grace(clock_.Now() + absl::Seconds(1)), "OK");
}

TEST_F(OperationsTest, TheGreatestAgeBoundsTheEndOfAGrace) {
  v1::RotationPolicy policy = Exact();
  policy.set_max_credential_age_seconds(100 * 86'400);
  ASSERT_OK(SetPolicy("a", policy));
  const absl::Time made = clock_.Now();
  ASSERT_OK(Rotate("a"));
  const absl::Time oldest = made + Days(100);
  EXPECT_EQ(Grace(made + Days(89)), "OK");
  clock_.AdvanceTime(absl::Hours(24 * 20));
  EXPECT_EQ(
      Grace(oldest + absl::Seconds(1)),
      absl::StrCat(kInvalid, "end_time: the policy's max_credential_age ends this version at ",
                   absl::FormatTime(absl::RFC3339_sec, oldest, absl::UTCTimeZone())));
  EXPECT_EQ(Grace(oldest), "OK");
}

TEST_F(OperationsTest, AHoldIsNinetyDaysAtMost) {
  ASSERT_OK(Rotate("a"));
  const std::string allowed =
      absl::StrCat(kInvalid, "hold_seconds: allowed are 0 (24 hours) and 1 to 7776000");
  EXPECT_EQ(RollBack(-1), allowed);
  EXPECT_EQ(RollBack(7'776'001), allowed);
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(RollBack(7'776'000), "OK");
}

TEST_F(OperationsTest, WhatEndsAVersionNeedsAReason) {
  ASSERT_OK(Rotate("a"));
  const std::string why = absl::StrCat(kInvalid, "reason: say why; it is kept in the audit log");
  EXPECT_EQ(Grace(clock_.Now() + Days(1), 0, ""), why);
  EXPECT_EQ(Retire(0, ""), why);
  EXPECT_EQ(RollBack(0, ""), why);
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

}  // namespace
}  // namespace keyturn
