#include "client/cli/shell.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "client/cli/exit_codes.h"
#include "client/cli/profile.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn::cli {
namespace {

// A home of its own, and no variable that the machine may have.
class ShellTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"KEYTURN_ADDR", "KEYTURN_CACERT", "KEYTURN_CLIENT_CERT",
                             "KEYTURN_CLIENT_KEY", "KEYTURN_TOKEN", "KEYTURN_TOKEN_FILE",
                             "KEYTURN_PROFILE", "KEYTURN_INFO_FILE", "KEYTURN_DATA_DIR"}) {
      Set(name, "");
    }
    Set("XDG_CONFIG_HOME", dir_.File("config").c_str());
    Set("XDG_STATE_HOME", dir_.File("state").c_str());
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) Restore(name, value);
  }

  void Set(const std::string& name, const std::string& value) {
    const char* const old = std::getenv(name.c_str());
    before_.emplace(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    Restore(name, value.empty() ? std::nullopt : std::optional<std::string>(value));
  }
  static void Restore(const std::string& name, const std::optional<std::string>& value) {
    if (!value.has_value()) {
      unsetenv(name.c_str());
      return;
    }
    setenv(name.c_str(), value->c_str(), 1);
  }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name)) << text;
    return dir_.File(name);
  }
  absl::Status Run() {
    shell_->Choose("list", [] { return absl::OkStatus(); });
    return shell_->Run();
  }
  // As the next command is: settings are looked up once in each.
  void Anew() {
    const GlobalFlags flags = shell_->flags;
    shell_ = std::make_unique<Shell>();
    shell_->flags = flags;
  }
  // "value from source".
  std::string Where(const std::string& name) {
    const absl::StatusOr<Settings*> settings = shell_->settings();
    if (!settings.ok()) return std::string(settings.status().message());
    return absl::StrCat((**settings)[name], " from ", (*settings)->SourceOf(name));
  }

  const TempDir dir_;
  std::map<std::string, std::optional<std::string>> before_;
  std::unique_ptr<Shell> shell_ = std::make_unique<Shell>();
};

TEST_F(ShellTest, SaysWhyTheProfilesCannotBeRead) {
  Set("XDG_CONFIG_HOME", Write("file", ""));
  EXPECT_EQ(
      Profiles::Load().status().message(),
      absl::StrCat("cannot read ", dir_.File("file"), "/keyturn/config.json: Not a directory"));
}

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

TEST_F(ShellTest, AFlagComesBeforeTheInfoFileTheEnvironmentTheProfileAndTheDefault) {
  EXPECT_EQ(Where("address"), "127.0.0.1:7400 from default");
  ASSERT_OK_AND_ASSIGN(Profiles profiles, Profiles::Load());
  profiles.Set("eu", {.address = "eu:1", .ca_cert = "eu.pem", .client_cert = "", .client_key = ""});
  ASSERT_OK(profiles.Save());
  Anew();
  EXPECT_EQ(Where("address"), "eu:1 from profile eu");
  EXPECT_EQ(Where("ca_cert"), "eu.pem from profile eu");
  Set("KEYTURN_ADDR", "env:2");
  Anew();
  EXPECT_EQ(Where("address"), "env:2 from KEYTURN_ADDR");
  const std::string info = Write("info.json", R"({"grpc": "0.0.0.0:3", "ca_file": "info.pem"})");
  Set("KEYTURN_INFO_FILE", info);
  Anew();
  EXPECT_EQ(Where("address"), "127.0.0.1:3 from info file " + info);
  EXPECT_EQ(Where("ca_cert"), "info.pem from info file " + info);
  shell_->flags.address = "flag:4";
  Anew();
  EXPECT_EQ(Where("address"), "flag:4 from flag --address");
  // A profile that was asked for is not overruled by an info file left in the environment.
  shell_->flags.address = "";
  shell_->flags.profile = "eu";
  Anew();
  EXPECT_EQ(Where("ca_cert"), "eu.pem from profile eu");
}

TEST_F(ShellTest, NamesTheInfoFileThatIsWrong) {
  shell_->flags.info_file = Write("info.json", "[]");
  EXPECT_EQ(Where("address"),
            shell_->flags.info_file + " is not an info file of keyturnd (see --info-file)");
  shell_->flags.info_file = dir_.File("none");
  const absl::Status absent = shell_->settings().status();
  EXPECT_EQ(absent.message(),
            "cannot read " + dir_.File("none") +
                ": No such file or directory; keyturnd writes it once it listens");
  EXPECT_EQ(ExitCodeOf(absent), kExitUnavailable);
}

TEST_F(ShellTest, ATokenComesFromAFileThatWasNamedOrTheEnvironment) {
  EXPECT_EQ(shell_->Token().value(), "");
  Set("KEYTURN_TOKEN", "from-variable");
  EXPECT_EQ(shell_->Token().value(), "from-variable");
  Anew();
  shell_->flags.token_file = Write("token", "  from-file\n");
  EXPECT_EQ(shell_->Token().value(), "from-file");
  Write("token", " \n");
  EXPECT_EQ(shell_->Token().status().message(),
            "the token file " + dir_.File("token") + " is empty");
}

// A token given to another server would be a gift to it.
TEST_F(ShellTest, AStoredTokenGoesOnlyToTheServerItCameFrom) {
  shell_->flags.address = "vault:1";
  shell_->flags.ca_cert = Write("ca.pem", "certificate");
  ASSERT_OK_AND_ASSIGN(const std::string ca, shell_->CaHash());
  StoredToken token;
  token.token = "stored";
  token.address = "vault:1";
  token.ca_sha256 = ca;
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(shell_->Token().value(), "stored");
  token.address = "vault:2";
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(shell_->Token().value(), "");
  token.address = "vault:1";
  token.ca_sha256 = std::string(64, '0');
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(shell_->Token().value(), "");
  token.ca_sha256 = ca;
  token.expire_time = absl::UnixEpoch();
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(shell_->Token().value(), "");
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

}  // namespace
}  // namespace keyturn::cli
