#include "client/cli/exit_codes.h"

#include <gtest/gtest.h>

#include "base/reason.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(ExitCodes, AreThoseOfTheirStatus) {
  const std::pair<absl::StatusCode, int> kCodes[] = {
      {absl::StatusCode::kOk, 0},
      {absl::StatusCode::kInternal, 1},
      {absl::StatusCode::kDataLoss, 1},
      {absl::StatusCode::kCancelled, 1},
      {absl::StatusCode::kInvalidArgument, 2},
      {absl::StatusCode::kOutOfRange, 2},
      {absl::StatusCode::kNotFound, 3},
      {absl::StatusCode::kUnauthenticated, 4},
      {absl::StatusCode::kPermissionDenied, 5},
      {absl::StatusCode::kFailedPrecondition, 6},
      {absl::StatusCode::kAlreadyExists, 6},
      {absl::StatusCode::kAborted, 6},
      {absl::StatusCode::kUnavailable, 7},
      {absl::StatusCode::kDeadlineExceeded, 7},
      {absl::StatusCode::kResourceExhausted, 7},
  };
  for (const auto& [code, exit] : kCodes) EXPECT_EQ(ExitCodeOf(absl::Status(code, "x")), exit);
  EXPECT_EQ(ExitCodeOf(WithExitCode(absl::NotFoundError("x"), 125)), 125);
  // A sealed vault is one to wait for, whatever the code says.
  for (const char* const reason : {"SEALED", "STOPPING"}) {
    EXPECT_EQ(ExitCodeOf(WithReason(absl::FailedPreconditionError("x"), reason)), 7);
  }
}

}  // namespace
}  // namespace keyturn::cli
