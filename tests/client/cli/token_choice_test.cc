#include "client/cli/token_choice.h"

#include <gtest/gtest.h>

#include "client/cli/exit_codes.h"
#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

using TokenChoiceTest = CliHome;

TEST_F(TokenChoiceTest, ATokenComesFromAFileThatWasNamedOrTheEnvironment) {
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

TEST_F(TokenChoiceTest, AStoredTokenGoesOnlyToTheServerItCameFrom) {
  shell_->flags.address = "vault:1";
  shell_->flags.ca_cert = Write("ca.pem", "certificate");
  ASSERT_OK_AND_ASSIGN(const std::string ca, HashOfFile(dir_.File("ca.pem")));
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
  // The certificate may do more than the token did, so it does not take its place unasked.
  token.expire_time = absl::FromUnixSeconds(1'500'000'000);
  ASSERT_OK(SaveToken("default", token));
  const absl::Status expired = shell_->Token().status();
  EXPECT_EQ(expired.message(), "the login of profile default expired at 2017-07-14T02:40:00Z");
  EXPECT_EQ(ExitCodeOf(expired), kExitNotLoggedIn);
}

TEST_F(TokenChoiceTest, AStoredTokenGoesWithTheCertificateItWasGotWith) {
  StoredToken token;
  token.token = "stored";
  token.address = "127.0.0.1:7400";
  ASSERT_OK_AND_ASSIGN(token.client_cert_sha256, HashOfFile(Write("ops.pem", "ops")));
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(LoadToken("default").value()->client_cert_sha256, token.client_cert_sha256);
  shell_->flags.client_cert = dir_.File("ops.pem");
  EXPECT_EQ(shell_->Token().value(), "stored");
  shell_->flags.client_cert = Write("svc.pem", "svc");
  Anew();
  EXPECT_EQ(shell_->Token().value(), "");
  std::string why;
  ASSERT_OK(ChooseToken(**shell_->settings(), shell_->clock().Now(), &why));
  EXPECT_EQ(why, "the stored token is of another client certificate; it is not sent");
}

TEST_F(TokenChoiceTest, SaysWhereTheTokenIsFrom) {
  const auto source = [this] {
    Anew();
    std::string why;
    const auto chosen = ChooseToken(**shell_->settings(), shell_->clock().Now(), &why);
    return chosen.ok() ? chosen->source : std::string(chosen.status().message());
  };
  EXPECT_EQ(source(), "");
  StoredToken token;
  token.token = "stored";
  token.address = "127.0.0.1:7400";
  ASSERT_OK(SaveToken("default", token));
  EXPECT_EQ(source(), "login of profile default");
  const std::string info = Write("info.json", R"({"grpc": "127.0.0.1:7400", "root_token_file": ")" +
                                                  Write("root", "r") + "\"}");
  Set("KEYTURN_INFO_FILE", info);
  EXPECT_EQ(source(), "info file " + info);
  Set("KEYTURN_TOKEN", "variable");
  EXPECT_EQ(source(), "KEYTURN_TOKEN");
  shell_->flags.info_file = info;
  EXPECT_EQ(source(), "info file " + info);
  shell_->flags.info_file = "";
  Set("KEYTURN_TOKEN_FILE", Write("a", "a"));
  EXPECT_EQ(source(), "KEYTURN_TOKEN_FILE");
  shell_->flags.token_file = Write("b", "b");
  EXPECT_EQ(source(), "flag --token-file");
}

}  // namespace
}  // namespace keyturn::cli
