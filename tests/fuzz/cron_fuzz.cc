// Schedules: what parses is printed, parses as the same and prints as the same, no longer than is
// allowed; the next and the previous match are matches, and nothing between them and the start is.
// The input is a minute since the year 1 and a schedule.
#include "rotation/cron.h"

#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr uint64_t kMinutes = uint64_t{9999} * 366 * 24 * 60;  // some beyond the year 9999
constexpr int kLookedAt = 200;

void CheckNext(const CronSchedule& schedule, absl::CivilMinute from) {
  const std::optional<absl::CivilMinute> next = schedule.Next(from);
  const absl::CivilMinute last(CronSchedule::kYearMax - 40);
  Require(next.has_value() || from > last, "there is a match within 40 years");
  if (next.has_value()) {
    Require(*next >= from && schedule.Matches(*next), "the next one matches");
    Require(schedule.Next(*next) == next && schedule.Previous(*next) == next, "it is its own next");
    Require(schedule.Previous(*next - 1) == schedule.Previous(from - 1), "none is between");
  }
  for (int i = 0; i < kLookedAt && (!next.has_value() || from + i < *next); ++i) {
    Require((from + i).year() > CronSchedule::kYearMax || !schedule.Matches(from + i), "no match");
  }
}

void CheckPrevious(const CronSchedule& schedule, absl::CivilMinute from) {
  const std::optional<absl::CivilMinute> previous = schedule.Previous(from);
  const absl::CivilMinute first(CronSchedule::kYearMin + 40);
  Require(previous.has_value() || from < first, "there was a match within 40 years");
  if (previous.has_value()) {
    Require(*previous <= from && schedule.Matches(*previous), "the previous one matches");
    Require(schedule.Next(*previous + 1) == schedule.Next(from + 1), "none is between");
  }
}

}  // namespace

void FuzzCron(absl::string_view input) {
  const auto minutes = static_cast<int64_t>(TakeNumber(&input) % kMinutes);
  const absl::StatusOr<CronSchedule> schedule = CronSchedule::Parse(input);
  if (!schedule.ok()) return;
  Require(
      input.find_first_not_of("0123456789*,-/ \tABCDEFGHIJLMNOPRSTUVWYabcdefghijlmnoprstuvwy") ==
          absl::string_view::npos,
      "a schedule has digits, names and signs only");
  const std::string text = schedule->ToString();
  Require(text.size() <= limits::kCronTextBytesMax, "a printed schedule is not too long");
  const CronSchedule again = Must(CronSchedule::Parse(text), "a printed schedule parses");
  Require(again == *schedule && again.ToString() == text, "as itself");
  const absl::CivilMinute from = absl::CivilMinute(CronSchedule::kYearMin) + minutes;
  CheckNext(*schedule, from);
  CheckPrevious(*schedule, from);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzCron)
