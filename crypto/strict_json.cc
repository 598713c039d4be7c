#include "crypto/strict_json.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

using nlohmann::json;

// Builds the value in one go over the text, and stops at what nlohmann's own would let pass: it
// keeps the last of two equal names, and turns integers that are too large into fractions.
class Builder final : public nlohmann::json_sax<json> {
 public:
  explicit Builder(json* out) : out_(out) {}
  absl::string_view problem() const { return problem_; }

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) return Stop("an integer is beyond 64 bits");
    return Put(value);
  }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return Stop("it does not parse"); }
  bool start_object(size_t) override { return Open(json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    const auto [member, is_new] = open_.back()->emplace(std::move(name), nullptr);
    member_ = &*member;
    return is_new || Stop("a name appears twice in one object");
  }
  bool parse_error(size_t, const std::string&, const json::exception&) override {
    return Stop("it does not parse");
  }

 private:
  bool Stop(absl::string_view problem) {
    problem_ = problem;
    return false;
  }
  // Where the next value belongs. Pointers to what is open stay good: nothing is added to an array
  // while one of its items is open, and members of an object do not move.
  json* Place() {
    if (open_.empty()) return out_;
    if (open_.back()->is_object()) return member_;
    open_.back()->push_back(nullptr);
    return &open_.back()->back();
  }
  bool Put(json value) {
    *Place() = std::move(value);
    return true;
  }
  bool Open(json empty) {
    if (open_.size() == limits::kJsonDepthMax) return Stop("it is nested too deep");
    json* const place = Place();
    *place = std::move(empty);
    open_.push_back(place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  json* const out_;
  std::vector<json*> open_;  // objects and arrays, the innermost last
  json* member_ = nullptr;   // of the innermost, if it is an object
  absl::string_view problem_;
};

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not one JSON object as is allowed: ", problem));
}

}  // namespace

absl::Status ParseStrictJson(absl::string_view text, json* out) {
  // nlohmann skips the one and takes the other for the end.
  if (absl::StartsWith(text, "\xef\xbb\xbf")) return Bad("it begins with a byte order mark");
  if (absl::StrContains(text, '\0')) return Bad("it holds a NUL");
  *out = nullptr;
  Builder builder(out);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) return Bad(builder.problem());
  return out->is_object() ? absl::OkStatus() : Bad("it is something else");
}

}  // namespace keyturn
