#include "client/cli/api_key_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"
#include "crypto/mac.h"

namespace keyturn::cli {
namespace {

absl::Status SetHash(absl::string_view hex, v1::ImportedApiKey* entry) {
  const std::optional<std::string> hash = HexDecode(hex);
  if (!hash.has_value() || hash->size() != kSha256Size) {
    return absl::InvalidArgumentError(
        "does not begin with a SHA-256, which is 64 hexadecimal digits");
  }
  entry->set_sha256(*hash);
  return absl::OkStatus();
}

// The first word of `*rest`, which loses it and the blanks behind.
absl::string_view TakeWord(absl::string_view* rest) {
  size_t end = 0;
  while (end < rest->size() && !absl::ascii_isspace(static_cast<unsigned char>((*rest)[end]))) {
    ++end;
  }
  const absl::string_view word = rest->substr(0, end);
  *rest = absl::StripLeadingAsciiWhitespace(rest->substr(end));
  return word;
}

absl::Status ParseText(absl::string_view line, v1::ImportedApiKey* entry) {
  RETURN_IF_ERROR(SetHash(TakeWord(&line), entry));
  entry->set_path(std::string(TakeWord(&line)));
  entry->set_description(std::string(line));
  return absl::OkStatus();
}

absl::Status ParseObject(absl::string_view line, v1::ImportedApiKey* entry) {
  const nlohmann::json object =
      nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::InvalidArgumentError("is no JSON object");
  for (const auto& [name, value] : object.items()) {
    const bool texts =
        value.is_array() && std::all_of(value.begin(), value.end(),
                                        [](const nlohmann::json& one) { return one.is_string(); });
    if (name == "scopes" && texts) {
      for (const nlohmann::json& scope : value) entry->add_scopes(scope.get<std::string>());
    } else if (name == "sha256" && value.is_string()) {
      RETURN_IF_ERROR(SetHash(value.get<std::string>(), entry));
    } else if (name == "path" && value.is_string()) {
      entry->set_path(value.get<std::string>());
    } else if (name == "description" && value.is_string()) {
      entry->set_description(value.get<std::string>());
    } else {
      return absl::InvalidArgumentError(
          "may have sha256, path and description, which are strings, and scopes, a list of them");
    }
  }
  if (entry->sha256().empty()) return absl::InvalidArgumentError("has no sha256");
  return absl::OkStatus();
}

absl::Status ParseLine(absl::string_view line, const ApiKeyDefaults& defaults,
                       v1::ImportedApiKey* entry) {
  RETURN_IF_ERROR(absl::StartsWith(line, "{") ? ParseObject(line, entry) : ParseText(line, entry));
  if (entry->path().empty()) entry->set_path(defaults.path);
  if (entry->path().empty()) {
    return absl::InvalidArgumentError("has no path: put one behind the hash, or give --path");
  }
  if (entry->scopes().empty()) {
    *entry->mutable_scopes() = {defaults.scopes.begin(), defaults.scopes.end()};
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ApiKeyLine>> ParseApiKeyFile(absl::string_view text,
                                                        const ApiKeyDefaults& defaults) {
  std::vector<ApiKeyLine> out;
  absl::flat_hash_map<std::string, size_t> seen;  // hashes, and the lines that they are on
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    ApiKeyLine read{number, {}};
    if (const absl::Status status = ParseLine(line, defaults, &read.entry); !status.ok()) {
      return UsageError(absl::StrCat("line ", number, ": ", status.message()));
    }
    if (const auto [first, is_new] = seen.emplace(read.entry.sha256(), number); !is_new) {
      return UsageError(
          absl::StrCat("line ", number, ": has the same hash as line ", first->second));
    }
    out.push_back(std::move(read));
  }
  return out;
}

std::string InLines(absl::string_view message, const std::vector<ApiKeyLine>& sent) {
  constexpr absl::string_view kEntries = "entries[";
  std::string out;
  while (true) {
    const size_t at = message.find(kEntries);
    const size_t end = message.find(']', at == absl::string_view::npos ? 0 : at);
    if (at == absl::string_view::npos || end == absl::string_view::npos) break;
    const absl::string_view digits =
        message.substr(at + kEntries.size(), end - at - kEntries.size());
    size_t entry = 0;
    const bool known = absl::SimpleAtoi(digits, &entry) && entry < sent.size();
    absl::StrAppend(&out, message.substr(0, at),
                    known ? absl::StrCat("line ", sent[entry].line)
                          : std::string(message.substr(at, end + 1 - at)));
    message.remove_prefix(end + 1);
  }
  return absl::StrCat(out, message);
}

std::string LineNumbers(const std::vector<size_t>& lines) {
  constexpr size_t kNamed = 10;
  const size_t named = std::min(lines.size(), kNamed);
  const absl::Span<const size_t> first(lines.data(), named);
  return absl::StrCat(
      lines.size() == 1 ? "line " : "lines ", absl::StrJoin(first, ", "),
      lines.size() == named ? "" : absl::StrCat(" and ", lines.size() - named, " more"));
}

}  // namespace keyturn::cli
