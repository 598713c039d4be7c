#include "client/cli/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/reason.h"
#include "client/cli/exit_codes.h"
#include "client/error_detail.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

const absl::Status kNoSecret = MakeCallStatus(5, "no secret at a/b", "", "request-1");
const Asked kAskedToRead = {.command = "secret read", .path = "a/b", .profile = "second"};

// "exit code: what was said".
std::string Said(const absl::Status& status, const GlobalFlags& flags, const Asked& asked) {
  testing::internal::CaptureStderr();
  const int code = Report(status, flags, asked);
  return absl::StrCat(code, ": ", testing::internal::GetCapturedStderr());
}

TEST(Report, SaysWhatIsWrongAndWhatIsNext) {
  EXPECT_EQ(Said(kNoSecret, {}, kAskedToRead),
            "3: keyturn: no secret at a/b\nnext: keyturn --profile second secret list a/\n"
            "request id: request-1\n");
  EXPECT_EQ(Said(absl::CancelledError("nothing was typed"), {}, kAskedToRead),
            "1: keyturn: nothing was typed\n");
  EXPECT_EQ(Said(absl::OkStatus(), {}, kAskedToRead), "0: ");
  // The command has said it.
  EXPECT_EQ(Said(WithExitCode(absl::PermissionDeniedError(""), kExitCheckFailed), {}, kAskedToRead),
            "8: ");
}

TEST(Report, IsOneObjectForPrograms) {
  GlobalFlags flags;
  flags.output = "json";
  const std::string said = Said(kNoSecret, flags, kAskedToRead);
  ASSERT_EQ(said.substr(0, 3), "3: ");
  EXPECT_EQ(nlohmann::json::parse(said.substr(3)),
            nlohmann::json::parse(R"({"error": {"code": "NOT_FOUND", "reason": "NOT_FOUND",
                "message": "no secret at a/b", "help": "keyturn --profile second secret list a/",
                "request_id": "request-1"}})"));
}

}  // namespace
}  // namespace keyturn::cli
