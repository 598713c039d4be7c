// Lengths of time and moments as people type them. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn::cli {

// "90d", "12h", "1h30m", "45s", "2w", or whole seconds: positive. `name` is for messages.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view name, absl::string_view text);
// The same in whole seconds.
absl::StatusOr<int64_t> ParseSeconds(absl::string_view name, absl::string_view text);
// RFC 3339 ("2026-12-31T00:00:00Z"), a day ("2026-12-31", UTC), or a duration before `now` ("2h").
absl::StatusOr<absl::Time> ParseMoment(absl::string_view name, absl::string_view text,
                                       absl::Time now);
// The same for when something ends: a duration is from `now` on, and the past is refused.
absl::StatusOr<absl::Time> ParseEnd(absl::string_view name, absl::string_view text, absl::Time now);

}  // namespace keyturn::cli
