#include "client/cli/settings.h"

#include <gtest/gtest.h>

#include "client/cli/exit_codes.h"
#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

using SettingsTest = CliHome;

TEST_F(SettingsTest, AFlagComesBeforeTheInfoFileTheEnvironmentTheProfileAndTheDefault) {
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

TEST_F(SettingsTest, NamesTheInfoFileThatIsWrong) {
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

TEST_F(SettingsTest, ASocketIsNamedUnlessAFlagNamesAnotherServer) {
  const auto local = [this] {
    Anew();
    return (*shell_->settings())->local_is_named();
  };
  EXPECT_FALSE(local());
  Set("KEYTURN_DATA_DIR", "/data");
  EXPECT_TRUE(local());
  EXPECT_EQ(Where("operator_socket"), "/data/operator.sock from KEYTURN_DATA_DIR");
  shell_->flags.profile = "eu";
  EXPECT_FALSE(local());
  shell_->flags.info_file =
      Write("info.json", R"({"grpc": "127.0.0.1:3", "operator_socket": "/s"})");
  EXPECT_TRUE(local());
  shell_->flags.address = "vault:1";
  EXPECT_FALSE(local());
  EXPECT_TRUE((*shell_->settings())->remote_is_named());
  shell_->flags.socket = "/other";
  EXPECT_TRUE(local());
  EXPECT_EQ(Where("operator_socket"), "/other from flag --socket");
}

}  // namespace
}  // namespace keyturn::cli
