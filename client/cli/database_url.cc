#include "client/cli/database_url.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "client/cli/files.h"
#include "crypto/pem.h"
#include "net/database_url.h"

namespace keyturn::cli {
namespace {

using NameWords = std::vector<absl::string_view>;

bool HasWord(const NameWords& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A key that signs and verifies alike, of which any random text can take the place. Not what is
// beside one (JWT_KEY_ID, JWT_SECRET_PATH), nor a key that is of a form or of others.
bool NamesSharedJwtKey(const NameWords& words) {
  constexpr absl::string_view kOthers[] = {
      "PUBLIC",     "PRIVATE", "PUB",     "PRIV", "VERIFY", "VERIFICATION",
      "ENCRYPTION", "CLIENT",  "RSA",     "EC",   "ECDSA",  "EDDSA",
      "ES256",      "RS256",   "ED25519", "PEM",  "JWK",    "JWE"};
  if (!HasWord(words, "JWT") || (words.back() != "SECRET" && words.back() != "KEY")) return false;
  return std::none_of(std::begin(kOthers), std::end(kOthers),
                      [&words](absl::string_view other) { return HasWord(words, other); });
}

// Says where a value is, or has a form that a random text has not.
bool HasForm(absl::string_view untrimmed) {
  const absl::string_view value = absl::StripAsciiWhitespace(untrimmed);
  for (const absl::string_view begin : {"./", "../", "~/", "{", "["}) {
    if (absl::StartsWith(value, begin)) return true;
  }
  for (const absl::string_view end : {".pem", ".key", ".crt", ".der", ".json", ".jwk", ".txt"}) {
    if (absl::EndsWithIgnoreCase(value, end)) return true;
  }
  // A key in base64 can begin as a path does, and ends with '='.
  if (absl::StartsWith(value, "/") && !absl::EndsWith(value, "=")) return true;
  return absl::StrContains(value, "://") || absl::StrContains(value, ":\\") || HoldsPem(value);
}

}  // namespace

absl::Status AddDatabaseFields(absl::string_view text, v1::SecretData* data) {
  const std::optional<DatabaseUrl> url = DatabaseUrl::Parse(text);
  if (!url.has_value()) {
    return absl::InvalidArgumentError(
        "the value must be the URL of a database with a password, such as "
        "postgres://user:password@host:5432/name");
  }
  url->ForEachPart([data](absl::string_view name, absl::string_view value) {
    v1::Field& field = *data->add_fields();
    field.set_name(std::string(name));
    Assign(value, field.mutable_value());
  });
  return absl::OkStatus();
}

v1::Kind GuessKind(absl::string_view variable, absl::string_view value) {
  if (DatabaseUrl::Parse(value).has_value()) return v1::KIND_DB_CREDENTIAL;
  if (HasForm(value)) return v1::KIND_GENERIC;
  const std::string name = absl::AsciiStrToUpper(variable);
  for (const absl::string_view end : {"API_KEY", "APIKEY", "API_TOKEN", "API_SECRET"}) {
    if (absl::EndsWith(name, end)) return v1::KIND_API_KEY;
  }
  if (NamesSharedJwtKey(absl::StrSplit(name, '_'))) return v1::KIND_JWT_KEY;
  return v1::KIND_GENERIC;
}

}  // namespace keyturn::cli
