// docs/OPERATIONS.md on the operator's certificate: its commands are taken out of the document and
// typed in order, before the certificate ends and after it has.
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/integration/cli_fixture.h"
#include "tests/support/certificates.h"

namespace keyturn {
namespace {

constexpr char kOperator[] = "spiffe://keyturn/operator";

// The indented blocks of a section of docs/OPERATIONS.md.
std::vector<std::string> Blocks(const std::string& section) {
  const char* const source = std::getenv("KEYTURN_SOURCE");
  const std::string document = *FileSystem::Posix().Read(
      absl::StrCat(source == nullptr ? "." : source, "/docs/OPERATIONS.md"));
  std::vector<std::string> blocks;
  bool here = false, inside = false;
  for (const absl::string_view line : absl::StrSplit(document, '\n')) {
    if (absl::StartsWith(line, "## ")) here = line.substr(3) == section;
    const bool code = here && absl::StartsWith(line, "    ");
    if (code && !inside) blocks.emplace_back();
    if (code) absl::StrAppend(&blocks.back(), line.substr(4), "\n");
    inside = code;
  }
  return blocks;
}

class OperationsWalk : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(renew_.size(), 1u);
    ASSERT_EQ(return_.size(), 3u);
    std::filesystem::create_directory(server_.File("etc"));
    std::filesystem::rename(server_.File("keyturn.toml"), server_.File("etc/keyturn.toml"));
    std::filesystem::create_symlink("etc/keyturn.toml", server_.File("keyturn.toml"));
    std::filesystem::rename(server_.root_token_file(), server_.File("root.token"));
    std::filesystem::create_symlink(absl::StrCat(std::getenv("KEYTURN_SOURCE"), "/deploy"),
                                    server_.File("deploy"));
  }

  // Types it line by line. A restart is the test's own.
  void Type(const std::string& block) {
    const std::vector<std::string> lines = absl::StrSplit(
        absl::StrReplaceAll(block, {{"\\\n", " "}, {"/etc/keyturn/", server_.File("etc/")}}), '\n',
        absl::SkipEmpty());
    for (const std::string& line : lines) {
      if (absl::StartsWith(line, "systemctl restart keyturnd")) {
        server_.Restart();
        continue;
      }
      ProcessOptions options;
      options.directory = server_.File("");
      options.environment = {{"HOME", server_.File("home")},
                             {"KEYTURN_INFO_FILE", server_.info_file()},
                             {"PATH", absl::StrCat(BinFile(""), ":", std::getenv("PATH"))}};
      const ProcessResult result = RunProcess({"bash", "-c", line}, options);
      ASSERT_EQ(result.code, 0) << line << "\n" << result.out << result.err;
    }
  }
  ProcessResult Run(const std::string& line) {
    return server_.Keyturn(Words(line), "", {{"KEYTURN_INFO_FILE", server_.info_file()}});
  }
  std::string InProfile(const std::string& name) {
    return server_.File("home/.config/keyturn/profiles/default/" + name);
  }
  std::string Certificate() { return *FileSystem::Posix().Read(InProfile("client.pem")); }

  // In place of the operator's certificate, one that has ended.
  void Expire() {
    const TempDir made;
    TestCa(made.path()).Client("old", kOperator, -absl::Hours(1));
    for (const std::string suffix : {".pem", ".key"}) {
      std::filesystem::copy_file(made.File("old" + suffix), InProfile("client" + suffix),
                                 std::filesystem::copy_options::overwrite_existing);
    }
    EXPECT_EQ(Run("secret list").code, 7);
    const ProcessResult doctor = Run("doctor");
    EXPECT_EQ(doctor.code, 8);
    EXPECT_TRUE(absl::StrContains(doctor.out, "has expired, at 20")) << doctor.out;
    EXPECT_TRUE(absl::StrContains(doctor.out,
                                  "\"The operator's certificate has expired\" in "
                                  "docs/OPERATIONS.md has the way back"))
        << doctor.out;
  }

  const std::vector<std::string> renew_ = Blocks("Renew the operator's certificate");
  const std::vector<std::string> return_ = Blocks("The operator's certificate has expired");
  RunningServer server_{/*init=*/true};
};

TEST_F(OperationsWalk, TheCertificateIsRenewedWhileItIsGood) {
  const std::string before = Certificate();
  Type(renew_[0]);
  EXPECT_NE(Certificate(), before);
  EXPECT_EQ(Run("secret list").code, 0);
}

TEST_F(OperationsWalk, AnotherCertificateAndTheRootTokenLeadBack) {
  ASSERT_EQ(Run("operator issue-certificate --spiffe-id spiffe://x/billing --out billing").code, 0);
  Expire();
  // Neither does alone: the token has no connection, the service has no rights.
  EXPECT_EQ(Run("secret list --token-file root.token").code, 7);
  EXPECT_NE(Run("secret list --client-cert billing.pem --client-key billing.key").code, 0);
  Type(return_[0]);
  std::filesystem::rename(server_.File("renewed.key"), InProfile("client.key"));
  std::filesystem::rename(server_.File("renewed.pem"), InProfile("client.pem"));
  EXPECT_EQ(Run("doctor").code, 0);
}

TEST_F(OperationsWalk, WhoConfiguresTheServerFindsTheWayBack) {
  Expire();
  Type(return_[1]);
  Type(return_[2]);
  std::filesystem::rename(server_.File("renewed.key"), InProfile("client.key"));
  std::filesystem::rename(server_.File("renewed.pem"), InProfile("client.pem"));
  EXPECT_EQ(Run("doctor").code, 0);
  EXPECT_FALSE(std::filesystem::exists(server_.File("back")));
}

}  // namespace
}  // namespace keyturn
