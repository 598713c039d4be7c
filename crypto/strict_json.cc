#include "crypto/strict_json.h"

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

using nlohmann::json;

// Goes over the text before anything is built from it: nlohmann keeps the last of two equal names,
// and turns integers that are too large into fractions.
class Examiner final : public nlohmann::json_sax<json> {
 public:
  absl::string_view problem() const { return problem_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& text) override {
    return text.find_first_of(".eE") != string_t::npos || Stop("an integer is beyond 64 bits");
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return Deeper(); }
  bool end_object() override { return Back(); }
  bool start_array(size_t) override { return Deeper(); }
  bool end_array() override { return Back(); }
  bool key(string_t& name) override {
    return names_.back().insert(name).second || Stop("a name appears twice in one object");
  }
  bool parse_error(size_t, const std::string&, const json::exception&) override {
    return Stop("it does not parse");
  }

 private:
  bool Stop(absl::string_view problem) {
    problem_ = problem;
    return false;
  }
  bool Deeper() {
    if (names_.size() == limits::kJsonDepthMax) return Stop("it is nested too deep");
    names_.emplace_back();
    return true;
  }
  bool Back() {
    names_.pop_back();
    return true;
  }

  // The names seen so far, of each object that is open (and nothing, of each array).
  std::vector<absl::flat_hash_set<std::string>> names_;
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
  Examiner examiner;
  if (!json::sax_parse(text.begin(), text.end(), &examiner)) return Bad(examiner.problem());
  *out = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  return out->is_object() ? absl::OkStatus() : Bad("it is something else");
}

}  // namespace keyturn
