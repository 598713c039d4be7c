#include "client/cli/env_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/dotenv.h"

namespace keyturn::cli {

std::string SecretNameFor(absl::string_view variable) {
  std::string name;
  for (const char c : variable) name.push_back(c == '_' ? '-' : absl::ascii_tolower(c));
  return name;
}

std::string VariableFor(absl::string_view relative_path) {
  std::string name;
  for (const char c : relative_path) {
    name.push_back(absl::ascii_isalnum(c) ? absl::ascii_toupper(c) : '_');
  }
  if (name.empty() || absl::ascii_isdigit(name.front())) name.insert(name.begin(), '_');
  return name;
}

std::string VariableOf(const v1::GetResponse& secret, absl::string_view directory,
                       absl::string_view field) {
  std::string name;
  const auto stored = secret.custom_metadata().find(kEnvMetadataKey);
  if (stored != secret.custom_metadata().end() && IsEnvName(stored->second)) {
    name = stored->second;
  } else {
    absl::string_view path = secret.path();
    if (absl::ConsumePrefix(&path, directory)) absl::ConsumePrefix(&path, "/");
    name = VariableFor(path);
  }
  if (secret.data().fields_size() > 1 && field != kOnlyField) {
    absl::StrAppend(&name, "_", VariableFor(field));
  }
  return name;
}

}  // namespace keyturn::cli
