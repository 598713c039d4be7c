#include "client/cli/report.h"

#include <gtest/gtest.h>

#include "base/reason.h"
#include "client/cli/exit_codes.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(NextStep, IsTheAttachedOneBeforeTheUsualOne) {
  const absl::Status denied = absl::PermissionDeniedError("x");
  EXPECT_EQ(NextStep(denied), "keyturn can-i PERMISSION PATH says which grant is missing");
  EXPECT_EQ(HelpOf(denied), std::nullopt);
  EXPECT_EQ(NextStep(WithHelp(denied, "do this")), "do this");
  EXPECT_EQ(NextStep(WithReason(absl::FailedPreconditionError("x"), "SEALED")),
            "unseal the vault: keyturn operator unseal");
  EXPECT_EQ(NextStep(absl::NotFoundError("x")), "");
}

}  // namespace
}  // namespace keyturn::cli
