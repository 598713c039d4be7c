#include "net/database_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/strings/strip.h"

namespace keyturn {
namespace {

constexpr absl::string_view kSchemes[] = {"postgres", "postgresql",  "mysql",    "mariadb",
                                          "redis",    "rediss",      "amqp",     "amqps",
                                          "mongodb",  "mongodb+srv", "sqlserver"};

struct Part {
  absl::string_view name;
  CURLUPart part;
  bool coded = true;  // percent; of options, which are a list, that is left as it is
};
constexpr Part kParts[] = {
    {"scheme", CURLUPART_SCHEME, false}, {"username", CURLUPART_USER},
    {"password", CURLUPART_PASSWORD},    {"host", CURLUPART_HOST, false},
    {"port", CURLUPART_PORT, false},     {"database", CURLUPART_PATH},
    {"options", CURLUPART_QUERY, false},
};

const Part* FindPart(absl::string_view name) {
  const auto* const found = std::find_if(std::begin(kParts), std::end(kParts),
                                         [name](const Part& part) { return part.name == name; });
  return found == std::end(kParts) ? nullptr : found;
}

DatabaseUrl::Text Get(CURLU* url, CURLUPart part, bool decode) {
  char* text = nullptr;
  return curl_url_get(url, part, &text, decode ? CURLU_URLDECODE : 0) == CURLUE_OK
             ? DatabaseUrl::Text(text)
             : nullptr;
}

// `text` nullopt takes the part away.
bool SetPart(CURLU* url, CURLUPart part, std::optional<absl::string_view> text, unsigned flags) {
  if (!text.has_value()) return curl_url_set(url, part, nullptr, 0) == CURLUE_OK;
  if (text->find('\0') != absl::string_view::npos) return false;
  std::string whole(*text);
  const bool set =
      curl_url_set(url, part, whole.c_str(), flags | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  explicit_bzero(whole.data(), whole.size());
  return set;
}

}  // namespace

void DatabaseUrl::WipingFree::operator()(char* text) const {
  explicit_bzero(text, strlen(text));
  curl_free(text);
}

void DatabaseUrl::Cleanup::operator()(CURLU* url) const { curl_url_cleanup(url); }

bool DatabaseUrl::IsWhole() const {
  // The parser decodes no control characters: nobody would get what such a part stands for.
  const auto cannot_be_read = [this](const Part& part) {
    return part.coded && Get(url_.get(), part.part, false) != nullptr &&
           Get(url_.get(), part.part, true) == nullptr;
  };
  if (std::any_of(std::begin(kParts), std::end(kParts), cannot_be_read)) return false;
  const Text scheme = Get(url_.get(), CURLUPART_SCHEME, false);
  const Text password = Get(url_.get(), CURLUPART_PASSWORD, false);
  if (scheme == nullptr || password == nullptr || password.get()[0] == '\0') return false;
  return std::find(std::begin(kSchemes), std::end(kSchemes), absl::string_view(scheme.get())) !=
         std::end(kSchemes);
}

std::optional<DatabaseUrl> DatabaseUrl::Parse(absl::string_view text) {
  DatabaseUrl url(curl_url());
  if (url.url_ == nullptr || !SetPart(url.url_.get(), CURLUPART_URL, text, 0) || !url.IsWhole()) {
    return std::nullopt;
  }
  return url;
}

bool DatabaseUrl::IsPart(absl::string_view name) { return FindPart(name) != nullptr; }

void DatabaseUrl::ForEachPart(
    absl::FunctionRef<void(absl::string_view name, absl::string_view value)> fn) const {
  for (const Part& part : kParts) {
    const Text found = Get(url_.get(), part.part, part.coded);
    if (found == nullptr) continue;
    absl::string_view value = found.get();
    if (part.part == CURLUPART_PATH) value = absl::StripPrefix(value, "/");
    if (!value.empty()) fn(part.name, value);
  }
}

bool DatabaseUrl::Set(absl::string_view name, absl::string_view value) {
  const Part* const part = FindPart(name);
  if (part == nullptr) return false;
  const auto text = value.empty() ? std::nullopt : std::optional(value);
  if (!SetPart(url_.get(), part->part, text, part->coded ? CURLU_URLENCODE : 0)) return false;
  // What the parser takes for a part need not be what a reader of the whole makes of it.
  const Text whole = ToText();
  const std::optional<DatabaseUrl> read = whole == nullptr ? std::nullopt : Parse(whole.get());
  if (!read.has_value()) return false;
  bool same = value.empty();
  read->ForEachPart([&](absl::string_view part_name, absl::string_view part_value) {
    if (part_name == name) same = part_value == value;
  });
  return same;
}

DatabaseUrl::Text DatabaseUrl::ToText() const { return Get(url_.get(), CURLUPART_URL, false); }

}  // namespace keyturn
