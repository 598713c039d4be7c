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

}  // namespace
}  // namespace keyturn
