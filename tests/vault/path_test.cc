#include "vault/path.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(SecretPath, TakesOrdinaryPaths) {
  for (const char* text : {"a", "a/b", "alcs/production/api-key", "ünï/cødé", "a b", ".env", "...",
                           "100%", "\u2025\u202f"}) {
    const auto path = SecretPath::Parse(text);
    ASSERT_OK(path);
    EXPECT_EQ(path->text(), text);
  }
  EXPECT_EQ(SecretPath::Parse("a/b/c")->segments(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(SecretPath, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "path: is empty; a secret has a name, such as app/api-key"},
      {"/a", "path: segment 1 is empty; write a/b, without a leading, trailing or double '/'"},
      {"a/", "path: segment 2 is empty; write a/b, without a leading, trailing or double '/'"},
      {"a//b", "path: segment 2 is empty; write a/b, without a leading, trailing or double '/'"},
      {"a/../b", "path: segment 2 is \"..\", which is not a name"},
      {"./b", "path: segment 1 is \".\", which is not a name"},
      {"a\nb", "path: segment 1 has a control character"},
      {std::string("a\0b", 3), "path: segment 1 has a control character"},
      {"a\xc2\x85", "path: segment 1 has a control character"},
      {"\xff", "path: segment 1 is not UTF-8"},
      {"\xc0\xaf", "path: segment 1 is not UTF-8"},
      {"\xed\xa0\x80", "path: segment 1 is not UTF-8"},
      {"a\u202eb", "path: segment 1 has a character that changes the direction of text"},
      {"a/\u2066b", "path: segment 2 has a character that changes the direction of text"},
      {"\u200f", "path: segment 1 has a character that changes the direction of text"},
      {"a\\b", "path: segment 1 has a backslash or an encoded '/', which is not allowed"},
      {"a%2Fb", "path: segment 1 has a backslash or an encoded '/', which is not allowed"},
      {"e\xcc\x81", "path: segment 1 is not in Unicode normal form C"},
      {std::string(256, 'x'), "path: segment 1 has 256 bytes; at most 255 are allowed"},
      {std::string(1025, 'x'), "path: has 1025 bytes; at most 1024 are allowed"},
  };
  for (const auto& [text, message] : bad) {
    EXPECT_EQ(SecretPath::Parse(text).status().message(), message) << text;
  }
  std::string deep = "a";
  for (int i = 0; i < 32; ++i) deep += "/a";
  EXPECT_EQ(SecretPath::Parse(deep).status().message(),
            "path: has 33 segments; at most 32 are allowed");
}

TEST(SecretPath, DirectoriesMayBeTheRootAndEndInASlash) {
  EXPECT_TRUE(SecretPath::ParseDirectory("")->is_root());
  EXPECT_EQ(SecretPath::ParseDirectory("a/b/")->text(), "a/b");
  EXPECT_CODE(SecretPath::ParseDirectory("a//"), kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
