#include "rotation/cron.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

struct FieldRule {
  const char* name;
  const char* values;  // for people
  int min;
  int max;                              // of `*`
  int spoken;                           // the largest that may be written
  absl::Span<const char* const> names;  // of min, min + 1, ...

  int count() const { return max - min + 1; }
};

constexpr std::array<const char*, 12> kMonthNames = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                     "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<const char*, 7> kWeekdayNames = {"SUN", "MON", "TUE", "WED",
                                                      "THU", "FRI", "SAT"};
constexpr FieldRule kMinute = {"minute", "0 to 59", 0, 59, 59, {}};
constexpr FieldRule kHour = {"hour", "0 to 23", 0, 23, 23, {}};
constexpr FieldRule kDay = {"day of month", "1 to 31", 1, 31, 31, {}};
constexpr FieldRule kMonth = {"month", "1 to 12 or JAN to DEC", 1, 12, 12, kMonthNames};
constexpr FieldRule kWeekday = {"day of week", "0 to 7 (0 and 7 are Sunday) or SUN to SAT", 0, 6, 7,
                                kWeekdayNames};

uint64_t Bit(int value) { return uint64_t{1} << value; }
bool Has(uint64_t bits, int value) { return (bits >> value & 1) != 0; }

std::optional<int> FirstFrom(uint64_t bits, int from) {
  const uint64_t rest = from < 64 ? bits >> from << from : 0;
  if (rest == 0) return std::nullopt;
  return std::countr_zero(rest);
}

std::optional<int> LastUntil(uint64_t bits, int until) {
  const uint64_t rest = until < 0 ? 0 : bits << (63 - until) >> (63 - until);
  if (rest == 0) return std::nullopt;
  return 63 - std::countl_zero(rest);
}

uint64_t Steps(int first, int last, int step) {
  uint64_t bits = 0;
  for (int value = first; value <= last; value += step) bits |= Bit(value);
  return bits;
}

uint64_t All(const FieldRule& rule) { return Steps(rule.min, rule.max, 1); }

std::optional<int> ReadNumber(absl::string_view text) {
  if (text.empty() || text.size() > 2) return std::nullopt;
  int number = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c)) return std::nullopt;
    number = 10 * number + (c - '0');
  }
  return number;
}

std::optional<int> ReadValue(const FieldRule& rule, absl::string_view text) {
  for (size_t i = 0; i < rule.names.size(); ++i) {
    if (absl::EqualsIgnoreCase(text, rule.names[i])) return rule.min + static_cast<int>(i);
  }
  const std::optional<int> number = ReadNumber(text);
  if (!number.has_value() || *number < rule.min || *number > rule.spoken) return std::nullopt;
  return number;
}

// The values of "*", "a", "a-b", "*/n" or "a-b/n"; none when it is none of these.
std::optional<uint64_t> ReadItem(const FieldRule& rule, absl::string_view item) {
  const size_t slash = item.find('/');
  const absl::string_view body = item.substr(0, slash);
  const size_t dash = body.find('-');
  int step = 1;
  if (slash != absl::string_view::npos) {
    if (body != "*" && dash == absl::string_view::npos) return std::nullopt;
    step = ReadNumber(item.substr(slash + 1)).value_or(0);
    if (step < 1 || step > rule.count()) return std::nullopt;
  }
  if (body == "*") return Steps(rule.min, rule.max, step);
  const std::optional<int> first = ReadValue(rule, body.substr(0, dash));
  if (!first.has_value() || dash == absl::string_view::npos) {
    return first.has_value() ? std::optional(Bit(*first)) : std::nullopt;
  }
  std::optional<int> last = ReadValue(rule, body.substr(dash + 1));
  // The week of people ends with Sunday; digits are as crontab(5) has them.
  if (last == rule.min && *first > rule.min && rule.spoken > rule.max &&
      !absl::ascii_isdigit(body.back())) {
    last = rule.spoken;
  }
  if (!last.has_value() || *first > *last) return std::nullopt;
  return Steps(*first, *last, step);
}

struct Field {
  uint64_t bits = 0;
  bool star = false;  // starts with one
};

absl::StatusOr<Field> ReadField(const FieldRule& rule, absl::string_view text) {
  Field field;
  field.star = absl::StartsWith(text, "*");
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    const std::optional<uint64_t> bits = ReadItem(rule, item);
    if (!bits.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("cron: ", rule.name, ": '", absl::CHexEscape(item), "'; allowed are *, ",
                       rule.values, ", ranges a-b, steps */n and a-b/n with n from 1 to ",
                       rule.count(), ", and lists a,b of these"));
    }
    field.bits |= *bits;
  }
  // Only day of week has a value beyond `max`: 7, which is 0.
  if (Has(field.bits, rule.max + 1)) field.bits = (field.bits & All(rule)) | Bit(rule.min);
  return field;
}

// The n of which `*/n` is exactly these values.
std::optional<int> StepOf(const FieldRule& rule, uint64_t bits) {
  for (int step = 1; step <= rule.count(); ++step) {
    if (Steps(rule.min, rule.max, step) == bits) return step;
  }
  return std::nullopt;
}

// Without `*`.
std::string ListText(const FieldRule& rule, uint64_t bits) {
  const std::optional<int> step = StepOf(rule, bits);
  if (step.has_value() && *step > 1 && std::popcount(bits) > 2) {
    return absl::StrCat(rule.min, "-", rule.max, "/", *step);
  }
  std::vector<std::string> items;
  for (std::optional<int> first = FirstFrom(bits, 0); first.has_value();) {
    int last = *first;
    while (Has(bits, last + 1)) ++last;
    if (last > *first) {
      items.push_back(absl::StrCat(*first, last == *first + 1 ? "," : "-", last));
    } else {
      items.push_back(absl::StrCat(last));
    }
    first = FirstFrom(bits, last + 1);
  }
  return absl::StrJoin(items, ",");
}

// With one as the first character. REQUIRES: `rule.min` is of the values.
std::string StarText(const FieldRule& rule, uint64_t bits) {
  int step = 1;
  while ((Steps(rule.min, rule.max, step) & ~bits) != 0) ++step;
  const uint64_t rest = bits & ~Steps(rule.min, rule.max, step);
  return absl::StrCat(step == 1 ? "*" : absl::StrCat("*/", step), rest == 0 ? "" : ",",
                      rest == 0 ? "" : ListText(rule, rest));
}

// Where a `*` means nothing but the values.
std::string FieldText(const FieldRule& rule, uint64_t bits) {
  const bool steps = std::popcount(bits) > 1 && StepOf(rule, bits).has_value();
  return steps ? StarText(rule, bits) : ListText(rule, bits);
}

absl::CivilMonth MonthOf(absl::CivilMinute minute) { return absl::CivilMonth(minute); }

absl::CivilMinute At(absl::CivilMonth month, int day, int hour, int minute) {
  return absl::CivilMinute(month.year(), month.month(), day, hour, minute);
}

}  // namespace

absl::StatusOr<CronSchedule> CronSchedule::Parse(absl::string_view text) {
  if (text.size() > limits::kCronTextBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cron: ", text.size(), " bytes; allowed are at most ", limits::kCronTextBytesMax));
  }
  const std::vector<absl::string_view> texts =
      absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (texts.size() != 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("cron: ", texts.size(), texts.size() == 1 ? " field" : " fields",
                     "; allowed are the five minute, hour, day of month, month and day of week, "
                     "such as 0 3 * * SUN"));
  }
  ASSIGN_OR_RETURN(const Field minute, ReadField(kMinute, texts[0]));
  ASSIGN_OR_RETURN(const Field hour, ReadField(kHour, texts[1]));
  ASSIGN_OR_RETURN(const Field day, ReadField(kDay, texts[2]));
  ASSIGN_OR_RETURN(const Field month, ReadField(kMonth, texts[3]));
  ASSIGN_OR_RETURN(const Field weekday, ReadField(kWeekday, texts[4]));
  CronSchedule schedule;
  schedule.minutes_ = minute.bits;
  schedule.hours_ = hour.bits;
  schedule.days_ = day.bits;
  schedule.months_ = month.bits;
  schedule.weekdays_ = weekday.bits;
  schedule.either_day_ = !day.star && !weekday.star;
  // Either of which one is each day is each day: one form for all that mean the same.
  if (schedule.either_day_ && (day.bits == All(kDay) || weekday.bits == All(kWeekday))) {
    schedule.days_ = All(kDay);
    schedule.weekdays_ = All(kWeekday);
    schedule.either_day_ = false;
  }
  if (schedule.CanFire()) return schedule;
  return absl::InvalidArgumentError(
      absl::StrCat("cron: day of month '", texts[2], "' is in no month of '", texts[3],
                   "', so this never fires; allowed are days that one of the months has"));
}

// A day of the week comes on each date within 40 years (absl/time/civil_time.h: Gregorian, always),
// so what can keep a schedule from firing is only a day that its months do not have.
bool CronSchedule::CanFire() const {
  if (either_day_) return true;
  constexpr int kLeapYear = 2000;
  for (int month = 1; month <= 12; ++month) {
    const absl::CivilMonth at(kLeapYear, month);
    const int length = static_cast<int>(absl::CivilDay(at + 1) - absl::CivilDay(at));
    if (Has(months_, month) && FirstFrom(days_, 1).value_or(length + 1) <= length) return true;
  }
  return false;
}

uint64_t CronSchedule::DaysOf(absl::CivilMonth month) const {
  if (!Has(months_, month.month())) return 0;
  const absl::CivilDay first(month);
  const int length = static_cast<int>(absl::CivilDay(month + 1) - first);
  // abseil's week begins with Monday, as 0.
  const int weekday = static_cast<int>(absl::GetWeekday(first)) + 1;
  uint64_t by_week = 0;
  for (int day = 1; day <= length; ++day) {
    if (Has(weekdays_, (weekday + day - 1) % 7)) by_week |= Bit(day);
  }
  const uint64_t by_date = days_ & Steps(1, length, 1);
  return either_day_ ? by_date | by_week : by_date & by_week;
}

bool CronSchedule::Matches(absl::CivilMinute minute) const {
  return Has(minutes_, minute.minute()) && Has(hours_, minute.hour()) &&
         Has(DaysOf(MonthOf(minute)), minute.day());
}

std::optional<absl::CivilMinute> CronSchedule::Next(absl::CivilMinute from) const {
  from = std::max(from, absl::CivilMinute(kYearMin));
  absl::CivilMonth month = MonthOf(from);
  int first_day = from.day();
  if (from.year() <= kYearMax && Has(DaysOf(month), first_day)) {
    const std::optional<int> same = FirstFrom(minutes_, from.minute());
    const bool this_hour = Has(hours_, from.hour()) && same.has_value();
    if (this_hour) return At(month, first_day, from.hour(), *same);
    const std::optional<int> hour = FirstFrom(hours_, from.hour() + 1);
    if (hour.has_value()) return At(month, first_day, *hour, *FirstFrom(minutes_, 0));
  }
  for (++first_day; month.year() <= kYearMax; ++month, first_day = 1) {
    const std::optional<int> day = FirstFrom(DaysOf(month), first_day);
    if (day.has_value()) return At(month, *day, *FirstFrom(hours_, 0), *FirstFrom(minutes_, 0));
  }
  return std::nullopt;
}

std::optional<absl::CivilMinute> CronSchedule::Previous(absl::CivilMinute from) const {
  from = std::min(from, absl::CivilMinute(kYearMax, 12, 31, 23, 59));
  absl::CivilMonth month = MonthOf(from);
  int last_day = from.day();
  if (from.year() >= kYearMin && Has(DaysOf(month), last_day)) {
    const std::optional<int> same = LastUntil(minutes_, from.minute());
    const bool this_hour = Has(hours_, from.hour()) && same.has_value();
    if (this_hour) return At(month, last_day, from.hour(), *same);
    const std::optional<int> hour = LastUntil(hours_, from.hour() - 1);
    if (hour.has_value()) return At(month, last_day, *hour, *LastUntil(minutes_, 59));
  }
  for (--last_day; month.year() >= kYearMin; --month, last_day = 31) {
    const std::optional<int> day = LastUntil(DaysOf(month), last_day);
    if (day.has_value()) return At(month, *day, *LastUntil(hours_, 23), *LastUntil(minutes_, 59));
  }
  return std::nullopt;
}

std::string CronSchedule::ToString() const {
  std::string day = ListText(kDay, days_);
  std::string weekday = ListText(kWeekday, weekdays_);
  if (days_ == All(kDay) || weekdays_ == All(kWeekday)) {
    day = FieldText(kDay, days_);
    weekday = FieldText(kWeekday, weekdays_);
  } else if (!either_day_) {
    // One of them must start with a `*`, and it is the one that says it most simply. One of them
    // can, since one of them did.
    const bool day_steps = StepOf(kDay, days_).has_value();
    const bool weekday_steps = StepOf(kWeekday, weekdays_).has_value();
    if (weekday_steps || (!day_steps && Has(weekdays_, kWeekday.min))) {
      weekday = StarText(kWeekday, weekdays_);
    } else {
      day = StarText(kDay, days_);
    }
  }
  return absl::StrCat(FieldText(kMinute, minutes_), " ", FieldText(kHour, hours_), " ", day, " ",
                      FieldText(kMonth, months_), " ", weekday);
}

}  // namespace keyturn
