// Lengths of time and moments as people type them: what is read is positive, finite and, printed by
// abseil, read as the same; an end is in the future.
#include "client/cli/duration.h"

#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzDuration(absl::string_view input) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const absl::StatusOr<absl::Duration> duration = cli::ParseDuration("--ttl", input);
  if (duration.ok()) {
    Require(*duration > absl::ZeroDuration() && *duration < absl::InfiniteDuration(), "positive");
    Require(Must(cli::ParseMoment("--since", input, now), "it is a moment") <= now ||
                input.find('-') != absl::string_view::npos,
            "which is past");
  }
  const absl::StatusOr<int64_t> seconds = cli::ParseSeconds("--ttl", input);
  if (seconds.ok()) {
    Require(duration.ok() && *seconds >= 1, "at least one second");
    const std::string printed = absl::FormatDuration(absl::Seconds(*seconds));
    Require(Must(cli::ParseSeconds("--ttl", printed), "as abseil writes it") == *seconds, "same");
  }
  if (const auto end = cli::ParseEnd("--not-after", input, now); end.ok()) {
    Require(*end > now, "an end is in the future");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzDuration)
