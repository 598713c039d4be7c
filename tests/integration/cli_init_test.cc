// `keyturn operator init`: a vault is made once, so nothing of it may have nowhere to go, and the
// profile that comes of it must reach the server, or say that it does not.
#include "absl/strings/str_replace.h"
#include "tests/integration/cli_fixture.h"
#include "tests/support/certificates.h"

namespace keyturn {
namespace {

class InitTest : public testing::Test {
 protected:
  ProcessResult Run(const std::string& line, std::map<std::string, std::string> environment = {}) {
    return server_.Keyturn(Words(line), "", std::move(environment));
  }
  std::string Info() { return " --info-file " + server_.info_file(); }
  bool Initialised() {
    const ProcessResult status = Run("operator status -o json" + Info());
    return nlohmann::json::parse(status.out).value("initialized", false);
  }
  bool Exists(const std::string& name) { return std::filesystem::exists(server_.File(name)); }

  RunningServer server_{/*init=*/false};
};

// The command of the line "next: keyturn ...", without its first word.
std::string Next(const ProcessResult& result) {
  const std::string mark = "next: keyturn ";
  const size_t begin = result.err.find(mark);
  if (begin == std::string::npos) return "";
  const size_t end = result.err.find('\n', begin);
  return result.err.substr(begin + mark.size(), end - begin - mark.size());
}

TEST_F(InitTest, DoesNothingWhenTheOperatorsKeyCannotBeKept) {
  const ProcessResult nowhere =
      Run("operator init --seal key-file" + Info(), {{"HOME", "/proc/nohome"}});
  EXPECT_EQ(nowhere.code, 1) << nowhere.err;
  EXPECT_TRUE(absl::StrContains(nowhere.err,
                                "cannot make the directory /proc/nohome: No such file or "
                                "directory; the vault was not initialised"))
      << nowhere.err;
  EXPECT_TRUE(absl::StrContains(nowhere.err, "next: profiles go below XDG_CONFIG_HOME"));
  EXPECT_EQ(nowhere.out, "");
  EXPECT_FALSE(Initialised());
  EXPECT_EQ(Run("operator init --seal key-file" + Info()).code, 0);
}

TEST_F(InitTest, DoesNothingWhenTokenOrSharesCannotBeKept) {
  const std::string profile = "home/.config/keyturn/profiles/default";
  for (const std::string flag : {"--root-token-file", "--shares-file"}) {
    const ProcessResult nowhere = Run("operator init " + flag + " none/file" + Info());
    EXPECT_EQ(nowhere.code, 1) << nowhere.err;
    EXPECT_TRUE(absl::StrContains(nowhere.err, "cannot write none/file")) << nowhere.err;
    EXPECT_TRUE(absl::StrContains(nowhere.err, "next: name a file in a directory")) << nowhere.err;
    EXPECT_FALSE(Initialised());
    EXPECT_FALSE(Exists(profile)) << flag;
  }
  EXPECT_EQ(Run("operator init --root-token-file a --shares-file a" + Info()).code, 2);
  EXPECT_EQ(Run("operator init --seal magic --root-token-file a" + Info()).code, 2);
  EXPECT_FALSE(Exists("a"));
  EXPECT_FALSE(Initialised());
  EXPECT_EQ(Run("operator init --root-token-file a --shares-file b" + Info()).code, 0);
  EXPECT_TRUE(Exists("a") && Exists("b") && Exists(profile + "/client.key"));
}

TEST_F(InitTest, OverwritesNoKeyThatNoProfileHas) {
  const std::string key = server_.File("home/.config/keyturn/profiles/default/client.key");
  std::filesystem::create_directories(std::filesystem::path(key).parent_path());
  std::ofstream(key) << "the only one";
  const ProcessResult init = Run("operator init --seal key-file" + Info());
  EXPECT_EQ(init.code, 6) << init.err;
  EXPECT_TRUE(absl::StrContains(init.err, key + " exists already")) << init.err;
  EXPECT_EQ(*FileSystem::Posix().Read(key), "the only one");
  EXPECT_EQ(Run(Next(init)).code, 0) << init.err;
}

TEST_F(InitTest, TheHintGoesAroundAProfileOfAnotherVault) {
  RunningServer other(/*init=*/true);
  const std::map<std::string, std::string> environment = {
      {"HOME", other.File("home")}, {"KEYTURN_INFO_FILE", server_.info_file()}};
  const ProcessResult init =
      Run("operator init --seal key-file --root-token-file second.token", environment);
  EXPECT_EQ(init.code, 6) << init.err;
  EXPECT_FALSE(absl::StrContains(init.err, "profile rm")) << init.err;
  EXPECT_EQ(Next(init), absl::StrCat("operator init --info-file ", server_.info_file(),
                                     " --seal key-file --root-token-file second.token "
                                     "--profile default-2"));
  const ProcessResult typed = Run(Next(init), environment);
  EXPECT_EQ(typed.code, 0) << typed.err;
  EXPECT_TRUE(Exists("second.token"));
  EXPECT_EQ(other.Keyturn(Words("secret list")).code, 0);
  EXPECT_EQ(Run("secret list --profile default-2", {{"HOME", other.File("home")}}).code, 0);
}

// The profile of the other vault stays the current one, so what is next must name the new one.
TEST_F(InitTest, WhatIsNextComesToTheNewVault) {
  RunningServer other(/*init=*/true);
  const std::map<std::string, std::string> home = {{"HOME", other.File("home")}};
  const ProcessResult init =
      Run("operator init --seal key-file --profile default-2" + Info(), home);
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_TRUE(absl::StrContains(init.err, "keyturn --profile default-2 operator issue-certificate"))
      << init.err;
  const std::string next = Next(init);
  EXPECT_EQ(
      next,
      "--profile default-2 secret put PATH, or keyturn --profile default-2 import FILE --path "
      "DIRECTORY");
  const std::string put =
      absl::StrReplaceAll(next.substr(0, next.find(',')), {{"PATH", "new/secret"}});
  const ProcessResult typed = server_.Keyturn(Words(put + " --value-file -"), "1", home);
  EXPECT_EQ(typed.code, 0) << typed.err;
  EXPECT_EQ(Run("secret read new/secret --profile default-2", home).out, "1");
  EXPECT_EQ(other.Keyturn(Words("secret read new/secret")).code, 3);
  // A hint after an error too.
  EXPECT_EQ(Next(Run("secret read new/none --profile default-2", home)),
            "--profile default-2 secret list new/");
}

TEST_F(InitTest, TheFirstProfileNeedsNoName) {
  const ProcessResult init = Run("operator init --seal key-file --profile first" + Info());
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_EQ(Next(init), "secret put PATH, or keyturn import FILE --path DIRECTORY");
  EXPECT_EQ(Run("secret list").code, 0);
}

TEST_F(InitTest, DoctorNamesTheProfileOfTheServer) {
  RunningServer other(/*init=*/true);
  const std::map<std::string, std::string> home = {{"HOME", other.File("home")}};
  ASSERT_EQ(Run("operator init --seal key-file --profile second" + Info(), home).code, 0);
  // The certificate of one vault, the address of the other.
  const auto finding = [&](const std::string& flags) {
    const ProcessResult doctor = Run("doctor -o json" + flags, home);
    EXPECT_EQ(doctor.code, 8) << doctor.err;
    const nlohmann::json found = nlohmann::json::parse(doctor.out);
    for (const nlohmann::json& item : found["items"]) {
      if (item["id"] == "connection") return item["fix"].get<std::string>();
    }
    return std::string("none");
  };
  const std::string use =
      "the profile second is this server's: keyturn profile use second, or --profile second with "
      "each command";
  EXPECT_EQ(finding(Info()), use);  // its CA, and a client certificate of the other
  EXPECT_EQ(finding(" --address " + server_.Info()["grpc"].get<std::string>()), use);
  EXPECT_EQ(Run("profile use second", home).code, 0);
  EXPECT_EQ(Run("doctor", home).code, 0);
}

TEST_F(InitTest, SaysWhereTheProfileReachesTheVaultAndUntilWhen) {
  const ProcessResult init = Run("operator init --seal key-file" + Info());
  const std::string address = server_.Info()["grpc"];
  EXPECT_TRUE(absl::StrContains(
      init.err, absl::StrCat("The profile 'default' reaches the vault at ", address, ".\n")))
      << init.err;
  EXPECT_TRUE(absl::StrContains(init.err, "The certificate ends on 20")) << init.err;
  EXPECT_TRUE(absl::StrContains(init.err,
                                "keyturn operator issue-certificate --spiffe-id "
                                "spiffe://keyturn/operator --out renewed"))
      << init.err;
}

TEST_F(InitTest, SaysThatNobodyAnswersAtAnAddressThatWasOnlyGuessed) {
  const ProcessResult init = Run("operator init --seal key-file --socket data/operator.sock");
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_TRUE(absl::StrContains(init.err,
                                "The profile 'default' says that the vault is at 127.0.0.1:7400 "
                                "(default), but it does not answer there: "))
      << init.err;
  EXPECT_NE(Run("secret list").code, 0);
  // What it says to type.
  const size_t begin = init.err.find("profile add default --overwrite");
  ASSERT_NE(begin, std::string::npos) << init.err;
  const std::string command =
      absl::StrReplaceAll(init.err.substr(begin, init.err.find('\n', begin) - begin),
                          {{"HOST:PORT", server_.Info()["grpc"].get<std::string>()}});
  EXPECT_EQ(Run(command).code, 0) << command;
  EXPECT_EQ(Run("secret list").code, 0);
}

// The CA of a configured certificate is known to whoever configured it only.
TEST(InitOwnCertificateTest, NeedsTheCaAndSaysSo) {
  const TempDir tls;
  TestCa ca(tls.path());
  ca.Server("server");
  RunningServer server(/*init=*/false,
                       absl::StrCat("[tls]\ncertificate = \"", tls.File("server.pem"),
                                    "\"\nkey = \"", tls.File("server.key"), "\"\n"));
  const std::string init =
      "operator init --seal key-file --address " + server.Info()["grpc"].get<std::string>();
  for (const std::string& where : {absl::StrCat(" --info-file ", server.info_file()),
                                   std::string(" --socket data/operator.sock")}) {
    const ProcessResult refused = server.Keyturn(Words(init + where));
    EXPECT_EQ(refused.code, 2) << refused.err;
    EXPECT_TRUE(absl::StrContains(refused.err, "nothing says which CA vouches for the server"))
        << refused.err;
    EXPECT_TRUE(absl::StrContains(refused.err, "next: add --ca-cert FILE")) << refused.err;
  }
  const ProcessResult made =
      server.Keyturn(Words(init + " --socket data/operator.sock --ca-cert " + ca.file()));
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(absl::StrContains(made.err, "reaches the vault at")) << made.err;
  EXPECT_EQ(server.Keyturn(Words("secret list")).code, 0);
}

}  // namespace
}  // namespace keyturn
