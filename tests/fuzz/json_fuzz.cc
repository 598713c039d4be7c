// JSON files to import: members that are read, written as an object, are read as the same, and mean
// what they meant to a parser that keeps no digits.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/exact_json.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

using cli::Json;
using cli::JsonMember;
using cli::JsonMembers;

// Json compares and writes itself by recursion.
constexpr int kDepthMax = 100;

std::string Written(const JsonMembers& members) {
  std::string out = "{";
  for (const JsonMember& member : members.all()) {
    const std::string text =
        member.type == JsonMember::Type::kString ? Json(member.text).dump() : member.text;
    absl::StrAppend(&out, out.size() > 1 ? "," : "", Json(member.name).dump(), ":", text);
  }
  return out + "}";
}

void CheckMeaning(absl::string_view text, const std::string& again) {
  int depth = 0, deepest = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  if (deepest > kDepthMax) return;
  const Json before = Json::parse(text.begin(), text.end(), nullptr, false);
  // A number beyond a double is infinite, which is equal to nothing but itself.
  Require(before == Json::parse(again, nullptr, false), "it means the same");
}

}  // namespace

void FuzzJson(absl::string_view input) {
  const absl::StatusOr<JsonMembers> members = JsonMembers::Parse(input);
  if (!members.ok()) return;
  const std::string again = Written(*members);
  const JsonMembers same = Must(JsonMembers::Parse(again), "what was written is read");
  Require(same.all().size() == members->all().size(), "as many members");
  for (size_t i = 0; i < same.all().size(); ++i) {
    const JsonMember &a = members->all()[i], &b = same.all()[i];
    Require(a.name == b.name && a.type == b.type && a.text == b.text, "the same member");
    if (a.type != JsonMember::Type::kString) {
      Require(cli::DumpJson(cli::VerbatimJson(a.text)) == a.text, "it is shown as it is");
    }
  }
  CheckMeaning(input, again);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzJson)
