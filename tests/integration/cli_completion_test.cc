// `keyturn completion`: each script is read by its shell, which then completes what was typed.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

std::string Script(const std::string& shell) {
  return RunProcess({BinFile("keyturn"), "completion", shell}).out;
}

// With keyturn in the path, and nothing of this machine's user.
ProcessOptions In(const TempDir& home) {
  ProcessOptions options;
  const char* const path = std::getenv("PATH");
  options.environment = {{"HOME", home.path()},
                         {"XDG_CONFIG_HOME", home.File("config")},
                         {"XDG_DATA_HOME", home.File("data")},
                         {"PATH", absl::StrCat(BinFile(""), ":", path == nullptr ? "" : path)}};
  return options;
}

TEST(Completion, IsAScriptThatItsShellReads) {
  const TempDir home;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    std::ofstream(home.File(shell)) << Script(shell);
    const ProcessResult read = RunProcess({shell, "-n", home.File(shell)}, In(home));
    EXPECT_EQ(read.code, 0) << shell << "\n" << read.err;
    EXPECT_EQ(read.err, "") << shell;
  }
  const ProcessResult none = RunProcess({BinFile("keyturn"), "completion", "tcsh"});
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(absl::StrContains(none.err, "no completion for 'tcsh'; allowed are bash, zsh, fish"));
}

TEST(Completion, OfBash) {
  ProcessOptions options;
  options.input = Script("bash");
  const ProcessResult words =
      RunProcess({"bash", "-c",
                  "source /dev/stdin; COMP_WORDS=(keyturn secret ge); COMP_CWORD=2; _keyturn; "
                  "echo ${COMPREPLY[@]}"},
                 options);
  EXPECT_EQ(words.out, "get generate\n") << words.err;
}

TEST(Completion, OfFish) {
  const TempDir home;
  std::ofstream(home.File("script")) << Script("fish");
  // The words before their descriptions, in one line.
  const auto complete = [&](const std::string& typed) {
    const ProcessResult result =
        RunProcess({"fish", "--no-config", "-c",
                    absl::StrCat("source ", home.File("script"), "; complete -C '", typed, "'")},
                   In(home));
    EXPECT_EQ(result.code, 0) << result.err;
    std::string words;
    for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
      absl::StrAppend(&words, words.empty() ? "" : " ", line.substr(0, line.find('\t')));
    }
    return words;
  };
  EXPECT_EQ(complete("keyturn secret ge"), "generate get");
  EXPECT_EQ(complete("keyturn operator rewrap st"), "status");
  EXPECT_EQ(complete("keyturn --profile p secret get a/b --rev"), "--reveal");
  EXPECT_EQ(complete("keyturn policy list --rec"), "");  // of another `list`
  EXPECT_EQ(complete("keyturn secret list --rec"), "--recursive");
  EXPECT_EQ(complete("keyturn secret list --prof"), "--profile");  // taken everywhere
}

// Completion is a part of zsh's line editor: a person at a terminal types a tab.
TEST(Completion, OfZsh) {
  const TempDir home;
  ProcessOptions options = In(home);
  for (const char* const name : {"PS1", "PROMPT"}) options.environment.insert({name, "READY> "});
  options.environment.insert({"TERM", "xterm"});
  const ProcessResult zsh = RunOnTerminal(
      {"zsh", "-f", "-i"}, options,
      {{"READY> ", "source <(keyturn completion zsh) && echo it is loa''ded"},
       {"it is loaded", "keyturn secret gener\t--help | head -n 1; echo that was a''ll"},
       {"that was all", "exit"}});
  EXPECT_EQ(zsh.code, 0) << zsh.out;
  EXPECT_TRUE(absl::StrContains(zsh.out, "keyturn secret generate")) << zsh.out;
  EXPECT_TRUE(absl::StrContains(zsh.out, "Write a new version with a value that the server makes"))
      << zsh.out;
}

}  // namespace
}  // namespace keyturn
