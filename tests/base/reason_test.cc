#include "base/reason.h"

#include <gtest/gtest.h>

namespace keyturn {
namespace {

TEST(Reason, IsTheOneAttachedOrTheCodesName) {
  const absl::Status plain = absl::NotFoundError("no");
  EXPECT_EQ(ReasonOf(plain), "NOT_FOUND");
  const absl::Status with = WithReason(plain, "VERSION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(with), "VERSION_NOT_FOUND");
  EXPECT_EQ(with.code(), plain.code());
  EXPECT_EQ(with.message(), "no");
  EXPECT_EQ(ReasonOf(WithReason(with, "LATER")), "LATER");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_TRUE(WithReason(absl::OkStatus(), "X").ok());
}

TEST(Reason, AWaitStandsBesideIt) {
  const absl::Status plain = absl::ResourceExhaustedError("full");
  EXPECT_EQ(RetryAfterOf(plain), absl::ZeroDuration());
  const absl::Status with = WithRetryAfter(WithReason(plain, "BUSY"), absl::Microseconds(1500));
  EXPECT_EQ(RetryAfterOf(with), absl::Milliseconds(2));
  EXPECT_EQ(ReasonOf(with), "BUSY");
  EXPECT_EQ(RetryAfterOf(WithReason(with, "LATER")), absl::Milliseconds(2));
  EXPECT_EQ(RetryAfterOf(absl::OkStatus()), absl::ZeroDuration());
  EXPECT_TRUE(WithRetryAfter(absl::OkStatus(), absl::Seconds(1)).ok());
}

}  // namespace
}  // namespace keyturn
