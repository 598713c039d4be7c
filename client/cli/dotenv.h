// Dotenv files: NAME=VALUE lines, as docker compose and the dotenv libraries read them.
//   # comment            export NAME=value      NAME=  plain value   # comment
//   NAME='as it is'      NAME="with \n \t \" \\ \$"      both kinds of quotes may span lines
// Nothing is expanded: ${OTHER} stays as it is. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn::cli {

struct EnvEntry {
  std::string name;  // [A-Za-z_][A-Za-z0-9_]*
  SecretBytes value;
  int line = 0;  // where it was, from 1
};

// INVALID_ARGUMENT gives the line and never the value. A name given twice is an error.
absl::StatusOr<std::vector<EnvEntry>> ParseDotenv(absl::string_view text);

bool IsEnvName(absl::string_view name);

// The value in quotes that ParseDotenv reads back.
absl::StatusOr<SecretBytes> QuoteForDotenv(absl::string_view value);
// The value in quotes that a POSIX shell reads back. FAILED_PRECONDITION for a NUL.
absl::StatusOr<SecretBytes> QuoteForShell(absl::string_view value);

}  // namespace keyturn::cli
