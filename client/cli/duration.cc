#include "client/cli/duration.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

// abseil knows hours and below; days and weeks become hours.
bool ToAbseil(absl::string_view text, std::string* out) {
  std::string digits;
  for (const char c : text) {
    if (absl::ascii_isdigit(c)) {
      digits.push_back(c);
    } else if (c == 'd' || c == 'w') {
      int64_t count = 0;
      const bool fraction = !out->empty() && out->back() == '.';
      if (fraction || !absl::SimpleAtoi(digits, &count) || count > 100'000) return false;
      absl::StrAppend(out, count * (c == 'd' ? 24 : 7 * 24), "h");
      digits.clear();
    } else {
      absl::StrAppend(out, digits, std::string(1, c));
      digits.clear();
    }
  }
  absl::StrAppend(out, digits, digits.empty() ? "" : "s");
  return true;
}

std::optional<absl::Time> ParseDate(absl::string_view text) {
  absl::Time time;
  std::string error;
  for (const absl::string_view form :
       {absl::string_view(absl::RFC3339_full), absl::string_view("%Y-%m-%d")}) {
    // abseil also knows "infinite-future".
    if (absl::ParseTime(form, text, &time, &error) && time != absl::InfiniteFuture() &&
        time != absl::InfinitePast()) {
      return time;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view name, absl::string_view text) {
  std::string abseil;
  absl::Duration duration;
  if (text.empty() || !ToAbseil(text, &abseil) || !absl::ParseDuration(abseil, &duration) ||
      duration <= absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return UsageError(absl::StrCat(name, " '", text,
                                   "' is not a length of time; write for example 45s, 30m, 12h, "
                                   "90d or 2w"));
  }
  return duration;
}

absl::StatusOr<int64_t> ParseSeconds(absl::string_view name, absl::string_view text) {
  ASSIGN_OR_RETURN(const absl::Duration duration, ParseDuration(name, text));
  if (duration < absl::Seconds(1)) {
    return UsageError(absl::StrCat(name, " must be at least one second"));
  }
  return absl::ToInt64Seconds(duration);
}

absl::StatusOr<absl::Time> ParseMoment(absl::string_view name, absl::string_view text,
                                       absl::Time now) {
  if (const std::optional<absl::Time> time = ParseDate(text); time.has_value()) return *time;
  const absl::StatusOr<absl::Duration> ago = ParseDuration(name, text);
  if (ago.ok()) return now - *ago;
  return UsageError(absl::StrCat(name, " '", text,
                                 "' is not a time; write for example 2026-12-31, "
                                 "2026-12-31T08:30:00Z, or 2h for two hours ago"));
}

absl::StatusOr<absl::Time> ParseEnd(absl::string_view name, absl::string_view text,
                                    absl::Time now) {
  std::optional<absl::Time> time = ParseDate(text);
  const absl::StatusOr<absl::Duration> ahead = ParseDuration(name, text);
  if (!time.has_value() && ahead.ok()) time = now + *ahead;
  if (!time.has_value()) {
    return UsageError(absl::StrCat(name, " '", text,
                                   "' is not a time; write for example 2026-12-31, "
                                   "2026-12-31T08:30:00Z, or 90d for ninety days from now"));
  }
  if (*time <= now) return UsageError(absl::StrCat(name, " '", text, "' is in the past"));
  return *time;
}

}  // namespace keyturn::cli
