#include "client/cli/database_url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "client/cli/files.h"
#include "net/database_url.h"

namespace keyturn::cli {
namespace {

bool HasWord(absl::string_view variable, absl::string_view word) {
  return absl::StrContains(variable, word);
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
  const std::string name = absl::AsciiStrToUpper(variable);
  const bool key = HasWord(name, "SECRET") || HasWord(name, "KEY");
  if (HasWord(name, "JWT") && key && !HasWord(name, "PUBLIC")) return v1::KIND_JWT_KEY;
  for (const absl::string_view end : {"API_KEY", "APIKEY", "API_TOKEN", "API_SECRET"}) {
    if (absl::EndsWith(name, end)) return v1::KIND_API_KEY;
  }
  return v1::KIND_GENERIC;
}

}  // namespace keyturn::cli
