// Structured log to standard error: one JSON object a line with time, level, message and fields.
// Fields are strings, numbers and booleans only; there is no way to log a SecretBytes (it converts
// to nothing), and Redact() removes what looks like a token or a URL password from free text such
// as library errors. The audit log is not this log (see audit/).
// Thread-safe: a line is one write(2).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace keyturn {

enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

struct LogField {
  LogField(absl::string_view name, absl::string_view value)
      : name(name), value(std::string(value)) {}
  LogField(absl::string_view name, const char* value) : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, const std::string& value)
      : LogField(name, absl::string_view(value)) {}
  LogField(absl::string_view name, int64_t value) : name(name), value(value) {}
  LogField(absl::string_view name, int value) : LogField(name, int64_t{value}) {}
  LogField(absl::string_view name, uint64_t value) : LogField(name, static_cast<int64_t>(value)) {}
  LogField(absl::string_view name, bool value) : name(name), value(value) {}

  absl::string_view name;
  std::variant<std::string, int64_t, bool> value;
};

// Lines below `level` are dropped. Default kInfo.
void SetLogLevel(LogLevel level);

// Redirects lines to file descriptor `fd` (not owned), for tests. Default 2.
void SetLogFd(int fd);

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

inline void LogInfo(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// `text` with Keyturn tokens (ktb., kts., kt1_), unseal shares (kt-share-), bearer credentials,
// JWTs and the user part and query of URLs replaced by "[redacted]".
std::string Redact(absl::string_view text);

}  // namespace keyturn
