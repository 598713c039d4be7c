#include "revocation/commands/words.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace keyturn {
namespace {

constexpr int64_t kNotOne = 4711;

int64_t IntegerOf(absl::string_view text) {
  int64_t value = kNotOne;
  return ParseRespInteger(text, &value) ? value : kNotOne;
}

TEST(RespWords, IntegersAreThoseOfRedis) {
  EXPECT_EQ(IntegerOf("0"), 0);
  EXPECT_EQ(IntegerOf("7"), 7);
  EXPECT_EQ(IntegerOf("-1"), -1);
  EXPECT_EQ(IntegerOf("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(IntegerOf("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (const absl::string_view text :
       {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "00", "1a", "a", "--1", "9223372036854775808",
        "-9223372036854775809", "18446744073709551617", "99999999999999999999",
        "100000000000000000000", "0x1", "1.0"}) {
    EXPECT_EQ(IntegerOf(text), kNotOne) << text;
  }
  EXPECT_EQ(IntegerOf(absl::string_view("1\0", 2)), kNotOne);
}

TEST(RespWords, CursorsAreReadAsStrtoulReadsThem) {
  uint64_t value = 1;
  EXPECT_TRUE(ParseRespCursor("", &value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(ParseRespCursor("18446744073709551615", &value));
  EXPECT_EQ(value, UINT64_MAX);
  EXPECT_TRUE(ParseRespCursor("-1", &value));
  EXPECT_EQ(value, UINT64_MAX);
  EXPECT_TRUE(ParseRespCursor("+012", &value));
  EXPECT_EQ(value, 12u);
  EXPECT_TRUE(ParseRespCursor(absl::string_view("5\0x", 3), &value));
  EXPECT_EQ(value, 5u);
  for (const absl::string_view text : {" 1", "1 ", "x", "+", "-", "18446744073709551616", "1x"}) {
    EXPECT_FALSE(ParseRespCursor(text, &value)) << text;
  }
}

TEST(RespWords, OptionsEndAtANulAndHaveNoCase) {
  EXPECT_TRUE(IsWord("eX", "ex"));
  EXPECT_TRUE(IsWord(absl::string_view("EX\0at", 5), "ex"));
  EXPECT_FALSE(IsWord("exa", "ex"));
  EXPECT_FALSE(IsWord("e", "ex"));
}

TEST(RespWords, QuotedArgumentsAreCutWhereRedisCutsThem) {
  const auto quote = [](std::vector<absl::string_view> words) {
    return QuoteArguments(words.data(), words.size());
  };
  EXPECT_EQ(quote({}), "");
  EXPECT_EQ(quote({"a", "", absl::string_view("b\0c", 3)}), "'a' '' 'b' ");
  const std::string x(100, 'x');
  EXPECT_EQ(quote({x, x, "never"}), "'" + x + "' '" + std::string(25, 'x') + "' ");
  EXPECT_EQ(quote({std::string(124, 'x'), "yz", "no"}), "'" + std::string(124, 'x') + "' 'y' ");
}

}  // namespace
}  // namespace keyturn
