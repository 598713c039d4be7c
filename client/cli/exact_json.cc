#include "client/cli/exact_json.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_codes.h"
#include "client/wipe.h"

namespace keyturn::cli {
namespace {

std::string Quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Writes down again what the parser reads, a text for each member of the outermost object.
class Collector : public nlohmann::json_sax<Json> {
 public:
  explicit Collector(std::vector<JsonMember>* members) : members_(members) {}
  // "" when all was well.
  const std::string& problem() const { return problem_; }

  bool null() override { return Scalar("null"); }
  bool boolean(bool value) override { return Scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Scalar(absl::StrCat(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Scalar(absl::StrCat(value)); }
  bool number_float(number_float_t, const string_t& text) override { return Scalar(text); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& value) override {
    if (depth_ == 1) {
      members_->back().type = JsonMember::Type::kString;
      members_->back().text = value;
    } else if (depth_ > 1) {
      Append(Quoted(value));
    }
    WipeBuffer(&value);
    return depth_ > 0;
  }
  bool start_object(size_t) override {
    if (depth_++ == 0) return true;
    if (depth_ == 2) members_->back().type = JsonMember::Type::kObject;
    return Open('{');
  }
  bool end_object() override { return --depth_ == 0 || Close('}'); }
  bool start_array(size_t) override { return depth_++ > 0 && Open('['); }
  bool end_array() override {
    --depth_;
    return Close(']');
  }
  bool key(string_t& name) override {
    if (depth_ > 1) {
      Append(Quoted(name) + ":");
      first_ = true;
      return true;
    }
    if (!names_.insert(name).second) {
      problem_ = absl::StrCat("'", name, "' is there twice");
      return false;
    }
    members_->push_back({name, JsonMember::Type::kOther, ""});
    first_ = true;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool Scalar(const std::string& text) {
    if (depth_ > 0) Append(text);
    return depth_ > 0;
  }
  void Append(const std::string& text) {
    std::string& out = members_->back().text;
    if (!std::exchange(first_, false)) out.push_back(',');
    out.append(text);
  }
  bool Open(char bracket) {
    Append(std::string(1, bracket));
    first_ = true;
    return true;
  }
  bool Close(char bracket) {
    members_->back().text.push_back(bracket);
    first_ = false;
    return true;
  }

  std::vector<JsonMember>* const members_;
  std::set<std::string> names_;
  std::string problem_;
  int depth_ = 0;
  bool first_ = true;  // no comma before what comes next
};

void Dump(const Json& value, const std::string& indent, std::string* out) {
  if (value.is_binary()) {
    const Json::binary_t& bytes = value.get_binary();
    out->append(bytes.begin(), bytes.end());
    return;
  }
  if (!value.is_structured() || value.empty()) {
    out->append(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  const std::string deeper = indent + "  ";
  out->push_back(value.is_array() ? '[' : '{');
  const char* separator = "\n";
  for (const auto& [name, member] : value.items()) {
    absl::StrAppend(out, separator, deeper);
    separator = ",\n";
    if (value.is_object()) absl::StrAppend(out, Quoted(name), ": ");
    Dump(member, deeper, out);
  }
  absl::StrAppend(out, "\n", indent, value.is_array() ? "]" : "}");
}

}  // namespace

absl::StatusOr<JsonMembers> JsonMembers::Parse(absl::string_view object) {
  JsonMembers out;
  Collector collector(&out.members_);
  if (Json::sax_parse(object.begin(), object.end(), &collector)) return out;
  if (!collector.problem().empty()) return UsageError(collector.problem());
  return UsageError("it is not a JSON object");
}

JsonMembers::~JsonMembers() {
  for (JsonMember& member : members_) WipeBuffer(&member.text);
}

Json VerbatimJson(absl::string_view text) {
  return Json::binary(std::vector<uint8_t>(text.begin(), text.end()));
}

std::string DumpJson(const Json& value) {
  std::string out;
  Dump(value, "", &out);
  return out;
}

}  // namespace keyturn::cli
