#include "client/cli/shell.h"

#include <gtest/gtest.h>

#include "client/cli/exit_codes.h"
#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

using ShellTest = CliHome;

TEST_F(ShellTest, RunsWhatWasChosen) {
  bool ran = false;
  shell_->Choose("list", [&] {
    ran = true;
    return absl::NotFoundError("none");
  });
  EXPECT_EQ(shell_->Run(), absl::NotFoundError("none"));
  EXPECT_TRUE(ran);
  EXPECT_EQ(Shell().Run().message(), "no command was given; `keyturn --help` lists them");
}

TEST_F(ShellTest, CommonFlagsAreCheckedBeforeAnythingRuns) {
  const auto refusal = [](const std::function<void(Shell&)>& spoil) {
    Shell shell;
    shell.Choose("list", [] { return absl::InternalError("it ran"); });
    spoil(shell);
    const absl::Status status = shell.Run();
    EXPECT_EQ(ExitCodeOf(status), kExitUsage);
    return std::string(status.message());
  };
  EXPECT_EQ(refusal([](Shell& shell) { shell.flags.output = "xml"; }),
            "unknown output format 'xml'; allowed are table, json, raw, env and dotenv");
  EXPECT_EQ(refusal([](Shell& shell) { shell.flags.timeout = "soon"; }),
            "--timeout 'soon' is not a length of time; write for example 45s, 30m, 12h, 90d or "
            "2w");
  EXPECT_EQ(refusal([](Shell& shell) { shell.flags.request_id = std::string(65, 'x'); }),
            "--request-id has at most 64 bytes");
  EXPECT_EQ(refusal([](Shell& shell) { shell.rest = {"ls"}; }),
            "only `keyturn run` takes arguments after --");
}

TEST_F(ShellTest, OnlyCallsOfOneAnswerEndByThemselves) {
  shell_->flags.request_id = "id";
  ASSERT_OK(Run());
  EXPECT_EQ(shell_->Options().timeout, absl::Seconds(15));
  EXPECT_EQ(shell_->Options().correlation_id, "id");
  EXPECT_EQ(shell_->Options(/*stream=*/true).timeout, std::nullopt);
  shell_->flags.timeout = "2m";
  ASSERT_OK(Run());
  EXPECT_EQ(shell_->Options().timeout, absl::Minutes(2));
  EXPECT_EQ(shell_->Options(/*stream=*/true).timeout, absl::Minutes(2));
}

TEST_F(ShellTest, NothingIsSentToAServerThatNoCaVouchesFor) {
  const absl::Status refused = shell_->Connect().status();
  EXPECT_EQ(refused.message(), "nothing says which CA vouches for the server at 127.0.0.1:7400");
  EXPECT_EQ(ExitCodeOf(refused), kExitUsage);
  shell_->flags.socket = dir_.File("operator.sock");
  Anew();
  EXPECT_EQ(shell_->ConnectLocal().status().message(), "no server answers at the operator socket " +
                                                           dir_.File("operator.sock") +
                                                           " (from flag --socket)");
}

TEST_F(ShellTest, AServerThatAFlagNamesIsTheOnlyOneMeant) {
  shell_->flags.address = "vault:1";
  EXPECT_EQ(shell_->ConnectEither().status().message(),
            "nothing says which CA vouches for the server at vault:1");
  Anew();
  Set("KEYTURN_INFO_FILE",
      Write("info.json", R"({"grpc": "127.0.0.1:3", "operator_socket": "/s"})"));
  EXPECT_EQ(shell_->ConnectEither().status().message(),
            "nothing says which CA vouches for the server at vault:1");
  shell_->flags.address = "";
  Anew();
  EXPECT_EQ(shell_->ConnectEither().status().message(),
            "no server answers at the operator socket /s (from info file " +
                dir_.File("info.json") + ")");
}

TEST_F(ShellTest, AProfileThatIsNotThereIsNotTakenForAnEmptyOne) {
  ASSERT_OK_AND_ASSIGN(Profiles profiles, Profiles::Load());
  profiles.Set("eu", {.address = "eu:1", .ca_cert = "", .client_cert = "", .client_key = ""});
  ASSERT_OK(profiles.Save());
  shell_->flags.profile = "us";
  EXPECT_EQ(shell_->Connect().status().message(), "no profile 'us'; there are: eu");
  shell_->flags.profile = "";
  Set("KEYTURN_PROFILE", "asia");
  Anew();
  EXPECT_EQ(shell_->Connect().status().message(), "no profile 'asia'; there are: eu");
}

TEST_F(ShellTest, AFileOfThisMachineIsNoMissingSecret) {
  shell_->flags.ca_cert = dir_.File("none");
  const absl::Status absent = shell_->Connect().status();
  EXPECT_EQ(absent.message(),
            "cannot read CA file " + dir_.File("none") + ": No such file or directory");
  EXPECT_EQ(ExitCodeOf(absent), kExitError);
}

}  // namespace
}  // namespace keyturn::cli
