// The file that `apikey import` reads: one key a line, as
//   HASH [PATH [DESCRIPTION]]
// or as a JSON object with sha256 and, if wanted, path, description and scopes. HASH is the SHA-256
// of the whole key as clients present it, 64 hexadecimal digits. Empty lines and those that begin
// with # are passed over. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keyturn/v1/api_key_service.pb.h"

namespace keyturn::cli {

struct ApiKeyLine {
  size_t line = 0;  // 1, 2, ...
  v1::ImportedApiKey entry;
};

// What lines have that do not say so themselves.
struct ApiKeyDefaults {
  std::string path;
  std::vector<std::string> scopes;
};

// INVALID_ARGUMENT names the line, and never repeats a hash.
absl::StatusOr<std::vector<ApiKeyLine>> ParseApiKeyFile(absl::string_view text,
                                                        const ApiKeyDefaults& defaults);

// A server's message with "entries[3]" as the line that it was sent from. `sent` is one request's.
std::string InLines(absl::string_view message, const std::vector<ApiKeyLine>& sent);

// "line 3", "lines 3, 7", or, of very many, "lines 3, 7 and 12 more".
std::string LineNumbers(const std::vector<size_t>& lines);

}  // namespace keyturn::cli
