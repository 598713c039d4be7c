// `keyturn run`: what the program gets, and how it ends.
#include <sys/stat.h>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class CliRun : public CliTest {
 protected:
  void SetUp() override { Ok("import - --path run/app --overwrite", "API_KEY=hunter2\nPORT=80\n"); }

  ProcessResult RunShell(std::vector<std::string> flags, const std::string& script,
                         std::map<std::string, std::string> environment = {}) {
    std::vector<std::string> words = {"run"};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* const word : {"--", "sh", "-c"}) words.emplace_back(word);
    words.push_back(script);
    return server_->Keyturn(std::move(words), "", std::move(environment));
  }
};

TEST_F(CliRun, GivesSecretsAsVariables) {
  EXPECT_EQ(RunShell({"--path", "run/app"}, "echo $API_KEY $PORT $KEEP", {{"KEEP", "yes"}}).out,
            "hunter2 80 yes\n");
  EXPECT_EQ(RunShell({"--env", "K=run/app/api-key"}, "echo $K").out, "hunter2\n");
  EXPECT_EQ(
      RunShell({"--path", "run/app", "--pristine"}, "echo $API_KEY $KEEP", {{"KEEP", "no"}}).out,
      "hunter2\n");
  std::ofstream(server_->File("app.env"))
      << "A=keyturn://run/app/api-key#value\nB=plain\nPORT=81\n";
  EXPECT_EQ(RunShell({"--path", "run/app", "--env-file", "app.env"}, "echo $A $B $PORT").out,
            "hunter2 plain 81\n");
}

// A delete must not stop what starts next; a secret that was asked for by name must be there.
TEST_F(CliRun, LeavesOutWhatIsDeletedOrDestroyed) {
  Ok("import - --path gone/app", "KEPT=1\nDELETED=2\nDESTROYED=3\n");
  Ok("secret delete gone/app/deleted");
  Ok("secret destroy gone/app/destroyed --versions 1 --confirm gone/app/destroyed");
  const std::string warning =
      "keyturn: warning: 2 of 3 secrets below 'gone/app' left out: gone/app/deleted (deleted), "
      "gone/app/destroyed (destroyed)\n";
  const ProcessResult ran =
      RunShell({"--path", "gone/app"}, "echo $KEPT [${DELETED-none}] [${DESTROYED-none}]");
  EXPECT_EQ(ran.out, "1 [none] [none]\n");
  EXPECT_EQ(ran.err, warning);
  const ProcessResult exported = Run("export gone/app");
  EXPECT_EQ(exported.code, 0);
  EXPECT_EQ(exported.out, "KEPT=\"1\"\n");
  EXPECT_EQ(exported.err, warning);
  EXPECT_EQ(Run("run --env A=gone/app/deleted -- true").code, 125);
  EXPECT_EQ(Run("run --path gone/app --mount A=gone/app/destroyed -- true").code, 125);
  // None left is as none there.
  Ok("secret delete gone/app/kept");
  Fails("export gone/app", 3, "no secret below 'gone/app' can be read: gone/app/deleted (deleted)");
  EXPECT_EQ(Run("run --path gone/app -- true").code, 125);
}

// What is listed and refused is no reason to start with less.
TEST_F(CliRun, ARefusedSecretStopsTheWholeDirectory) {
  Ok("import - --path half/app", "A=1\nB=2\n");
  EXPECT_EQ(server_
                ->Keyturn({"policy", "put", "half-run", "--grant", "secret:list half/*", "--grant",
                           "secret:read half/app/a"})
                .code,
            0);
  Ok("token create --name half-run --policy half-run --output-file half-run.token");
  const ProcessResult ran =
      RunShell({"--token-file", "half-run.token", "--path", "half/app"}, "true");
  EXPECT_EQ(ran.code, 125);
  EXPECT_TRUE(absl::StrContains(ran.err, "half/app/b: ")) << ran.err;
  Fails("export half/app --token-file half-run.token", 5, "half/app/b: ");
}

TEST_F(CliRun, KeepsItsOwnTokenToItself) {
  const std::string token(absl::StripSuffix(Ok("login --no-store"), "\n"));
  const std::map<std::string, std::string> environment = {{"KEYTURN_TOKEN", token}};
  EXPECT_EQ(RunShell({"--path", "run/app"}, "echo [$KEYTURN_TOKEN]", environment).out, "[]\n");
  EXPECT_EQ(
      RunShell({"--path", "run/app", "--pass-token"}, "echo [$KEYTURN_TOKEN]", environment).out,
      "[" + token + "]\n");
}

TEST_F(CliRun, EndsAsTheProgramDoes) {
  EXPECT_EQ(RunShell({"--path", "run/app"}, "exit 7").code, 7);
  EXPECT_EQ(RunShell({"--path", "run/app"}, "kill -KILL $$").code, -SIGKILL);
  // As a child, as process 1 or with --mask, the signal becomes a code.
  EXPECT_EQ(RunShell({"--path", "run/app", "--mask"}, "kill -KILL $$").code, 128 + SIGKILL);
  EXPECT_EQ(RunShell({"--path", "run/app", "--mask"}, "exit 7").code, 7);
  Fails("run --path run/app -- no-such-program", 127, "next: name a program that PATH finds");
  Fails("run --path run/app -- /etc/passwd", 126, "next: name a program that you may execute");
  EXPECT_EQ(Run("run --path run/app --mask -- no-such-program").code, 127);
  EXPECT_EQ(Run("run --path run/none -- true").code, 125);
  EXPECT_EQ(Run("run -- true").code, 125);
  EXPECT_EQ(Run("run --path run/app --no-such-flag -- true").code, 125);
  EXPECT_EQ(Run("run --path run/app stray -- true").code, 125);
  EXPECT_EQ(Run("run --path run/app").code, 125);
  EXPECT_EQ(Run("run --path run/app --on-change sometimes -- true").code, 125);
  Fails("whoami -- x", 2, "only `keyturn run` takes arguments after --");
}

TEST_F(CliRun, MasksWhatTheProgramPrints) {
  const ProcessResult result =
      RunShell({"--path", "run/app", "--mask"}, "echo key=$API_KEY; echo port=$PORT >&2");
  EXPECT_EQ(result.out, "key=***\n");
  EXPECT_EQ(result.err, "port=80\n");  // too short to hide
}

TEST_F(CliRun, RestartsTheProgramWhenASecretChanges) {
  // The program writes what it got, and waits; the pipe tells when it has.
  const std::string fifo = server_->File("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::map<std::string, std::string> environment = {{"HOME", server_->File("home")}};
  const pid_t pid =
      StartProcess({BinFile("keyturn"), "run", "--path", "run/app", "--on-change", "restart", "--",
                    "sh", "-c", "echo $API_KEY > " + fifo + "; exec tail -f /dev/null"},
                   {"", environment, server_->File("")}, server_->File("run.log"));
  const auto next = [&] {
    std::string line;
    std::ifstream pipe(fifo);
    std::getline(pipe, line);
    return line;
  };
  EXPECT_EQ(next(), "hunter2");
  Ok("secret put run/app/api-key --value-file -", "hunter3");
  EXPECT_EQ(next(), "hunter3") << *FileSystem::Posix().Read(server_->File("run.log"));
  kill(pid, SIGTERM);
  EXPECT_EQ(WaitFor(pid), 128 + SIGTERM);
}

}  // namespace
}  // namespace keyturn
