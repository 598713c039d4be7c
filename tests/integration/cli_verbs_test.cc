// Verbs, aliases and flags that no other test types: what each says, and with which exit code.
#include <sys/stat.h>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class CliVerbs : public CliTest {
 protected:
  // Starts `keyturn LINE` with its output in a pipe, and stops it when the test has read enough.
  class Follower {
   public:
    Follower(const std::string& name, const std::string& line)
        : fifo_(server_->File(name + ".fifo")) {
      EXPECT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
      pid_ = StartProcess(
          {"sh", "-c", absl::StrCat("exec ", BinFile("keyturn"), " ", line, " > ", fifo_)},
          {"", {{"HOME", server_->File("home")}}, server_->File("")}, server_->File(name + ".log"));
      pipe_.open(fifo_);
    }
    ~Follower() {
      kill(pid_, SIGTERM);
      EXPECT_EQ(WaitFor(pid_), -SIGTERM);
    }
    std::string Line() {
      std::string line;
      std::getline(pipe_, line);
      return line;
    }

   private:
    const std::string fifo_;
    pid_t pid_ = -1;
    std::ifstream pipe_;
  };
};

TEST_F(CliVerbs, DoWhatTheyAreCalled) {
  struct Row {
    const char* line;
    int code;
    const char* out;  // a part of standard output, or of standard error if the code is not 0
    const char* input = "";
  };
  const Row rows[] = {
      {"secret set v/a --value-file - --ttl 90d", 0, "version  1", "one"},
      {"secret set v/a --value-file - --if-version 1", 0, "version  2", "two"},
      {"secret ls v", 0, "NAME\na\n"},
      {"secret describe v/a", 0, "v/a"},
      {"secret versions v/a", 0, "current"},
      {"secret get v/a -o env", 0, "export A='two'"},
      {"secret get v/a -o raw", 0, "two"},
      {"secret mv v/a v/b", 0, "v/b"},
      {"secret read v/a", 3, "next: keyturn secret list v/"},
      {"secret rm v/b --recovery-window 1h", 0, "deleted"},
      {"secret rm v/b --recovery-window soon", 2, "--recovery-window 'soon'"},
      {"secret read v/b", 6, "secret undelete v/b"},
      {"secret restore v/b", 0, "v/b"},
      {"secret read v/b", 0, "two"},
      {"secret metadata v/b --max-versions 5 --version-ttl 30d", 0, "versions kept  5"},
      {"secret metadata v/b --version-ttl 30d --never-expire", 2, "--never-expire"},
      {"secret purge v/b --all --dry-run", 0, "v/b"},
      {"secret purge v/b --all --confirm v/b", 0, "destroyed"},
      {"secret read v/b", 3, "next: keyturn secret list v/"},
      {"policy set v --grant admin:audit", 0, "v"},
      {"policy show v", 0, "admin:audit"},
      {"role set v --policy v --spiffe-id spiffe://verbs/x", 0, "spiffe://verbs/x"},
      {"role get v", 0, "spiffe://verbs/x"},
      {"role show v", 0, "spiffe://verbs/x"},
      {"role list", 0, "spiffe://verbs/x"},
      {"role get none", 3, "next: keyturn role list shows what there is"},
      {"role rm v --confirm v", 0, "v"},
      {"token create --name v --policy v --period 1h --output-file v.token", 0, "v.token"},
      {"token renew --ttl 30m --token-file v.token", 0, "principal  token:v"},
      {"token create --name w --policy v --period 400d", 2, "--period must be "},
      {"token create --name once --policy v --max-uses 1 --output-file once.token", 0, "uses left"},
      {"whoami --token-file once.token", 0, "token:once"},
      {"whoami --token-file once.token", 4, "next: log in again"},
      {"policy rm v --confirm v", 0, "v"},
      {"profile list", 0, "default"},
      {"profile use none", 3, "none"},
      {"secret put v/c --value-file - --value-fd 0", 2, "--value-fd", "x"},
      {"secret put v/c --value-fd 99", 1, "descriptor 99"},
      {"secret put v/c --value-fd 0", 0, "version  1", "by descriptor"},
      {"secret read v/c", 0, "by descriptor"},
      {"secret put v/c --datum x", 2, "did you mean --data?"},
      {"secret put v/c --zzzz x", 2, "next: keyturn secret put --help"},
  };
  for (const Row& row : rows) {
    const ProcessResult result = Run(row.line, row.input);
    EXPECT_EQ(result.code, row.code) << row.line << "\n" << result.out << result.err;
    const std::string& said = row.code == 0 ? result.out : result.err;
    EXPECT_TRUE(absl::StrContains(said, row.out)) << row.line << "\n" << result.out << result.err;
  }
}

TEST_F(CliVerbs, SecretWatchPrintsChangesAsTheyCome) {
  Ok("secret put w/first --value-file -", "1");
  const std::string revision =
      nlohmann::json::parse(Ok("secret put w/a --value-file - -o json", "1"))["revision"];
  Follower watch("watch", "secret watch w/ --from-revision " + revision);
  Ok("secret put w/a --value-file -", "2");
  EXPECT_TRUE(absl::EndsWith(watch.Line(), "  written  w/a  version 2"));
  Ok("secret rename w/a w/b");
  EXPECT_TRUE(absl::StrContains(watch.Line(), "  renamed  w/a -> w/b"));
}

TEST_F(CliVerbs, AuditTailFollows) {
  Ok("secret put t/a --value-file -", "1");
  Follower tail("tail", "audit tail -f --last 1");
  EXPECT_TRUE(absl::StrContains(tail.Line(), "  secret_written  ok  "));
  Ok("secret list t");
  std::string line = tail.Line();
  while (absl::StrContains(line, "  audit_read  ")) line = tail.Line();  // its own
  EXPECT_TRUE(absl::StrContains(line, "  secret_listed  ok  ")) << line;
}

TEST_F(CliVerbs, AReaderThatHasEnoughIsNoError) {
  Ok("secret put head/a --value-file -", "1");
  // A pipe whose other end is closed.
  const ProcessResult closed =
      RunProcess({"bash", "-c",
                  absl::StrCat("mkfifo nobody; exec 8<>nobody; exec 9>nobody 8<&-; ",
                               BinFile("keyturn"), " secret list head >&9; echo $? >&2")},
                 {"", {{"HOME", server_->File("home")}}, server_->File("")});
  EXPECT_EQ(closed.err, "141\n");
}

TEST_F(CliVerbs, AuditSearchKnowsItsWords) {
  Fails("audit search --event secret_raed", 2, "did you mean secret_read");
  Fails("audit search --outcome foo", 2, "there is no such outcome; there are ok, ");
  Ok("audit search --event secret_read --outcome NOT_FOUND");
}

TEST_F(CliVerbs, HintsFitTheError) {
  Fails("secret generate h/a --policy nope", 3,
        "next: keyturn password-policy list shows what there is\n");
  Fails("login --role nope", 5, "next: an operator binds the certificate to a role: keyturn role");
  Fails("operator init --profile again --info-file " + server_->info_file(), 6,
        "next: keyturn operator status\n");
  Fails("whoami --address 127.0.0.1:1", 7,
        "keyturn: nothing listens at 127.0.0.1:1\nnext: start keyturnd there, or mend --address");
  const ProcessResult issued =
      Run("operator issue-certificate --spiffe-id spiffe://hints/x --out hints");
  EXPECT_EQ(
      issued.err,
      "next: keyturn role put NAME --policy POLICY --spiffe-id spiffe://hints/x, unless a role "
      "has it; the certificate may do nothing before\n");
  Fails("whoami --client-cert hints.pem --client-key hints.key", 4,
        "next: an operator binds the certificate to a role: keyturn role put NAME");
  Fails("whoami --client-cert hints.pem", 2,
        "flag --client-cert names a client certificate, and nothing its key\nnext: give "
        "--client-key FILE too\n");
  Fails("whoami --client-key hints.key", 2, "next: give --client-cert FILE too\n");
}

}  // namespace
}  // namespace keyturn
