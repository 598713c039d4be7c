#include "base/log.h"

#include <re2/re2.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace keyturn {
namespace {

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<int> log_fd{STDERR_FILENO};

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void SetLogLevel(LogLevel level) { minimum_level.store(level, std::memory_order_relaxed); }
void SetLogFd(int fd) { log_fd.store(fd, std::memory_order_relaxed); }

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime(absl::RFC3339_full, Clock::Real().Now(), absl::UTCTimeZone());
  line["level"] = LevelName(level);
  line["message"] = Redact(message);
  for (const LogField& field : fields) {
    const std::string name(field.name);
    if (const auto* text = std::get_if<std::string>(&field.value)) {
      line[name] = Redact(*text);
    } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
      line[name] = *number;
    } else {
      line[name] = std::get<bool>(field.value);
    }
  }
  // Invalid UTF-8 from a library error is replaced, never thrown on.
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  // A log that cannot be written must not stop the vault; the audit log can, and does.
  [[maybe_unused]] const ssize_t written =
      write(log_fd.load(std::memory_order_relaxed), text.data(), text.size());
}

std::string Redact(absl::string_view text) {
  // Every audit entry comes through here: a pattern is tried only where it could match, which a
  // SPIFFE id, for all its "://", does not.
  const auto has = [&text](absl::string_view part) { return absl::StrContains(text, part); };
  const bool secret = has("kt") || has("eyJ") || has("earer");
  const bool url = has("://") && (has("@") || has("?"));
  std::string out(text);
  // RE2, whose stack and time do not grow with the text as those of std::regex do: callers choose
  // it, and how long it is.
  if (secret) {
    static const RE2* const secrets = new RE2(
        R"((kt[bs]\.|kt1_|kt-share-)[A-Za-z0-9_.-]+|[Bb]earer +[^ "']+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+)",
        RE2::Latin1);
    RE2::GlobalReplace(&out, *secrets, "[redacted]");
  }
  if (url && out.find("://") != std::string::npos) {
    static const RE2* const parts = new RE2(R"(://[^/@\s"]*@|\?[^\s"]*)", RE2::Latin1);
    RE2::GlobalReplace(&out, *parts, "[redacted]");
  }
  return out;
}

}  // namespace keyturn
