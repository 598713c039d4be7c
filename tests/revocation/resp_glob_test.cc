#include "revocation/commands/glob.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace keyturn {
namespace {

using std::string_view_literals::operator""sv;

struct GlobRow {
  std::string_view pattern, text;
  bool matches;
};

// What redis-server 7.0.15 answered to KEYS, of patterns chosen for its oddities and of random
// ones.
constexpr GlobRow kGlobRows[] = {
    {"*"sv, "a"sv, true},
    {"*"sv, ""sv, false},
    {""sv, ""sv, true},
    {""sv, "a"sv, false},
    {"**"sv, ""sv, false},
    {"a*"sv, "a"sv, true},
    {"a**"sv, "a"sv, true},
    {"*a*b*"sv, "xaxb"sv, true},
    {"?"sv, ""sv, false},
    {"?"sv, "a"sv, true},
    {"["sv, "["sv, false},
    {"["sv, "a"sv, false},
    {"[^"sv, "a"sv, true},
    {"[]"sv, "]"sv, false},
    {"[^]"sv, "a"sv, true},
    {"[]a"sv, "a"sv, false},
    {"[a"sv, "a"sv, true},
    {"[abc"sv, "c"sv, true},
    {"[a-"sv, "-"sv, true},
    {"[a-"sv, "b"sv, false},
    {"[a-c"sv, "b"sv, true},
    {"[a-c]"sv, "b"sv, true},
    {"[c-a]"sv, "b"sv, true},
    {"[a-]"sv, "^"sv, true},
    {"[a-]"sv, "b"sv, false},
    {"[a-]]"sv, "_]"sv, false},
    {"[\\]]"sv, "]"sv, true},
    {"[\\"sv, "\\"sv, true},
    {"[^a-c]"sv, "d"sv, true},
    {"[^a-c]"sv, "b"sv, false},
    {"\\*"sv, "*"sv, true},
    {"\\*"sv, "a"sv, false},
    {"\\"sv, "\\"sv, true},
    {"a\\"sv, "a\\"sv, true},
    {"\\a"sv, "a"sv, true},
    {"[\200-\377]"sv, "\220"sv, true},
    {"[a-\377]"sv, "z"sv, false},
    {"[a-\377]"sv, "A"sv, true},
    {"[\377-a]"sv, "\020"sv, true},
    {"*[ab]?x"sv, "aabzx"sv, true},
    {"a*b*c"sv, "abbc"sv, true},
    {"a*b*c"sv, "abb"sv, false},
    {"h?llo"sv, "hello"sv, true},
    {"h[ae]llo"sv, "hallo"sv, true},
    {"h[^e]llo"sv, "hello"sv, false},
    {"*\\"sv, "a\\"sv, true},
    {"[\000]"sv, "\000"sv, true},
    {"a\000*"sv, "a\000b"sv, true},
    {"*aab"sv, "aaab"sv, true},
    {"*?"sv, ""sv, false},
    {"*?"sv, "a"sv, true},
    {"?*"sv, "ab"sv, true},
    {"a?*"sv, "a"sv, false},
    {"b?b\\^"sv, "a"sv, false},
    {"b-a?[*"sv, "]]"sv, false},
    {"a*"sv, "a-aab"sv, true},
    {"^*[]]-"sv, "a"sv, false},
    {"*\\a?\\"sv, "ba^"sv, false},
    {"]?-"sv, "a\\-aa"sv, false},
    {"??a[?[\\?"sv, "-^]ba"sv, false},
    {"-\\^\\"sv, "ba"sv, false},
    {"b-a]\\^[*"sv, "b"sv, false},
    {"[-\\"sv, "^-"sv, false},
    {"^-\\^\\[?"sv, "-b"sv, false},
    {"*[*a\\"sv, "baba"sv, true},
    {"a*"sv, "a]\\"sv, true},
    {"b?-[\\[-"sv, "\\ab^"sv, false},
    {"*\\"sv, "-b^"sv, false},
    {"[^?[-\\^"sv, "b"sv, true},
    {"b*]"sv, "a-b-^"sv, false},
    {"[]*\\\\"sv, "a^"sv, false},
    {"[??"sv, "b^^a"sv, false},
    {"*?-^a"sv, "b]aba"sv, false},
    {"^aa"sv, "]\\"sv, false},
    {"ba?b--"sv, "^]\\b"sv, false},
    {"[?\\\\?"sv, "\\"sv, true},
    {"ba"sv, "b\\-a"sv, false},
    {"ab]?a]]*"sv, "b"sv, false},
    {"]^^a]?"sv, "]ba]"sv, false},
    {"b^"sv, "b^ba"sv, false},
    {"]a^b*"sv, "]b"sv, false},
    {"]-\\-*aa"sv, "\\\\b\\\\"sv, false},
    {"*abb?*-["sv, "ba"sv, false},
    {"*]]b"sv, "bba^"sv, false},
    {"-**a?*-b"sv, "b"sv, false},
    {"^*"sv, "ba"sv, false},
    {"[[?b\\a"sv, "^b"sv, false},
    {"*]?"sv, "-b]\\"sv, true},
    {"?ba"sv, "a"sv, false},
    {"[^\\\\"sv, "]b"sv, false},
    {"b]*[^"sv, "a"sv, false},
    {"*\\]a"sv, "b"sv, false},
    {"-*-?-"sv, "ab"sv, false},
    {"b]*^-^-["sv, "-^^a-"sv, false},
    {"^*a["sv, "b^"sv, false},
    {"?b\\^*-"sv, "-b"sv, false},
    {"]*-b^a"sv, "\\"sv, false},
    {"?]^[??b^"sv, "]ba"sv, false},
    {"\\?*"sv, "aa"sv, false},
    {"ab"sv, "^a"sv, false},
    {"]^]^\\a]\\"sv, "-b"sv, false},
    {"[b-\\*-"sv, "b"sv, true},
    {"^[[?"sv, "^"sv, false},
    {"?\\\\"sv, "]a-b"sv, false},
    {"]-ab\\?b"sv, "-]bb"sv, false},
    {"b]a^aa"sv, "a^]"sv, false},
    {"**"sv, "a\\^"sv, true},
    {"?^a["sv, "-"sv, false},
    {"*b?"sv, "b\\\\"sv, false},
    {"?*]]?^^?"sv, "\\bb"sv, false},
    {"*?-\\[^]"sv, "a"sv, false},
    {"[aa?ba]?"sv, "a]]"sv, false},
    {"*a"sv, "]"sv, false},
};

TEST(Glob, MatchesWhatRedisMatches) {
  for (const GlobRow& row : kGlobRows) {
    EXPECT_EQ(GlobPattern({row.pattern.data(), row.pattern.size()})
                  .Matches({row.text.data(), row.text.size()}),
              row.matches)
        << row.pattern << " " << row.text;
  }
}

// Source: util.c, stringmatchlen_impl with nocase.
TEST(Glob, IgnoresCaseAsRedisDoes) {
  const auto matches = [](absl::string_view pattern, absl::string_view text) {
    return GlobPattern(pattern, GlobPattern::Case::kIgnored).Matches(text);
  };
  EXPECT_TRUE(matches("TIME*", "timeout"));
  EXPECT_TRUE(matches("time[N-P]ut", "timeout"));
  EXPECT_TRUE(matches("time[O]ut", "timeout"));
  EXPECT_FALSE(matches("time[\\O]ut", "timeout"));  // escaped: as it is
  EXPECT_FALSE(matches("time[T-s]ut", "timeout"));
  EXPECT_FALSE(matches("[Z-a]", "z"));  // ordered first, then lowered: z to a
  EXPECT_FALSE(GlobPattern("A").Matches("a"));
}

// Redis's own matcher takes minutes for less.
TEST(Glob, NoPatternTakesExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(GlobPattern(pattern + "*b").Matches(std::string(20'000, 'a')));
  EXPECT_TRUE(GlobPattern(pattern + "*").Matches(std::string(20'000, 'a')));
}

}  // namespace
}  // namespace keyturn
