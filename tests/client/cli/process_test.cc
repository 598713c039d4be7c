#include "client/cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

class EnvironmentBlockTest : public CliHome {
 protected:
  // The block's entries with one of these names, in order.
  static std::vector<std::string> Entries(EnvironmentBlock block,
                                          const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (char** entry = block.envp(); *entry != nullptr; ++entry) {
      const std::string text = *entry;
      const std::string name = text.substr(0, text.find('='));
      if (std::find(names.begin(), names.end(), name) != names.end()) out.push_back(text);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static Variable Make(const std::string& name, const std::string& value) {
    return {name, *SecretBytes::CopyOf(value), "app#" + name, false, {}};
  }

  using Lines = std::vector<std::string>;
};

TEST_F(EnvironmentBlockTest, VariablesStandOverWhatIsInherited) {
  Set("KEYTURN_TEST_A", "inherited");
  Set("KEYTURN_TEST_AB", "kept");
  std::vector<Variable> variables;
  variables.push_back(Make("KEYTURN_TEST_A", "a = secret"));
  variables.push_back(Make("KEYTURN_TEST_C", ""));
  EXPECT_EQ(Entries(*EnvironmentBlock::Make(variables, false, false),
                    {"KEYTURN_TEST_A", "KEYTURN_TEST_AB", "KEYTURN_TEST_C"}),
            (Lines{"KEYTURN_TEST_A=a = secret", "KEYTURN_TEST_AB=kept", "KEYTURN_TEST_C="}));
}

TEST_F(EnvironmentBlockTest, AFileIsNamedByItsVariableAndLivesAsLongAsTheBlock) {
  std::vector<Variable> variables;
  variables.push_back(Make("KEYTURN_TEST_A", "hunter2"));
  variables.back().is_file = true;
  std::string path;
  {
    ASSERT_OK_AND_ASSIGN(EnvironmentBlock block, EnvironmentBlock::Make(variables, true, false));
    ASSERT_EQ(block.inherited().size(), 1u);
    path = absl::StrCat("/proc/self/fd/", block.inherited()[0]);
    bool found = false;
    for (char** entry = block.envp(); *entry != nullptr; ++entry) {
      found = found || std::string(*entry) == "KEYTURN_TEST_A=" + path;
    }
    EXPECT_TRUE(found);
    std::ifstream in(path);
    std::string content;
    EXPECT_TRUE(std::getline(in, content));
    EXPECT_EQ(content, "hunter2");
  }
  EXPECT_FALSE(std::ifstream(path).is_open());
}

TEST_F(EnvironmentBlockTest, AProgramThatCannotBeRunInheritsNothing) {
  std::vector<Variable> variables;
  variables.push_back(Make("KEYTURN_TEST_A", "hunter2"));
  variables.back().is_file = true;
  ASSERT_OK_AND_ASSIGN(EnvironmentBlock block, EnvironmentBlock::Make(variables, true, false));
  EXPECT_FALSE(Exec({"no-such-program"}, block).ok());
  EXPECT_EQ(fcntl(block.inherited()[0], F_GETFD), FD_CLOEXEC);
}

TEST_F(EnvironmentBlockTest, TheTokenIsInheritedOnlyIfAsked) {
  Set("KEYTURN_TOKEN", "token");
  Set("KEYTURN_TOKEN_FILE", "file");
  const Lines names = {"KEYTURN_TOKEN", "KEYTURN_TOKEN_FILE"};
  EXPECT_EQ(Entries(*EnvironmentBlock::Make({}, false, false), names), Lines());
  EXPECT_EQ(Entries(*EnvironmentBlock::Make({}, false, true), names),
            (Lines{"KEYTURN_TOKEN=token", "KEYTURN_TOKEN_FILE=file"}));
  // One that is given by name is a secret like others.
  std::vector<Variable> variables;
  variables.push_back(Make("KEYTURN_TOKEN", "given"));
  EXPECT_EQ(Entries(*EnvironmentBlock::Make(variables, false, false), names),
            Lines{"KEYTURN_TOKEN=given"});
}

TEST_F(EnvironmentBlockTest, APristineOneHasWhatProgramsNeedAndTheVariables) {
  const Lines kept = {"HOME", "LANG", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"};
  Lines expected;
  for (const std::string& name : kept) {
    Set(name, "x");
    expected.push_back(name + "=x");
  }
  Set("KEYTURN_TOKEN", "token");
  Set("LC_ALL", "x");
  std::vector<Variable> variables;
  variables.push_back(Make("A", "1"));
  expected.insert(expected.begin(), "A=1");
  absl::StatusOr<EnvironmentBlock> block = EnvironmentBlock::Make(variables, true, false);
  ASSERT_OK(block);
  Lines all;
  for (char** entry = block->envp(); *entry != nullptr; ++entry) all.emplace_back(*entry);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace keyturn::cli
