#include "base/status_macros.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn {
namespace {

absl::StatusOr<int> Twice(const absl::StatusOr<int>& input, int* evaluated) {
  const auto once = [&] {
    ++*evaluated;
    return input;
  };
  ASSIGN_OR_RETURN(const int value, once());
  RETURN_IF_ERROR(value < 0 ? absl::OutOfRangeError("negative") : absl::OkStatus());
  return 2 * value;
}

TEST(StatusMacros, ReturnErrorsAndEvaluateOnce) {
  int evaluated = 0;
  ASSERT_OK_AND_ASSIGN(const int four, Twice(2, &evaluated));
  EXPECT_EQ(four, 4);
  EXPECT_EQ(evaluated, 1);
  EXPECT_CODE(Twice(absl::AbortedError("x"), &evaluated), kAborted);
  EXPECT_CODE(Twice(-1, &evaluated), kOutOfRange);
  EXPECT_EQ(evaluated, 3);
}

}  // namespace
}  // namespace keyturn
