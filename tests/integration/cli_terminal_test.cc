// `keyturn` with a person at a terminal: what is asked, what is shown, and what is not.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class CliTerminal : public CliTest {
 protected:
  ProcessResult Type(const std::string& line, const std::vector<Typed>& typed,
                     std::map<std::string, std::string> environment = {}) {
    return server_->KeyturnOnTerminal(Words(line), typed, std::move(environment));
  }
};

TEST_F(CliTerminal, AValueIsAskedForTwiceAndNotShown) {
  const ProcessResult put = Type("secret put t/one", {{"value (not shown): ", "hunter2"},
                                                      {"value again (not shown): ", "hunter2"}});
  EXPECT_EQ(put.code, 0) << put.out;
  EXPECT_FALSE(absl::StrContains(put.out, "hunter")) << put.out;
  EXPECT_EQ(Ok("secret read t/one"), "hunter2");
}

TEST_F(CliTerminal, TwoThatDifferAreAskedForAgain) {
  const ProcessResult put =
      Type("secret put t/two", {{"value (not shown): ", "hunter2"},
                                {"value again (not shown): ", "hunter3"},
                                {"once more\r\nvalue of t/two#value (not shown): ", "hunter4"},
                                {"value again (not shown): ", "hunter4"}});
  EXPECT_EQ(put.code, 0) << put.out;
  EXPECT_EQ(Ok("secret read t/two"), "hunter4");
}

TEST_F(CliTerminal, WhatCannotBeUndoneNeedsTheNameTyped) {
  Ok("secret put t/three --value-file -", "x");
  const std::string question = "Type t/three to go on: ";
  const ProcessResult wrong = Type("secret destroy t/three --all", {{question, "yes"}});
  EXPECT_EQ(wrong.code, 1) << wrong.out;
  EXPECT_TRUE(absl::StrContains(wrong.out, "not confirmed; nothing was changed")) << wrong.out;
  EXPECT_EQ(Ok("secret read t/three"), "x");
  const ProcessResult right = Type("secret destroy t/three --all", {{question, "t/three"}});
  EXPECT_EQ(right.code, 0) << right.out;
  Fails("secret show t/three", 3, "no secret at t/three");
}

TEST_F(CliTerminal, NothingIsAskedWhenToldSo) {
  const ProcessResult put = Type("secret put t/four --no-input", {});
  EXPECT_EQ(put.code, 2);
  EXPECT_TRUE(absl::StrContains(put.out, "give --value-file FILE")) << put.out;
  EXPECT_EQ(Type("policy delete none --no-input", {}).code, 2);
}

TEST_F(CliTerminal, AValueEndsItsLineAndBinaryIsNotShown) {
  Ok("secret put t/five --value-file -", "hunter2");
  EXPECT_EQ(Type("secret read t/five", {}).out, "hunter2\r\n");
  Ok("secret put t/six --value-file - --encoding binary", "\x1b[2J");
  const ProcessResult binary = Type("secret read t/six", {});
  EXPECT_EQ(binary.code, 2);
  EXPECT_TRUE(absl::StrContains(binary.out, "next: keyturn secret read t/six#value > FILE"))
      << binary.out;
  EXPECT_FALSE(absl::StrContains(binary.out, "\x1b[2J"));
  EXPECT_EQ(Ok("secret read t/six"), "\x1b[2J");
}

TEST_F(CliTerminal, ColoursAreForTerminalsThatWantThem) {
  constexpr absl::string_view kRed = "\x1b[31m";
  EXPECT_TRUE(absl::StrContains(Type("secret read t/none", {}).out, kRed));
  EXPECT_FALSE(absl::StrContains(Type("secret read t/none --no-color", {}).out, kRed));
  EXPECT_FALSE(absl::StrContains(Type("secret read t/none", {}, {{"NO_COLOR", "1"}}).out, kRed));
  EXPECT_FALSE(absl::StrContains(Type("secret read t/none", {}, {{"TERM", "dumb"}}).out, kRed));
  EXPECT_FALSE(absl::StrContains(Run("secret read t/none").err, kRed));
}

TEST_F(CliTerminal, CtrlDGivesUp) {
  const ProcessResult put = Type("secret put t/seven", {{"value (not shown): ", "\x04"}});
  EXPECT_NE(put.code, 0);
  Fails("secret show t/seven", 3, "");
}

}  // namespace
}  // namespace keyturn
