#include "client/cli/api_key_file.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/mac.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string HashOf(const std::string& key) { return HexEncode(Sha256(key)); }

std::string Refused(const std::string& text, const ApiKeyDefaults& defaults = {"p", {}}) {
  const auto lines = ParseApiKeyFile(text, defaults);
  EXPECT_CODE(lines, kInvalidArgument);
  return std::string(lines.status().message());
}

TEST(ApiKeyFile, LinesAreHashesWithPathsAndDescriptions) {
  const std::string text =
      absl::StrCat("# of the old system\r\n\n  ", HashOf("a"), "\n", HashOf("b"),
                   "\tpartners/acme   Acme & Sons, Köln \r\n", HashOf("c"), " partners/x");
  ASSERT_OK_AND_ASSIGN(const std::vector<ApiKeyLine> lines,
                       ParseApiKeyFile(text, {"other", {"read"}}));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].line, 3u);
  EXPECT_EQ(lines[0].entry.sha256(), Sha256("a"));
  EXPECT_EQ(lines[0].entry.path(), "other");
  EXPECT_EQ(lines[0].entry.description(), "");
  EXPECT_EQ(lines[0].entry.scopes(0), "read");
  EXPECT_EQ(lines[1].line, 4u);
  EXPECT_EQ(lines[1].entry.path(), "partners/acme");
  EXPECT_EQ(lines[1].entry.description(), "Acme & Sons, Köln");
  EXPECT_EQ(lines[2].line, 5u);
}

TEST(ApiKeyFile, LinesMayBeJson) {
  const std::string text =
      absl::StrCat("{\"sha256\": \"", HashOf("a"),
                   "\", \"path\": \"a/b\", \"description\": \"x\", \"scopes\": [\"r\", \"w\"]}\n",
                   "{\"sha256\": \"", HashOf("b"), "\", \"scopes\": []}\n");
  ASSERT_OK_AND_ASSIGN(const std::vector<ApiKeyLine> lines,
                       ParseApiKeyFile(text, {"other", {"read"}}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].entry.path(), "a/b");
  EXPECT_EQ(lines[0].entry.description(), "x");
  EXPECT_EQ(lines[0].entry.scopes_size(), 2);
  EXPECT_EQ(lines[1].entry.path(), "other");
  EXPECT_EQ(lines[1].entry.scopes(0), "read");
}

TEST(ApiKeyFile, WhatIsWrongNamesItsLine) {
  const std::string hash = HashOf("a");
  constexpr char kNoHash[] =
      "line 2: does not begin with a SHA-256, which is 64 hexadecimal digits";
  EXPECT_EQ(Refused("\nabc"), kNoHash);
  EXPECT_EQ(Refused("\n" + hash.substr(1)), kNoHash);
  EXPECT_EQ(Refused("\n" + hash + "00"), kNoHash);
  EXPECT_EQ(Refused("\n" + hash.substr(1) + "x"), kNoHash);
  EXPECT_EQ(Refused(hash, {}), "line 1: has no path: put one behind the hash, or give --path");
  EXPECT_EQ(Refused(hash + "\n\n" + hash), "line 3: has the same hash as line 1");
  EXPECT_EQ(Refused(hash + "\n" + std::string(hash)), "line 2: has the same hash as line 1");
  EXPECT_EQ(Refused("{"), "line 1: is no JSON object");
  EXPECT_EQ(Refused("{}"), "line 1: has no sha256");
  EXPECT_EQ(Refused("{\"sha256\": \"" + hash + "\"} x"), "line 1: is no JSON object");
  const std::string fields =
      "line 1: may have sha256, path and description, which are strings, and scopes, a list of "
      "them";
  EXPECT_EQ(Refused("{\"sha\": \"" + hash + "\"}"), fields);
  EXPECT_EQ(Refused("{\"sha256\": 1}"), fields);
  EXPECT_EQ(Refused("{\"sha256\": \"" + hash + "\", \"scopes\": [1]}"), fields);
  EXPECT_EQ(Refused("{\"sha256\": \"" + hash + "\", \"scopes\": \"r\"}"), fields);
  // No message repeats a hash: of a weak key it can be guessed from.
  for (const std::string& text : {hash + "\n" + hash, "\n" + hash + "0"}) {
    EXPECT_FALSE(absl::StrContains(Refused(text), hash.substr(0, 16)));
  }
}

TEST(ApiKeyFile, EntriesOfARequestAreLinesOfTheFile) {
  const std::vector<ApiKeyLine> sent = {{7, {}}, {9, {}}};
  EXPECT_EQ(InLines("entries[1]: has the same hash as entries[0]", sent),
            "line 9: has the same hash as line 7");
  EXPECT_EQ(InLines("entries[2]: x", sent), "entries[2]: x");
  EXPECT_EQ(InLines("entries[x]: x entries[", sent), "entries[x]: x entries[");
  EXPECT_EQ(InLines("", sent), "");
}

TEST(ApiKeyFile, LinesAreNamedUpToTen) {
  EXPECT_EQ(LineNumbers({7}), "line 7");
  EXPECT_EQ(LineNumbers({2, 7}), "lines 2, 7");
  EXPECT_EQ(LineNumbers({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
  EXPECT_EQ(LineNumbers({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13}),
            "lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more");
}

}  // namespace
}  // namespace keyturn::cli
