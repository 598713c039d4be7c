// `keyturn run --mount`: what the program reads, who else can, and what is left of it.
#include <sys/stat.h>

#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class CliMount : public CliTest {
 protected:
  void SetUp() override {
    Ok("secret put mount/key --value-file - --keep-newline", "hunter2\nend\n");
  }

  ProcessResult RunShell(std::vector<std::string> flags, const std::string& script) {
    std::vector<std::string> words = {"run"};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* const word : {"--", "sh", "-c"}) words.emplace_back(word);
    words.push_back(script);
    return server_->Keyturn(std::move(words));
  }
  pid_t StartShell(std::vector<std::string> flags, const std::string& script) {
    std::vector<std::string> words = {BinFile("keyturn"), "run"};
    words.insert(words.end(), flags.begin(), flags.end());
    for (const char* const word : {"--", "sh", "-c"}) words.emplace_back(word);
    words.push_back(script);
    return StartProcess(words, {"", {{"HOME", server_->File("home")}}, server_->File("")},
                        server_->File("run.log"));
  }

  // Processes of this machine that have a file of `run` with this content.
  static int Holders(const std::string& content) {
    int holders = 0;
    std::error_code error;
    for (const auto& process : std::filesystem::directory_iterator("/proc")) {
      for (const auto& fd : std::filesystem::directory_iterator(process.path() / "fd", error)) {
        const std::string target = std::filesystem::read_symlink(fd.path(), error).string();
        if (!absl::StartsWith(target, "/memfd:keyturn")) continue;
        if (FileSystem::Posix().Read(fd.path().string()).value_or("") == content) ++holders;
      }
    }
    return holders;
  }
};

TEST_F(CliMount, TheProgramReadsTheFileAsOftenAsItLikes) {
  const std::string script =
      "echo ${KEY%%[0-9]*}; cat $KEY; cat < $KEY; wc -c $KEY | cut -d' ' -f1; "
      "env | grep -c hunter2; (echo x > $KEY) 2> /dev/null || echo refused; head -n 1 $KEY";
  const std::string expected =
      "/proc/self/fd/\nhunter2\nend\nhunter2\nend\n12\n0\nrefused\nhunter2\n";
  // In the place of keyturn, and as its child.
  EXPECT_EQ(RunShell({"--mount", "KEY=mount/key"}, script).out, expected);
  EXPECT_EQ(
      RunShell({"--mount", "KEY=keyturn://mount/key#value", "--on-change", "restart"}, script).out,
      expected);
  // Any bytes, and beside variables.
  Ok("secret put mount/raw --value-file -", std::string("\0\xff\n\0", 4));
  EXPECT_EQ(RunShell({"--mount", "RAW=mount/raw", "--mount", "KEY=mount/key", "--env",
                      "K=mount/key", "--pristine"},
                     "cat $RAW; tail -n 1 $KEY; echo \"$K\" | head -n 1")
                .out,
            std::string("\0\xff\n\0", 4) + "end\nhunter2\n");
}

TEST_F(CliMount, TheProgramInheritsThatFileAndNoOther) {
  const std::string count = "ls -l /proc/$$/fd | grep -c memfd; exit 0";
  for (const std::string how : {"none", "restart"}) {
    EXPECT_EQ(RunShell({"--mount", "K=mount/key", "--on-change", how}, count).out, "1\n") << how;
    EXPECT_EQ(RunShell({"--env", "K=mount/key", "--on-change", how}, count).out, "0\n") << how;
  }
}

TEST_F(CliMount, ATemplateIsFilled) {
  std::ofstream(server_->File("app.tmpl"))
      << "password: {{ keyturn://mount/short#value }}\nother: {{ .Values.x }}\n";
  Ok("secret put mount/short --value-file -", "hunter4");
  const std::vector<std::string> flags = {"--mount-template", "CONFIG=app.tmpl"};
  EXPECT_EQ(RunShell(flags, "cat $CONFIG").out, "password: hunter4\nother: {{ .Values.x }}\n");
  // The values in it are hidden, wherever they are shown.
  EXPECT_EQ(RunShell({"--mount-template", "CONFIG=app.tmpl", "--mask"}, "grep pass $CONFIG").out,
            "password: ***\n");
  std::ofstream(server_->File("app.tmpl")) << "\n{{ keyturn://mount/none#value }}\n";
  const ProcessResult none = RunShell(flags, "echo started");
  EXPECT_EQ(none.code, 125);
  EXPECT_EQ(none.out, "");
  EXPECT_TRUE(absl::StrContains(none.err, "line 2: keyturn://mount/none#value")) << none.err;
}

TEST_F(CliMount, IsHiddenInWhatTheProgramPrints) {
  Ok("secret put mount/line --value-file - --keep-newline", "hunter5\n");
  EXPECT_EQ(RunShell({"--mount", "K=mount/line", "--mask"}, "cat $K; echo k=$(cat $K)").out,
            "***\nk=***\n");
}

TEST_F(CliMount, AStartAnewHasTheNewContentAndTheEndLeavesNothing) {
  const std::string fifo = server_->File("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Ok("secret put mount/turned --value-file -", "first-7c1d");
  const pid_t pid =
      StartShell({"--mount", "KEY=mount/turned", "--on-change", "restart"},
                 "read -r value < $KEY; echo $value > " + fifo + "; exec tail -f /dev/null");
  EXPECT_EQ(NextWritten(fifo), "first-7c1d");
  EXPECT_EQ(Holders("first-7c1d"), 1);  // not keyturn itself
  Ok("secret put mount/turned --value-file -", "second-7c1d");
  EXPECT_EQ(NextWritten(fifo), "second-7c1d")
      << *FileSystem::Posix().Read(server_->File("run.log"));
  EXPECT_EQ(Holders("first-7c1d"), 0);
  EXPECT_EQ(Holders("second-7c1d"), 1);
  kill(pid, SIGTERM);
  EXPECT_EQ(WaitFor(pid), 128 + SIGTERM);
  EXPECT_EQ(Holders("second-7c1d"), 0);
}

TEST_F(CliMount, NothingIsLeftOfAProgramThatIsKilled) {
  const std::string fifo = server_->File("fifo2");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Ok("secret put mount/killed --value-file -", "value-91ab");
  const pid_t pid =
      StartShell({"--mount", "KEY=mount/killed"},
                 "read -r value < $KEY; echo $value > " + fifo + "; exec tail -f /dev/null");
  EXPECT_EQ(NextWritten(fifo), "value-91ab");
  EXPECT_EQ(Holders("value-91ab"), 1);
  kill(pid, SIGKILL);
  EXPECT_EQ(WaitFor(pid), -SIGKILL);
  EXPECT_EQ(Holders("value-91ab"), 0);
  // Nor was it ever in a file of this user's.
  const ProcessResult found =
      RunProcess({"grep", "-r", "-l", "--devices=skip", "value-91ab", server_->File("home")}, {});
  EXPECT_EQ(found.code, 1) << found.out;
}

TEST_F(CliMount, WhatIsWrongIsNamed) {
  const auto fails = [this](std::vector<std::string> flags, const std::string& message) {
    const ProcessResult result = RunShell(std::move(flags), "echo started");
    EXPECT_EQ(result.code, 125);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(absl::StrContains(result.err, message)) << result.err;
  };
  fails({"--mount", "mount/key"}, "--mount must be NAME=PATH#FIELD, where the variable NAME will");
  fails({"--mount", "A-B=mount/key"}, "--mount must be NAME=PATH#FIELD");
  fails({"--mount", "K=mount/none"}, "no secret at mount/none");
  fails({"--mount", "K=mount/key#none"}, "none");
  fails({"--mount-template", "K"}, "--mount-template must be NAME=TEMPLATE");
  fails({"--mount-template", "K=/nowhere"}, "cannot read /nowhere: No such file or directory");
  fails({"--mount", "K=mount/key", "--on-change", "signal:HUP"},
        "--mount does not go with --on-change signal, as the file would keep the old value; use "
        "--on-change restart");
  fails({}, "--mount NAME=PATH#FIELD or --mount-template NAME=TEMPLATE");
}

}  // namespace
}  // namespace keyturn
