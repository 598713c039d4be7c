// When things happen by the calendar, as five fields of text: minute (0-59), hour (0-23), day of
// month (1-31), month (1-12, JAN-DEC) and day of week (0-7, SUN-SAT; 0 and 7 are Sunday), in civil
// time, without a zone. Syntax and meaning are those of crontab(5) of Debian's cron: a field is a
// list (a,b) of `*`, values, ranges (a-b) and steps (*/n, a-b/n). Names are in any case and, unlike
// there, may stand in lists and ranges; FRI-SUN ends with Sunday.
//
// Days, also as there: if day of month and day of week are both restricted, which is that they do
// not start with `*`, a day matches when *either* does; else both must. So "0 3 1 * MON" is each
// first of a month and each Monday, and "0 3 1-7 * */7" the first Sunday of each month.
//
// Refused, though some crons take it: a step beyond the number of values of its field, a step
// behind one value (5/15), a range that runs backwards, a schedule that never fires (30 February),
// and
// @daily and the like, which are not five fields.
//
// A value; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace keyturn {

class CronSchedule {
 public:
  // Blanks and tabs stand between the fields, as many as one likes, and may stand around them.
  // INVALID_ARGUMENT names the field, the item that is wrong in it and what is allowed.
  static absl::StatusOr<CronSchedule> Parse(absl::string_view text);

  // The calendar of Next and Previous ends with the years 1 and 9999, like RFC 3339.
  static constexpr absl::civil_year_t kYearMin = 1;
  static constexpr absl::civil_year_t kYearMax = 9999;

  bool Matches(absl::CivilMinute minute) const;
  // The first match that is `from` or after it; none when the calendar ends before. Looks at
  // months, at most 40 years of them: 29 February on one day of the week is that rare.
  // Microseconds.
  std::optional<absl::CivilMinute> Next(absl::CivilMinute from) const;
  // The last match that is `from` or before it, likewise.
  std::optional<absl::CivilMinute> Previous(absl::CivilMinute from) const;

  // The one text of all that mean the same: schedules are equal if and only if their texts are, and
  // Parse reads it as an equal one.
  std::string ToString() const;
  friend bool operator==(const CronSchedule&, const CronSchedule&) = default;

 private:
  CronSchedule() = default;

  // Bit `day` is set for each day of the month that matches.
  uint64_t DaysOf(absl::CivilMonth month) const;
  bool CanFire() const;

  // Bit `value` is set for each value that matches.
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_ = 0;
  uint64_t months_ = 0;
  uint64_t weekdays_ = 0;  // 0 is Sunday
  bool either_day_ = false;
};

}  // namespace keyturn
