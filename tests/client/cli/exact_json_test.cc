#include "client/cli/exact_json.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

std::string TextOf(const std::string& json) {
  const absl::StatusOr<JsonMembers> members =
      JsonMembers::Parse(absl::StrCat("{\"x\": ", json, "}"));
  if (!members.ok()) return std::string(members.status().message());
  EXPECT_EQ(members->all().size(), 1u);
  return members->all().front().text;
}

TEST(JsonMembers, NumbersKeepEveryDigit) {
  for (const char* const number :
       {"0", "-0", "1.10", "0.10000000000000000001", "1E5", "-1.5e-7", "12345678901234567890123",
        "18446744073709551615", "18446744073709551616", "-9223372036854775808"}) {
    const std::string kept = std::string(number) == "-0" ? "0" : number;
    EXPECT_EQ(TextOf(number), kept);
    EXPECT_EQ(TextOf(absl::StrCat("[", number, "]")), absl::StrCat("[", kept, "]"));
    EXPECT_EQ(TextOf(absl::StrCat("{\"a\":", number, "}")), absl::StrCat("{\"a\":", kept, "}"));
  }
}

TEST(JsonMembers, StructureIsWrittenWithoutSpaces) {
  EXPECT_EQ(TextOf(R"([ 1 , "a\"b" , null , true , [ ] , { } , [ [ 2 ] ] ])"),
            R"([1,"a\"b",null,true,[],{},[[2]]])");
  EXPECT_EQ(TextOf(R"({ "a" : { "b" : [ 1 , 2 ] , "c" : "d" } , "e" : false })"),
            R"({"a":{"b":[1,2],"c":"d"},"e":false})");
  EXPECT_EQ(TextOf("null"), "null");
  EXPECT_EQ(TextOf(R"("a\u00e4\n")"), "a\xc3\xa4\n");  // a string itself, not its JSON
}

TEST(JsonMembers, HaveTypes) {
  ASSERT_OK_AND_ASSIGN(const JsonMembers members,
                       JsonMembers::Parse(R"({"a":"x","b":{"c":"d"},"e":["f"],"g":1})"));
  ASSERT_EQ(members.all().size(), 4u);
  EXPECT_EQ(members.all()[0].type, JsonMember::Type::kString);
  EXPECT_EQ(members.all()[1].type, JsonMember::Type::kObject);
  EXPECT_EQ(members.all()[2].type, JsonMember::Type::kOther);
  EXPECT_EQ(members.all()[3].type, JsonMember::Type::kOther);
  EXPECT_EQ(members.all()[3].name, "g");
}

TEST(JsonMembers, RefuseWhatIsNoObjectOrSaysSomethingTwice) {
  for (const char* const bad : {"", "1", "\"hunter2\"", "null", "[]", "[{\"a\":1}]", "{", "{\"a\"}",
                                "{\"a\":1}}", "{\"a\":1} x", "{'a':1}", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(JsonMembers::Parse(bad).status().message(), "it is not a JSON object") << bad;
  }
  EXPECT_EQ(JsonMembers::Parse(R"({"a":1,"b":2,"a":3})").status().message(), "'a' is there twice");
}

TEST(DumpJson, IndentsAndWritesVerbatimTextAsItIs) {
  Json value;
  value["a"] = VerbatimJson("12345678901234567890123");
  value["b"] = {1, "x\"y"};
  value["c"] = Json::object();
  value["d"]["e"] = VerbatimJson(R"({"f":1.10})");
  EXPECT_EQ(DumpJson(value), R"({
  "a": 12345678901234567890123,
  "b": [
    1,
    "x\"y"
  ],
  "c": {},
  "d": {
    "e": {"f":1.10}
  }
})");
  EXPECT_EQ(DumpJson(Json("\xff")), "\"\xef\xbf\xbd\"");
  const Json plain = Json::parse(R"({"a":[1,{"b":null},[]],"c":{"d":"e"}})");
  EXPECT_EQ(DumpJson(plain), plain.dump(2));
}

}  // namespace
}  // namespace keyturn::cli
