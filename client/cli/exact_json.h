// JSON that is passed on as it came: numbers keep every digit that was written, where a parser that
// makes doubles of them would not (RFC 8259 section 6). Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/output.h"

namespace keyturn::cli {

// One member of an object.
struct JsonMember {
  enum class Type { kString, kObject, kOther };
  std::string name;
  Type type = Type::kOther;
  std::string text;  // of a string the string itself, else JSON without spaces
};

// Wipes the texts when it goes.
class JsonMembers {
 public:
  // INVALID_ARGUMENT for what is not a JSON object, or has a name twice; it names the member, never
  // the value.
  static absl::StatusOr<JsonMembers> Parse(absl::string_view object);
  ~JsonMembers();
  JsonMembers(JsonMembers&&) = default;
  JsonMembers& operator=(JsonMembers&&) = default;

  const std::vector<JsonMember>& all() const { return members_; }

 private:
  JsonMembers() = default;
  std::vector<JsonMember> members_;
};

// A value that DumpJson writes as this text, which is JSON.
Json VerbatimJson(absl::string_view text);

// With two spaces of indentation. Bytes that are not UTF-8 are replaced, as they cannot be in JSON.
std::string DumpJson(const Json& value);

}  // namespace keyturn::cli
