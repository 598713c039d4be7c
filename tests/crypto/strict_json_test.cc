#include "crypto/strict_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

std::string Nested(int depth) {
  return std::string(R"({"a":)") + std::string(static_cast<size_t>(depth - 1), '[') +
         std::string(static_cast<size_t>(depth - 1), ']') + "}";
}

TEST(StrictJson, ReadsAnObject) {
  nlohmann::json out;
  ASSERT_OK(ParseStrictJson(
      " {\"a\":1,\"b\":{\"a\":[1,-2,0.5,1e3,true,null]},\"\\u00e4\":\"\xc3\xa4\\u0000\"}\r\n\t",
      &out));
  EXPECT_EQ(out["b"]["a"].dump(), "[1,-2,0.5,1000.0,true,null]");
  EXPECT_EQ(out["\xc3\xa4"], std::string("\xc3\xa4\0", 3));
  ASSERT_OK(ParseStrictJson("{}", &out));
  EXPECT_TRUE(out.empty());
  EXPECT_OK(ParseStrictJson(Nested(16), &out));
  EXPECT_OK(ParseStrictJson(R"({"a":18446744073709551615,"b":-9223372036854775808})", &out));
}

TEST(StrictJson, RefusesWhatParsersReadDifferently) {
  const struct {
    const char* name;
    std::string text;
    const char* why;
  } kCases[] = {
      {"a name twice", R"({"a":1,"a":1})", "appears twice"},
      {"a name twice, with another between", R"({"a":1,"b":2,"a":3})", "appears twice"},
      {"a name twice after escapes", R"({"a":1,"\u0061":2})", "appears twice"},
      {"a name twice, deeper", R"({"a":{"b":1,"b":2}})", "appears twice"},
      {"a name twice, in a list", R"({"a":[{"b":1},{"b":1,"b":2}]})", "appears twice"},
      {"a name twice, after an inner object", R"({"a":{"b":1},"a":2})", "appears twice"},
      {"an empty name twice", R"({"":1,"":2})", "appears twice"},
      {"too deep", Nested(17), "too deep"},
      {"too deep by objects", Nested(16).insert(5, R"({"b":)") + "}", "too deep"},
      {"a byte order mark", "\xef\xbb\xbf{}", "byte order mark"},
      {"a NUL behind", std::string("{}\0", 3), "NUL"},
      {"a NUL with more behind", std::string("{}\0x", 4), "NUL"},
      {"a NUL in a string", std::string("{\"a\":\"\0\"}", 9), "NUL"},
      {"an integer of 65 bits", R"({"a":18446744073709551616})", "64 bits"},
      {"a negative integer of 65 bits", R"({"a":-9223372036854775809})", "64 bits"},
      {"a list", "[]", "something else"},
      {"a list of objects", R"([{"a":1}])", "something else"},
      {"a string", R"("a")", "something else"},
      {"null", "null", "something else"},
      {"nothing", "", "does not parse"},
      {"two objects", "{}{}", "does not parse"},
      {"letters behind", "{}x", "does not parse"},
      {"a comment", "{/**/}", "does not parse"},
      {"a comma at the end", R"({"a":1,})", "does not parse"},
      {"a name without quotes", "{a:1}", "does not parse"},
      {"single quotes", "{'a':1}", "does not parse"},
      {"NaN", R"({"a":NaN})", "does not parse"},
      {"a number beyond a double", R"({"a":1e999})", "does not parse"},
      {"a leading zero", R"({"a":01})", "does not parse"},
      {"bytes that are not UTF-8", "{\"a\":\"\xff\"}", "does not parse"},
      {"an overlong encoding", "{\"a\":\"\xc0\xae\"}", "does not parse"},
      {"half of a surrogate pair", R"({"a":"\ud800"})", "does not parse"},
      {"a line end in a string", "{\"a\":\"\n\"}", "does not parse"},
      {"an object that does not end", R"({"a":1)", "does not parse"},
  };
  for (const auto& one : kCases) {
    nlohmann::json out;
    const absl::Status refused = ParseStrictJson(one.text, &out);
    EXPECT_EQ(ToStatus(refused).code(), absl::StatusCode::kInvalidArgument) << one.name;
    EXPECT_TRUE(absl::StrContains(refused.message(), one.why)) << one.name << ": " << refused;
  }
}

TEST(StrictJson, EqualNamesOfDifferentObjectsAreFine) {
  nlohmann::json out;
  EXPECT_OK(ParseStrictJson(R"({"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1},"A":1})", &out));
}

}  // namespace
}  // namespace keyturn
