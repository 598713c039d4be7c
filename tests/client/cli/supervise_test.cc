// A program that is looked after. Each test's supervisor is a process of its own, as it takes the
// process's signals and children; the program sends it signals and tells it of changes. All that
// waits gives up after some rounds, so that a failing test leaves nothing running.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_codes.h"
#include "client/cli/process.h"
#include "tests/client/cli/cli_home.h"
#include "tests/support/process.h"

namespace keyturn::cli {
namespace {

using OnChange = SuperviseOptions::OnChange;

class SuperviseTest : public CliHome {
 protected:
  void SetUp() override {
    CliHome::SetUp();
    ASSERT_EQ(mkfifo(dir_.File("changed").c_str(), 0600), 0);
  }

  static std::vector<Variable> Secret(const std::string& value) {
    std::vector<Variable> variables;
    variables.push_back({"SECRET", *SecretBytes::CopyOf(value), "app#secret", false, {}});
    return variables;
  }
  static std::vector<Variable> File(const std::string& content) {
    std::vector<Variable> variables;
    variables.push_back({"FILE", *SecretBytes::CopyOf(content), "app#file", true, {}});
    return variables;
  }
  static absl::StatusOr<std::vector<Variable>> Nothing() { return std::vector<Variable>(); }

  // Runs `sh -c script` in the test's directory. A change is when the script writes to `changed`.
  ProcessResult RunShell(const std::string& script, SuperviseOptions options = {},
                         const FetchVariables& fetch = Nothing) {
    const pid_t pid = fork();
    if (pid == 0) Become(script, options, fetch);
    ProcessResult result;
    result.code = WaitFor(pid);
    result.out = Contents("out");
    result.err = Contents("err");
    return result;
  }
  // Shell that waits for a condition, or for a signal to come.
  static std::string Await(const std::string& condition = "false", int rounds = 1'000'000) {
    return absl::StrCat("i=0; until ", condition, " || [ $i = ", rounds,
                        " ]; do i=$((i+1)); done; ");
  }
  // As `seq 1 count` prints.
  static std::string Lines(int count) {
    std::string lines;
    for (int i = 1; i <= count; ++i) absl::StrAppend(&lines, i, "\n");
    return lines;
  }

  std::string Contents(const std::string& name) const {
    std::ifstream in(dir_.File(name));
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  [[noreturn]] void Become(const std::string& script, SuperviseOptions options,
                           const FetchVariables& fetch) {
    alarm(30);
    if (chdir(dir_.path().c_str()) != 0) _exit(98);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open("out", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600), STDOUT_FILENO);
    dup2(open("err", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    options.change_fd = open("changed", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    std::signal(SIGPIPE, SIG_IGN);
    BlockSupervisedSignals();
    const auto code = Supervise({"sh", "-c", script}, false, false, fetch, options);
    _exit(code.value_or(97));
  }
};

TEST_F(SuperviseTest, WhatCannotBeRunSaysWhy) {
  const auto start = [this](const std::string& program) {
    return Supervise({program}, false, false, Nothing, {}).status();
  };
  const absl::Status absent = start("no-such-program");
  EXPECT_EQ(absent.message(), "cannot run no-such-program: No such file or directory");
  EXPECT_EQ(ExitCodeOf(absent), kExitNoCommand);
  std::ofstream(dir_.File("text")) << "no program";
  for (const std::string& refused : {dir_.File("text"), dir_.path()}) {
    EXPECT_EQ(start(refused).message(), "cannot run " + refused + ": Permission denied");
    EXPECT_EQ(ExitCodeOf(start(refused)), kExitNotRunnable);
  }
}

TEST_F(SuperviseTest, WithoutSecretsNothingIsRun) {
  const auto refused =
      Supervise({"touch", dir_.File("ran")}, false, false,
                [] { return absl::PermissionDeniedError("no grant for app"); }, {});
  EXPECT_EQ(refused.status().ToString(), "PERMISSION_DENIED: no grant for app");
  EXPECT_FALSE(std::filesystem::exists(dir_.File("ran")));
}

TEST_F(SuperviseTest, TheProgramHasTheSecretsAndNotTheToken) {
  Set("KEYTURN_TOKEN", "token");
  Set("KEYTURN_TOKEN_FILE", "file");
  const ProcessResult result = RunShell("echo $SECRET [$KEYTURN_TOKEN$KEYTURN_TOKEN_FILE]", {},
                                        [] { return Secret("hunter2"); });
  EXPECT_EQ(result.out, "hunter2 []\n");
  EXPECT_EQ(result.code, 0);
}

TEST_F(SuperviseTest, SignalsArePassedOn) {
  for (const std::string signal :
       {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "TSTP", "WINCH"}) {
    const std::string script =
        "trap 'exit 3' " + signal + "; kill -" + signal + " $PPID; " + Await() + "exit 99";
    EXPECT_EQ(RunShell(script).code, 3) << signal;
  }
}

TEST_F(SuperviseTest, SignalsReachWhatTheProgramHasStarted) {
  EXPECT_EQ(RunShell("trap : USR1; export PARENT=$PPID; "
                     "sh -c 'trap \"exit 4\" USR1; kill -USR1 $PARENT; " +
                     Await() + "exit 99'; exit $?")
                .code,
            4);
}

// Although the supervisor blocks many and ignores this one.
TEST_F(SuperviseTest, TheProgramStartsWithNoSignalBlockedOrIgnored) {
  EXPECT_EQ(RunShell("exec grep SigBlk /proc/self/status").out, "SigBlk:\t0000000000000000\n");
  EXPECT_EQ(RunShell("kill -PIPE $$; exit 99").code, 128 + SIGPIPE);
}

TEST_F(SuperviseTest, AChangeIsASignalIfSoAsked) {
  const std::string script =
      "trap 'exit 3' USR1; trap 'exit 4' HUP; echo > changed; " + Await() + "exit 99";
  EXPECT_EQ(RunShell(script, {.on_change = OnChange::kSignal, .change_signal = SIGUSR1}).code, 3);
  EXPECT_EQ(RunShell(script, {.on_change = OnChange::kSignal, .change_signal = SIGHUP}).code, 4);
}

TEST_F(SuperviseTest, AChangeStartsTheProgramAnewWithTheNewSecrets) {
  int fetched = 0;
  const ProcessResult result =
      RunShell("echo the secret is $SECRET; [ $SECRET = new-secret ] && exit 5; echo > changed; " +
                   Await() + "exit 99",
               {.mask = true, .on_change = OnChange::kRestart},
               [&fetched] { return Secret(++fetched == 1 ? "old-secret" : "new-secret"); });
  EXPECT_EQ(result.code, 5);
  EXPECT_EQ(result.out, "the secret is ***\nthe secret is ***\n");
  EXPECT_EQ(result.err, "keyturn: the secrets changed; restarting sh\n");
}

// A process that the program left behind has its streams, and goes on when the program starts anew.
TEST_F(SuperviseTest, AStartAnewTakesNoMoreDescriptors) {
  int fetched = 0;
  const ProcessResult result = RunShell(
      "setsid tail --pid=$PPID -f /dev/null & [ $SECRET = v5 ] && exit 5; echo > changed; " +
          Await() + "exit 99",
      {.mask = true, .on_change = OnChange::kRestart}, [&fetched] {
        const std::filesystem::directory_iterator open("/proc/self/fd");
        std::ofstream("open", std::ios::app) << std::distance(begin(open), end(open)) << "\n";
        return Secret(absl::StrCat("v", ++fetched));
      });
  EXPECT_EQ(result.code, 5);
  std::istringstream counts(Contents("open"));
  std::vector<int> open{std::istream_iterator<int>(counts), {}};
  ASSERT_EQ(open.size(), 5u);
  EXPECT_EQ(open[4], open[1]);
}

// Also by way of a program that it starts, and nothing else is inherited.
TEST_F(SuperviseTest, AFileIsInheritedByTheProgramAndNothingElseIs) {
  const ProcessResult result = RunShell(
      "cat $FILE; cat < $FILE; ls -l /proc/self/fd | grep -c memfd; cd /proc/$PPID/fd; "
      "ls -l | grep -c memfd",
      {.on_change = OnChange::kRestart}, [] { return File("hunter2\n"); });
  EXPECT_EQ(result.out, "hunter2\nhunter2\n1\n0\n");
}

TEST_F(SuperviseTest, AStartAnewHasTheNewFileAndNotTheOldOne) {
  int fetched = 0;
  const ProcessResult result = RunShell(
      "cat $FILE; ls -l /proc/self/fd | grep -c memfd; grep -q v3 $FILE && exit 5; "
      "echo > changed; " +
          Await() + "exit 99",
      {.on_change = OnChange::kRestart},
      [&fetched] { return File(absl::StrCat("v", ++fetched, "\n")); });
  EXPECT_EQ(result.code, 5);
  EXPECT_EQ(result.out, "v1\n1\nv2\n1\nv3\n1\n");
}

TEST_F(SuperviseTest, WhatAFileHoldsIsHidden) {
  const ProcessResult result =
      RunShell("cat $FILE; echo $(cat $FILE); echo part: hunter3", {.mask = true}, [] {
        std::vector<Variable> variables = File("hunter2 hunter3\n");
        variables[0].parts.push_back(*SecretBytes::CopyOf("hunter3"));
        return variables;
      });
  EXPECT_EQ(result.out, "***\n***\npart: ***\n");
}

TEST_F(SuperviseTest, WhileTheSecretsCannotBeReadTheProgramRunsOn) {
  int fetched = 0;
  const ProcessResult result = RunShell("echo > changed; " + Await("[ -e asked ]") + "exit 6",
                                        {.on_change = OnChange::kRestart},
                                        [&fetched]() -> absl::StatusOr<std::vector<Variable>> {
                                          if (++fetched == 1) return Secret("hunter2");
                                          close(creat("asked", 0600));
                                          return absl::UnavailableError("the vault is sealed");
                                        });
  EXPECT_EQ(result.code, 6);
  EXPECT_EQ(result.err,
            "keyturn: the secrets changed and cannot be read: the vault is sealed; sh runs on\n");
}

// Or nobody could end a program that is told to restart while it is stopping.
TEST_F(SuperviseTest, ATermWhileItRestartsIsTheEnd) {
  const ProcessResult result = RunShell(
      "echo started; "
      "trap 'n=$((n+1)); [ $n = 1 ] && kill -TERM $PPID; [ $n = 2 ] && exit 4' TERM; n=0; "
      "echo > changed; " +
          Await() + "exit 99",
      {.on_change = OnChange::kRestart});
  EXPECT_EQ(result.code, 4);
  EXPECT_EQ(result.out, "started\n");
}

TEST_F(SuperviseTest, AValueWrittenInPiecesIsHiddenInBothStreams) {
  const ProcessResult result = RunShell(
      "printf 'one hun'; printf 'ter2, two hun'; printf 'hun' >&2; printf 'ter2 hunter' >&2",
      {.mask = true}, [] { return Secret("hunter2"); });
  EXPECT_EQ(result.out, "one ***, two hun");
  EXPECT_EQ(result.err, "*** hunter");
}

// More than a pipe holds.
TEST_F(SuperviseTest, NothingThatIsMaskedIsLost) {
  EXPECT_TRUE(RunShell("seq 1 20000", {.mask = true}).out == Lines(20'000));
}

// The supervisor is stopped until the program has ended, and has all of its output before it then.
TEST_F(SuperviseTest, WhatTheProgramWroteLastIsNotLost) {
  const std::string script = "kill -STOP $PPID; (" +
                             Await("grep -q State:.Z /proc/$$/status", 2000) +
                             "kill -CONT $PPID) > /dev/null 2>&1 & exec seq 1 10000";
  EXPECT_TRUE(RunShell(script, {.mask = true}).out == Lines(10'000));
}

TEST_F(SuperviseTest, EndsWithTheProgramThoughItsOutputIsHeldOpen) {
  const ProcessResult result =
      RunShell("tail -f /dev/null & echo $! > tail; echo last words; exit 7", {.mask = true});
  kill(static_cast<pid_t>(std::stoi(Contents("tail"))), SIGKILL);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.out, "last words\n");
}

}  // namespace
}  // namespace keyturn::cli
