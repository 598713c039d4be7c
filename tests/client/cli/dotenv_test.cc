#include "client/cli/dotenv.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string Joined(absl::string_view text) {
  const absl::StatusOr<std::vector<EnvEntry>> entries = ParseDotenv(text);
  if (!entries.ok()) return std::string(entries.status().message());
  std::string out;
  for (const EnvEntry& entry : *entries) {
    absl::StrAppend(&out, entry.line, ":", entry.name, "=[", entry.value.ExposeForCrypto(), "]");
  }
  return out;
}

struct Case {
  const char *text, *expected;
};

TEST(ParseDotenv, ReadsWhatTheDotenvLibrariesRead) {
  const Case kCases[] = {
      {"A=1\nB=2\n", "1:A=[1]2:B=[2]"},
      {"A=1", "1:A=[1]"},
      {"", ""},
      {"# only a comment\n\n", ""},
      {"A=\nB=\"\"\n", "1:A=[]2:B=[]"},
      {"export A=1\n  export   B = 2 \n", "1:A=[1]2:B=[2]"},
      {"A=one two # comment\n", "1:A=[one two]"},
      {"A=one#two\n", "1:A=[one#two]"},
      {"A= # comment\n", "1:A=[]"},
      {"A='it # is \\n $X'\n", "1:A=[it # is \\n $X]"},
      {R"(A="a\nb\tc\"d\\e\$f")", "1:A=[a\nb\tc\"d\\e$f]"},
      {R"(A="a\qb")", "1:A=[a\\qb]"},
      {"A=\"two\nlines\"  # comment\nB=3", "1:A=[two\nlines]3:B=[3]"},
      {"A=1\r\nB='2'\r\n", "1:A=[1]2:B=[2]"},
      {"\xef\xbb\xbf"
       "A=1",
       "1:A=[1]"},
      {"A=${B}$C`d`\n", "1:A=[${B}$C`d`]"},
      {"URL=postgres://u:p@h/d?a=b\n", "1:URL=[postgres://u:p@h/d?a=b]"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Joined(c.text), c.expected) << c.text;
}

TEST(ParseDotenv, NamesTheLineAndNeverTheValue) {
  const Case kCases[] = {
      {"A=1\nhunter2\n", "line 2: expected NAME=VALUE"},
      {"hunter2", "line 1: expected NAME=VALUE"},
      {"1A=hunter2",
       "line 1: the name before '=' must be a letter or '_', then letters, digits and '_'"},
      {"A B=hunter2",
       "line 1: the name before '=' must be a letter or '_', then letters, digits and '_'"},
      {"=hunter2",
       "line 1: the name before '=' must be a letter or '_', then letters, digits and '_'"},
      {"A=1\n\nB=\"hunter2\n", "line 3: the quote that starts here is never closed"},
      {"A='hunter2' x", "line 1: after the closing quote comes the end of the line or a comment"},
      {"A=hunter2\nB=2\nA=3", "line 3: A is given a second time"},
      {"A=\"hunter2\\", "line 1: the quote that starts here is never closed"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Joined(c.text), c.expected) << c.text;
}

TEST(QuoteForDotenv, ComesBackAsItWas) {
  for (const std::string value : {"", "plain", "a\nb", "q\"'\\$x\t\r", "# no comment ", "\\n"}) {
    const absl::StatusOr<SecretBytes> quoted = QuoteForDotenv(value);
    ASSERT_OK(quoted);
    EXPECT_EQ(Joined(absl::StrCat("X=", quoted->ExposeForCrypto())),
              absl::StrCat("1:X=[", value, "]"));
  }
}

TEST(QuoteForShell, KeepsEveryCharacterLiteral) {
  EXPECT_EQ(QuoteForShell("a b$c")->ExposeForCrypto(), "'a b$c'");
  EXPECT_EQ(QuoteForShell("it's")->ExposeForCrypto(), "'it'\\''s'");
  EXPECT_EQ(QuoteForShell("")->ExposeForCrypto(), "''");
  EXPECT_EQ(QuoteForShell(absl::string_view("a\0b", 3)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace keyturn::cli
