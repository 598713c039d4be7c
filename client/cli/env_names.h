// Between names of environment variables and names of secrets: API_KEY is stored as "api-key" with
// custom metadata env=API_KEY, so that it comes back under its own name. Thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "keyturn/v1/secret_service.pb.h"

namespace keyturn::cli {

inline constexpr char kEnvMetadataKey[] = "env";  // in custom metadata
inline constexpr char kOnlyField[] = "value";     // the field of a secret that is one value

// "API_KEY" -> "api-key".
std::string SecretNameFor(absl::string_view variable);
// "db/api-key.v2" -> "DB_API_KEY_V2"; a leading digit gets a '_' before it.
std::string VariableFor(absl::string_view relative_path);
// The variable for one field of a secret: its custom metadata's env, else VariableFor of its path
// below `directory`; with "_FIELD" for a field other than "value" when there are several.
std::string VariableOf(const v1::GetResponse& secret, absl::string_view directory,
                       absl::string_view field);

}  // namespace keyturn::cli
