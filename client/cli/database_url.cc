#include "client/cli/database_url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "client/cli/files.h"

namespace keyturn::cli {
namespace {

constexpr absl::string_view kSchemes[] = {"postgres", "postgresql",  "mysql",    "mariadb",
                                          "redis",    "rediss",      "amqp",     "amqps",
                                          "mongodb",  "mongodb+srv", "sqlserver"};

struct WipingFree {
  void operator()(char* text) const {
    explicit_bzero(text, strlen(text));
    curl_free(text);
  }
};
using Part = std::unique_ptr<char, WipingFree>;

class Url {
 public:
  explicit Url(absl::string_view text) : url_(curl_url()) {
    std::string whole(text);
    good_ = url_ != nullptr && whole.find('\0') == std::string::npos &&
            curl_url_set(url_, CURLUPART_URL, whole.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    explicit_bzero(whole.data(), whole.size());
  }
  ~Url() { curl_url_cleanup(url_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  // nullptr when it is not there.
  Part Get(CURLUPart part, unsigned flags = CURLU_URLDECODE) const {
    char* text = nullptr;
    if (!good_ || curl_url_get(url_, part, &text, flags) != CURLUE_OK) return nullptr;
    return Part(text);
  }

 private:
  CURLU* const url_;
  bool good_ = false;
};

bool HasWord(absl::string_view variable, absl::string_view word) {
  return absl::StrContains(variable, word);
}

void AddField(absl::string_view name, absl::string_view value, v1::SecretData* data) {
  if (value.empty()) return;
  v1::Field& field = *data->add_fields();
  field.set_name(std::string(name));
  Assign(value, field.mutable_value());
}

}  // namespace

bool IsDatabaseUrl(absl::string_view text) {
  const Url url(text);
  const Part scheme = url.Get(CURLUPART_SCHEME), password = url.Get(CURLUPART_PASSWORD);
  if (scheme == nullptr || password == nullptr || password.get()[0] == '\0') return false;
  return std::find(std::begin(kSchemes), std::end(kSchemes), absl::string_view(scheme.get())) !=
         std::end(kSchemes);
}

absl::Status AddDatabaseFields(absl::string_view text, v1::SecretData* data) {
  if (!IsDatabaseUrl(text)) {
    return absl::InvalidArgumentError(
        "the value must be the URL of a database with a password, such as "
        "postgres://user:password@host:5432/name");
  }
  const Url url(text);
  constexpr std::pair<CURLUPart, const char*> kParts[] = {
      {CURLUPART_SCHEME, "scheme"}, {CURLUPART_USER, "username"}, {CURLUPART_PASSWORD, "password"},
      {CURLUPART_HOST, "host"},     {CURLUPART_PORT, "port"},     {CURLUPART_PATH, "database"},
      {CURLUPART_QUERY, "options"}};
  for (const auto& [part, name] : kParts) {
    // Options are a list of their own, which decoding would take apart wrongly.
    const Part found = url.Get(part, part == CURLUPART_QUERY ? 0 : CURLU_URLDECODE);
    if (found == nullptr) continue;
    absl::string_view value = found.get();
    if (part == CURLUPART_PATH) value = absl::StripPrefix(value, "/");
    AddField(name, value, data);
  }
  return absl::OkStatus();
}

v1::Kind GuessKind(absl::string_view variable, absl::string_view value) {
  if (IsDatabaseUrl(value)) return v1::KIND_DB_CREDENTIAL;
  const std::string name = absl::AsciiStrToUpper(variable);
  const bool key = HasWord(name, "SECRET") || HasWord(name, "KEY");
  if (HasWord(name, "JWT") && key && !HasWord(name, "PUBLIC")) return v1::KIND_JWT_KEY;
  for (const absl::string_view end : {"API_KEY", "APIKEY", "API_TOKEN", "API_SECRET"}) {
    if (absl::EndsWith(name, end)) return v1::KIND_API_KEY;
  }
  return v1::KIND_GENERIC;
}

}  // namespace keyturn::cli
