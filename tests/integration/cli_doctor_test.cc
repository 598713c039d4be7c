// `keyturn doctor`: what is wrong is brought about, one thing at a time, and must be found.
#include <sys/stat.h>

#include "tests/integration/cli_fixture.h"
#include "tests/support/certificates.h"

namespace keyturn {
namespace {

// "severity: evidence; fix" of the finding, or "none".
std::string Finding(const ProcessResult& doctor, const std::string& id) {
  const nlohmann::json items = nlohmann::json::parse(doctor.out)["items"];
  for (const nlohmann::json& item : items) {
    if (item["id"] != id) continue;
    return absl::StrCat(item["severity"].get<std::string>(), ": ",
                        item["evidence"].get<std::string>(), "; ", item["fix"].get<std::string>());
  }
  return "none";
}

class DoctorTest : public CliTest {
 protected:
  ProcessResult Doctor(const std::string& flags, int code) {
    ProcessResult result = Run("doctor -o json " + flags);
    EXPECT_EQ(result.code, code) << result.out << result.err;
    return result;
  }
  std::string TokenFile(const std::string& name, const std::string& policy) {
    Ok("token create --name " + name + " --policy " + policy + " --ttl 1h --output-file " + name);
    return server_->File(name);
  }
};

TEST_F(DoctorTest, FindsNothingWrongWithASoundSetUp) {
  const ProcessResult doctor = Doctor("", 0);
  for (const char* const id : {"client_key-mode", "client_key", "ca_cert", "client_cert",
                               "connection", "seal", "identity", "audit-chain"}) {
    EXPECT_TRUE(absl::StartsWith(Finding(doctor, id), "ok: ")) << id << " " << doctor.out;
  }
  EXPECT_EQ(Finding(doctor, "seal"), "ok: the vault is unsealed; ");
  EXPECT_EQ(Finding(doctor, "root-token"), "none");
  EXPECT_EQ(Finding(doctor, "dev-mode"), "none");
}

TEST_F(DoctorTest, FindsATokenThatOthersMayRead) {
  const std::string token = TokenFile("open.token", "root");
  ASSERT_EQ(chmod(token.c_str(), 0644), 0);
  EXPECT_EQ(Finding(Doctor("--token-file " + token, 8), "token_file-mode"),
            "fail: " + token + " may be read by others; chmod 600 " + token);
  ASSERT_EQ(chmod(token.c_str(), 0600), 0);
  EXPECT_EQ(Finding(Doctor("--token-file " + token, 0), "token_file-mode"),
            "ok: " + token + " is for its owner only; ");
}

TEST_F(DoctorTest, FindsACertificateThatIsNone) {
  const std::string file = server_->File("no.pem");
  std::ofstream(file) << "hello\n";
  const std::string finding = Finding(Doctor("--ca-cert " + file, 8), "ca_cert");
  EXPECT_TRUE(absl::StartsWith(finding, "fail: " + file + ": ")) << finding;
  EXPECT_TRUE(absl::EndsWith(finding, "; name another file, see keyturn config explain"));
}

TEST_F(DoctorTest, FindsAServerThatIsAway) {
  const std::string finding =
      Finding(Doctor("--address 127.0.0.1:1 --timeout 500ms", 8), "connection");
  EXPECT_TRUE(absl::StartsWith(finding, "fail: nothing listens at 127.0.0.1:1; start keyturnd"))
      << finding;
}

TEST_F(DoctorTest, FindsAKeyThatIsNotTheCertificates) {
  const TempDir made;
  TestCa(made.path()).Client("other", "spiffe://x/other", absl::Hours(24 * 60));
  const std::string key = made.File("other.key");
  const std::string certificate = server_->File("home/.config/keyturn/profiles/default/client.pem");
  EXPECT_EQ(Finding(Doctor("--client-key " + key, 8), "client_key"),
            absl::StrCat("fail: ", key, " is not the key of ", certificate,
                         "; name both files of one pair, see keyturn config explain"));
  const ProcessResult missing = Doctor("--client-key /nowhere/key", 8);
  EXPECT_TRUE(absl::StartsWith(Finding(missing, "client_key"),
                               "fail: cannot read /nowhere/key: No such file or directory; "))
      << missing.out;
  EXPECT_FALSE(absl::StrContains(missing.out, "is keyturnd running there")) << missing.out;
  const ProcessResult alone =
      server_->Keyturn(Words("doctor -o json --profile none --info-file " + server_->info_file() +
                             " --client-cert " + made.File("other.pem")));
  EXPECT_TRUE(absl::StartsWith(Finding(alone, "client_key"), "fail: there is no key for "))
      << alone.out;
}

TEST_F(DoctorTest, FindsCertificatesOfAnotherCa) {
  const TempDir made;
  TestCa ca(made.path());
  ca.Client("other", "spiffe://x/other", absl::Hours(24 * 60));
  const std::string other = made.File("other");
  EXPECT_EQ(
      Finding(Doctor("--client-cert " + other + ".pem --client-key " + other + ".key", 8),
              "connection"),
      absl::StrCat("fail: the server hung up: it does not take the client certificate ", other,
                   ".pem, which must be signed by this vault's CA for clients and be "
                   "in date; ask an operator of this vault for one: keyturn operator "
                   "issue-certificate"));
  const std::string server = Finding(Doctor("--ca-cert " + ca.file(), 8), "connection");
  EXPECT_TRUE(absl::StartsWith(
      server, "fail: the server's certificate is not signed by the CA in " + ca.file()))
      << server;
  EXPECT_TRUE(absl::StrContains(server, "; name the CA that signed it: --ca-cert FILE ")) << server;
}

TEST_F(DoctorTest, FindsThatNoCertificateIsGiven) {
  const ProcessResult doctor = server_->Keyturn(
      Words("doctor -o json --info-file " + server_->info_file()), "", {{"HOME", "/nowhere"}});
  EXPECT_TRUE(absl::StartsWith(Finding(doctor, "connection"),
                               "fail: the server hung up: it wants a client certificate, and none "
                               "is given; give --client-cert FILE"))
      << doctor.out;
}

TEST_F(DoctorTest, FindsANameWithoutAnAddress) {
  const std::string finding = Finding(Doctor("--address no..name:7400", 8), "connection");
  EXPECT_TRUE(absl::StartsWith(finding, "fail: the name no..name has no address: ")) << finding;
  EXPECT_TRUE(absl::EndsWith(finding, "; mend --address HOST:PORT (flag --address)")) << finding;
}

TEST_F(DoctorTest, SaysHowToRenewACertificateThatEndsSoon) {
  const TempDir made;
  TestCa ca(made.path());
  ca.Client("soon", "spiffe://x/soon", absl::Hours(24 * 3));
  ca.Client("late", "spiffe://x/late", -absl::Hours(1));
  const std::string soon = made.File("soon"), late = made.File("late");
  const std::string warned = Finding(
      Doctor("--client-cert " + soon + ".pem --client-key " + soon + ".key", 8), "client_cert");
  EXPECT_TRUE(absl::StartsWith(warned, "warn: " + soon + ".pem is valid until 20")) << warned;
  EXPECT_TRUE(absl::EndsWith(
      warned, absl::StrCat("; before that: keyturn operator issue-certificate --spiffe-id "
                           "spiffe://x/soon --out renewed, then put renewed.pem and renewed.key in "
                           "the place of ",
                           soon, ".pem and ", soon, ".key")))
      << warned;
  const std::string failed = Finding(
      Doctor("--client-cert " + late + ".pem --client-key " + late + ".key", 8), "client_cert");
  EXPECT_TRUE(absl::StartsWith(failed, "fail: " + late + ".pem has expired, at 20")) << failed;
  EXPECT_TRUE(absl::StrContains(failed, "; ask an operator: keyturn operator issue-certificate "))
      << failed;
}

TEST_F(DoctorTest, FindsThatTheInfoFileIsMissingAndLooksOn) {
  const ProcessResult doctor =
      server_->Keyturn(Words("doctor -o json"), "", {{"KEYTURN_INFO_FILE", "/nowhere/info"}});
  EXPECT_EQ(doctor.code, 8) << doctor.err;
  EXPECT_TRUE(absl::StartsWith(Finding(doctor, "settings"),
                               "fail: cannot read /nowhere/info: No such file or directory"))
      << doctor.out;
  EXPECT_NE(Finding(doctor, "core-dumps"), "none") << doctor.out;
  EXPECT_TRUE(absl::StartsWith(Finding(doctor, "connection"), "ok: reached ")) << doctor.out;
  const ProcessResult flag = Doctor("--info-file /nowhere/info", 8);
  EXPECT_TRUE(absl::StartsWith(Finding(flag, "connection"), "ok: reached ")) << flag.out;
}

TEST_F(DoctorTest, TellsNothingOfAnotherServersSeal) {
  const ProcessResult doctor =
      server_->Keyturn(Words("doctor -o json --address 127.0.0.1:1 --timeout 500ms"), "",
                       {{"KEYTURN_INFO_FILE", server_->info_file()}});
  EXPECT_EQ(doctor.code, 8);
  EXPECT_EQ(Finding(doctor, "seal"), "none") << doctor.out;
}

TEST_F(DoctorTest, FindsATokenThatNobodyKnows) {
  const std::string token = server_->File("dead.token");
  std::ofstream(token) << "kts.forged.token\n";
  ASSERT_EQ(chmod(token.c_str(), 0600), 0);
  const std::string finding = Finding(Doctor("--token-file " + token, 8), "identity");
  EXPECT_TRUE(absl::StartsWith(finding, "fail: ")) << finding;
  EXPECT_TRUE(absl::EndsWith(finding, "; keyturn login")) << finding;
}

TEST_F(DoctorTest, WarnsOfTheRootTokenAndOfWidePolicies) {
  const std::string root = server_->root_token_file();
  EXPECT_EQ(server_->Keyturn({"policy", "put", "wide", "--grant", "secret:read *"}).code, 0);
  const ProcessResult doctor = Doctor("--token-file " + root, 0);
  EXPECT_EQ(Finding(doctor, "root-token"),
            "warn: calls are made with the root token; use a certificate or a token of your own, "
            "and keep the root token offline");
  EXPECT_EQ(Finding(doctor, "wide-policy"),
            "warn: policy wide grants secrets on every path; narrow it: keyturn policy get wide");
  EXPECT_EQ(Run("doctor --fail-on warn --token-file " + root).code, 8);
  Ok("policy delete wide --confirm wide");
  EXPECT_EQ(Finding(Doctor("", 0), "wide-policy"), "none");
}

TEST_F(DoctorTest, TellsOthersNothingOfPolicies) {
  EXPECT_EQ(server_->Keyturn({"policy", "put", "small", "--grant", "secret:read a/*"}).code, 0);
  const ProcessResult doctor = Doctor("--token-file " + TokenFile("small.token", "small"), 0);
  EXPECT_EQ(Finding(doctor, "wide-policy"), "none");
  EXPECT_EQ(Finding(doctor, "audit-chain"), "none");
}

// What is not blocked, overdue or waiting is in tests/client/cli/findings_test.cc.
TEST_F(DoctorTest, FindsRotationsThatNeedSomebody) {
  EXPECT_EQ(Finding(Doctor("", 0), "rotations"), "ok: nothing rotates of what you may list; ");
  Ok("secret put d/held --kind api_key --value-file -", "x");
  EXPECT_EQ(Finding(Doctor("", 0), "rotations"),
            "ok: none of 1 that you may list is blocked, overdue or waits for a value; ");
  Ok("rotation run d/held");
  EXPECT_EQ(Finding(Doctor("", 0), "rotations"),
            "warn: 1 rotation waits for a value: d/held; keyturn secret put d/held");
  EXPECT_EQ(Run("doctor --fail-on warn").code, 8);
  Ok("secret put d/held --value-file -", "y");
  Ok("secret put d/made --value-file -", "x");
  Ok("rotation policy set d/made --source generate --field absent");
  Ok("rotation run d/made");
  EXPECT_EQ(Finding(Doctor("", 0), "rotations"),
            "warn: 1 rotation needs a person: d/made; keyturn rotation blocked says why");
  EXPECT_TRUE(absl::StrContains(Ok("rotation blocked"), "d/made"));
  // Others are told of what they may list.
  EXPECT_EQ(server_->Keyturn({"policy", "put", "elsewhere", "--grant", "secret:list e/*"}).code, 0);
  const ProcessResult other = Doctor("--token-file " + TokenFile("else.token", "elsewhere"), 0);
  EXPECT_FALSE(absl::StrContains(other.out, "d/made")) << other.out;
  EXPECT_EQ(Finding(other, "webhooks"), "none");
}

TEST_F(DoctorTest, LooksAtWebhooks) {
  EXPECT_EQ(Finding(Doctor("", 0), "webhooks"), "none");
  const std::string id =
      Json("webhook add https://127.0.0.1:1/hook -o json")["info"]["id"].get<std::string>();
  EXPECT_EQ(Finding(Doctor("", 0), "webhooks"),
            "ok: nothing was given up of what 1 webhook is told; ");
  // A test is no event that fails for good.
  EXPECT_EQ(Run("webhook test " + id).code, 8);
  EXPECT_NE(Finding(Doctor("", 0), "webhooks"), "none");
  EXPECT_EQ(server_->Keyturn({"policy", "put", "lister", "--grant", "secret:list *"}).code, 0);
  EXPECT_EQ(Finding(Doctor("--token-file " + TokenFile("list.token", "lister"), 0), "webhooks"),
            "none");
}

TEST(DoctorSealTest, FindsAVaultThatIsSealedOrNew) {
  RunningServer server(/*init=*/false);
  const std::string info = " --info-file " + server.info_file();
  const auto run = [&](const std::string& line) { return server.Keyturn(Words(line)); };
  ProcessResult doctor = run("doctor -o json" + info);
  EXPECT_EQ(doctor.code, 8);
  EXPECT_EQ(Finding(doctor, "seal"), "fail: the vault is not initialised; keyturn operator init");
  ASSERT_EQ(run("operator init --seal key-file --root-token-file root.token" + info).code, 0);
  ASSERT_EQ(run("operator seal --confirm seal").code, 0);
  doctor = run("doctor -o json");
  EXPECT_EQ(doctor.code, 8);
  EXPECT_EQ(Finding(doctor, "seal"), "fail: the vault is sealed; keyturn operator unseal");
}

}  // namespace
}  // namespace keyturn
