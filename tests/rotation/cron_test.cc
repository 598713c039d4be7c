#include "rotation/cron.h"

#include <random>
#include <set>

#include "absl/strings/str_join.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using absl::CivilMinute;

CronSchedule CronOf(absl::string_view text) {
  const absl::StatusOr<CronSchedule> schedule = CronSchedule::Parse(text);
  EXPECT_TRUE(schedule.ok()) << schedule.status();
  return schedule.ok() ? *schedule : *CronSchedule::Parse("* * * * *");
}

std::string CanonicalCron(absl::string_view text) { return CronOf(text).ToString(); }

std::string MinuteText(std::optional<CivilMinute> minute) {
  return minute.has_value() ? absl::FormatCivilTime(*minute) : "none";
}

TEST(Cron, HasOneTextForAllThatMeanTheSame) {
  const std::vector<std::pair<const char*, const char*>> kTexts = {
      {"* * * * *", "* * * * *"},
      {"  0\t3 \t* * SUN ", "0 3 * * 0"},
      {"0 3 * * 7", "0 3 * * 0"},
      {"0 3 * * fri-SuN", "0 3 * * 0,5,6"},
      {"0 3 * * 5-7", "0 3 * * 0,5,6"},
      {"0 3 * * 0-7", "0 3 * * *"},
      {"0 3 * * SUN-TUE", "0 3 * * 0-2"},
      {"0 3 * jan,DEC,Mar *", "0 3 * 1,3,12 *"},
      {"0 3 * FEB-4 *", "0 3 * 2-4 *"},
      {"0,15,30,45 * * * *", "*/15 * * * *"},
      {"0-59/15 0-23 1-31 1-12 0-6", "*/15 * * * *"},
      {"10-40/5 3 * * *", "10,15,20,25,30,35,40 3 * * *"},
      {"05 03 01 01 *", "5 3 1 1 *"},
      {"3,1,2,9-11,5,6 0 * * *", "1-3,5,6,9-11 0 * * *"},
      {"*/40,7 0 * * *", "0,7,40 0 * * *"},
      {"*/60 */24 * */12 *", "0 0 * 1 *"},
      // Days: what both are, and not how it is written.
      {"0 0 1 * MON", "0 0 1 * 1"},
      {"0 0 1-31 * MON", "0 0 * * *"},
      {"0 0 1 * 0-6", "0 0 * * *"},
      {"0 0 1 * 0,*", "0 0 * * *"},
      {"0 0 * * MON", "0 0 * * 1"},
      {"0 0 1-31/2 * *", "0 0 */2 * *"},
      {"0 0 1-31/2 * MON", "0 0 1-31/2 * 1"},
      {"0 0 */2 * MON", "0 0 */2 * 1"},
      {"0 0 1-7 * */7", "0 0 1-7 * */7"},
      {"0 0 */31,2-7 * 0", "0 0 1-7 * */7"},
      {"0 0 */31,1-7 * MON", "0 0 */31,2-7 * 1"},
      {"0 0 1,5 * */7,3", "0 0 1,5 * */7,3"},
      {"0 0 */2 * */2", "0 0 1-31/2 * */2"},
      {"0 0 */2 * 0,1", "0 0 */2 * 0,1"},
  };
  for (const auto& [text, canonical] : kTexts) {
    EXPECT_EQ(CanonicalCron(text), canonical) << text;
    EXPECT_EQ(CronOf(text), CronOf(canonical)) << text;
  }
  EXPECT_NE(CronOf("0 0 1 * 1"), CronOf("0 0 */31 * 1"));
  EXPECT_NE(CronOf("0 0 * * *"), CronOf("0 1 * * *"));
}

TEST(Cron, NamesTheFieldAndWhatIsAllowed) {
  const std::string minute =
      "'; allowed are *, 0 to 59, ranges a-b, steps */n and a-b/n with n from 1 to 60, and lists "
      "a,b of these";
  for (const char* bad : {"60",  "-1", "",     "1,",   "x",     "1-",      "-",     "*/0", "*/61",
                          "*/",  "/5", "5/15", "1-5/", "1-5/0", "1-5/2/2", "5-1",   "**",  "*-5",
                          "1-*", "+1", "001",  "1.5",  "1-2-3", "SUN",     "1-SUN", "JAN"}) {
    const std::string text = absl::StrCat("1,", bad, " * * * *");
    const absl::Status status = CronSchedule::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    const std::string item = absl::string_view(bad) == "1," ? "" : bad;
    EXPECT_EQ(status.message(), absl::StrCat("cron: minute: '", item, minute)) << text;
  }
  const std::string lists = ", and lists a,b of these";
  const std::vector<std::pair<const char*, std::string>> kTexts = {
      {"* 24 * * *",
       "cron: hour: '24'; allowed are *, 0 to 23, ranges a-b, steps */n and a-b/n with n from 1 to "
       "24" +
           lists},
      {"* * 0 * *",
       "cron: day of month: '0'; allowed are *, 1 to 31, ranges a-b, steps */n and a-b/n with n "
       "from 1 to 31" +
           lists},
      {"* * 32 * *",
       "cron: day of month: '32'; allowed are *, 1 to 31, ranges a-b, steps */n and a-b/n with n "
       "from 1 to 31" +
           lists},
      {"* * * 1-13 *",
       "cron: month: '1-13'; allowed are *, 1 to 12 or JAN to DEC, ranges a-b, steps */n and a-b/n "
       "with n from 1 to 12" +
           lists},
      {"* * * JANUARY *",
       "cron: month: 'JANUARY'; allowed are *, 1 to 12 or JAN to DEC, ranges a-b, steps */n and "
       "a-b/n with n from 1 to 12" +
           lists},
      {"* * * JAN-SUN *",
       "cron: month: 'JAN-SUN'; allowed are *, 1 to 12 or JAN to DEC, ranges a-b, steps */n and "
       "a-b/n with n from 1 to 12" +
           lists},
      {"* * * * 8",
       "cron: day of week: '8'; allowed are *, 0 to 7 (0 and 7 are Sunday) or SUN to SAT, ranges "
       "a-b, steps */n and a-b/n with n from 1 to 7" +
           lists},
      {"* * * * 5-0",
       "cron: day of week: '5-0'; allowed are *, 0 to 7 (0 and 7 are Sunday) or SUN to SAT, ranges "
       "a-b, steps */n and a-b/n with n from 1 to 7" +
           lists},
      {"* * * * FRI-MON",
       "cron: day of week: 'FRI-MON'; allowed are *, 0 to 7 (0 and 7 are Sunday) or SUN to SAT, "
       "ranges a-b, steps */n and a-b/n with n from 1 to 7" +
           lists},
      {"\x01 * * * *", "cron: minute: '\\x01" + minute},
      {"*\n * * * *", "cron: minute: '*\\n" + minute},
  };
  for (const auto& [text, message] : kTexts) {
    const absl::Status status = CronSchedule::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message(), message) << text;
  }
}

TEST(Cron, HasFiveFields) {
  const std::string allowed =
      "; allowed are the five minute, hour, day of month, month and day of week, such as 0 3 * * "
      "SUN";
  for (const auto& [text, count] :
       std::vector<std::pair<std::string, std::string>>{{"", "0 fields"},
                                                        {" \t ", "0 fields"},
                                                        {"@daily", "1 field"},
                                                        {"* * * *", "4 fields"},
                                                        {"0 0 * * * *", "6 fields"}}) {
    const absl::Status status = CronSchedule::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message(), absl::StrCat("cron: ", count, allowed)) << text;
  }
}

TEST(Cron, HasABoundedText) {
  const std::string text = "* * * * *";
  EXPECT_OK(CronSchedule::Parse(text + std::string(512 - text.size(), ' ')));
  const absl::Status status =
      CronSchedule::Parse(text + std::string(513 - text.size(), ' ')).status();
  EXPECT_EQ(status.message(), "cron: 513 bytes; allowed are at most 512");
}

TEST(Cron, RefusesWhatNeverFires) {
  for (const char* never :
       {"0 0 30 2 *", "0 0 30,31 FEB *", "0 0 31 2,4,6,9,11 *", "* * 31 4-6/2 *", "0 0 30 2 */2"}) {
    EXPECT_CODE(CronSchedule::Parse(never), kInvalidArgument);
  }
  EXPECT_EQ(CronSchedule::Parse("0 0 30-31 FEB *").status().message(),
            "cron: day of month '30-31' is in no month of 'FEB', so this never fires; allowed are "
            "days that one of the months has");
  for (const char* rare :
       {"0 0 29 2 *", "0 0 30 2,3 *", "0 0 31 6,7 *", "0 0 30 2 MON", "0 0 30 2 0,*/2"}) {
    EXPECT_OK(CronSchedule::Parse(rare));
  }
}

TEST(Cron, FindsTheNextAndThePrevious) {
  struct Case {
    const char* text;
    CivilMinute from;
    const char* next;
    const char* previous;
  };
  const std::vector<Case> kCases = {
      {"* * * * *", CivilMinute(2026, 5, 6, 7, 8), "2026-05-06T07:08", "2026-05-06T07:08"},
      {"*/15 * * * *", CivilMinute(2026, 5, 6, 7, 8), "2026-05-06T07:15", "2026-05-06T07:00"},
      {"10 * * * *", CivilMinute(2026, 5, 6, 23, 11), "2026-05-07T00:10", "2026-05-06T23:10"},
      {"10 * * * *", CivilMinute(2026, 5, 6, 0, 9), "2026-05-06T00:10", "2026-05-05T23:10"},
      {"59 23 31 12 *", CivilMinute(2026, 12, 31, 23, 59), "2026-12-31T23:59", "2026-12-31T23:59"},
      {"59 23 31 12 *", CivilMinute(2027, 1, 1, 0, 0), "2027-12-31T23:59", "2026-12-31T23:59"},
      {"0 0 1 1 *", CivilMinute(2026, 12, 31, 23, 59), "2027-01-01T00:00", "2026-01-01T00:00"},
      {"30 2 31 * *", CivilMinute(2026, 2, 1, 0, 0), "2026-03-31T02:30", "2026-01-31T02:30"},
      {"0 0 29 2 *", CivilMinute(2026, 1, 1, 0, 0), "2028-02-29T00:00", "2024-02-29T00:00"},
      {"0 0 29 2 *", CivilMinute(2096, 3, 1, 0, 0), "2104-02-29T00:00", "2096-02-29T00:00"},
      {"0 0 29 2 *", CivilMinute(2000, 2, 29, 0, 0), "2000-02-29T00:00", "2000-02-29T00:00"},
      {"0 0 29 2 *", CivilMinute(2000, 2, 29, 0, 1), "2004-02-29T00:00", "2000-02-29T00:00"},
      // 29 February on a Sunday: each 28 years, and 40 over a century without a leap year.
      {"0 0 29 2 */7", CivilMinute(2026, 1, 1, 0, 0), "2032-02-29T00:00", "2004-02-29T00:00"},
      {"0 0 29 2 */7", CivilMinute(2280, 3, 1, 0, 0), "2320-02-29T00:00", "2280-02-29T00:00"},
      // First Sunday; the first or a Monday (the 1 June 2026 is a Monday).
      {"0 3 1-7 * */7", CivilMinute(2026, 6, 8, 0, 0), "2026-07-05T03:00", "2026-06-07T03:00"},
      {"0 3 1 * MON", CivilMinute(2026, 6, 2, 0, 0), "2026-06-08T03:00", "2026-06-01T03:00"},
      {"0 3 1 * MON", CivilMinute(2026, 6, 30, 0, 0), "2026-07-01T03:00", "2026-06-29T03:00"},
      {"0 0 * * MON-FRI", CivilMinute(2026, 6, 6, 0, 0), "2026-06-08T00:00", "2026-06-05T00:00"},
      // The calendar's ends.
      {"0 0 * * *", CivilMinute(9999, 12, 31, 0, 1), "none", "9999-12-31T00:00"},
      {"0 0 2 * *", CivilMinute(1, 1, 1, 0, 0), "1-01-02T00:00", "none"},
      {"5 0 * * *", CivilMinute(20'000, 1, 1, 0, 0), "none", "9999-12-31T00:05"},
      {"5 0 * * *", CivilMinute(-20'000, 1, 1, 0, 0), "1-01-01T00:05", "none"},
  };
  for (const Case& example : kCases) {
    const CronSchedule schedule = CronOf(example.text);
    EXPECT_EQ(MinuteText(schedule.Next(example.from)), example.next)
        << example.text << " from " << example.from;
    EXPECT_EQ(MinuteText(schedule.Previous(example.from)), example.previous)
        << example.text << " from " << example.from;
  }
}

// The same from sets of numbers alone.
class NaiveCron {
 public:
  explicit NaiveCron(std::mt19937_64& random) : random_(random) {
    minutes_ = Field(0, 59, false);
    hours_ = Field(0, 23, false);
    days_ = Field(1, 31, false);
    day_star_ = star_;
    months_ = Field(1, 12, false);
    weekdays_ = Field(0, 6, true);
    weekday_star_ = star_;
  }

  std::string text() const { return absl::StrJoin(texts_, " "); }

  bool OnDay(absl::CivilDay day) const {
    const bool date = days_.count(day.day()) != 0;
    const bool week = weekdays_.count(Weekday(day)) != 0;
    const bool both = day_star_ || weekday_star_;
    return months_.count(day.month()) != 0 && (both ? date && week : date || week);
  }
  bool Matches(CivilMinute minute) const {
    return minutes_.count(minute.minute()) != 0 && hours_.count(minute.hour()) != 0 &&
           OnDay(absl::CivilDay(minute));
  }
  std::optional<CivilMinute> Search(CivilMinute from, int direction) const {
    const absl::CivilDay first(from);
    for (int i = 0; i <= 41 * 366; ++i) {
      const absl::CivilDay day = first + direction * i;
      if (!OnDay(day)) continue;
      CivilMinute minute = from;
      if (i != 0) minute = direction > 0 ? CivilMinute(day) : CivilMinute(day + 1) - 1;
      for (; absl::CivilDay(minute) == day; minute += direction) {
        if (Matches(minute)) return minute;
      }
    }
    return std::nullopt;
  }

 private:
  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  // T. Sakamoto's, 0 is Sunday.
  static int Weekday(absl::CivilDay day) {
    constexpr int kOffsets[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    const int64_t year = day.year() - (day.month() < 3 ? 1 : 0);
    return static_cast<int>(
        (year + year / 4 - year / 100 + year / 400 + kOffsets[day.month() - 1] + day.day()) % 7);
  }

  std::string Value(int value, bool week) {
    constexpr const char* kNames[] = {"Sun", "MON", "tue", "Wed", "THU", "fri", "SAT"};
    if (week && value < 7 && Below(2) == 0) return kNames[value];
    return absl::StrCat(value);
  }

  std::set<int> Field(int min, int max, bool week) {
    std::vector<std::string> items;
    std::set<int> values;
    const int count = Below(4) == 0 ? 1 + Below(5) : 1;
    for (int i = 0; i < count; ++i) {
      int first = min, last = max;
      std::string item = "*";
      const int kind = Below(3);
      if (kind != 0) {
        last = first = min + Below(max - min + (week ? 2 : 1));
        item = Value(first, week);
      }
      if (kind == 2) {
        last += Below(max + (week ? 2 : 1) - first);
        const bool sunday = week && first > 0 && last == 7;
        item = absl::StrCat(item, "-", sunday && Below(2) == 0 ? "Sun" : Value(last, week));
      }
      if (i == 0) star_ = kind == 0;
      const int step = kind != 1 && Below(2) == 0 ? 1 + Below(max - min + 1) : 1;
      if (step > 1) item = absl::StrCat(item, "/", step);
      items.push_back(item);
      for (int value = first; value <= last; value += step) values.insert(week ? value % 7 : value);
    }
    texts_.push_back(absl::StrJoin(items, ","));
    return values;
  }

  std::mt19937_64& random_;
  std::vector<std::string> texts_;
  bool star_ = false;
  bool day_star_ = false, weekday_star_ = false;
  std::set<int> minutes_, hours_, days_, months_, weekdays_;
};

TEST(Cron, IsAsATrialOfEachMinuteSays) {
  std::mt19937_64 random(TestSeed());
  const int count = TestCount("KEYTURN_CRON_SCHEDULES", kSanitized ? 300 : 3000);
  int rare = 0, never = 0;
  for (int i = 0; i < count; ++i) {
    const NaiveCron naive(random);
    SCOPED_TRACE(naive.text());
    const absl::StatusOr<CronSchedule> schedule = CronSchedule::Parse(naive.text());
    if (!schedule.ok()) {  // a February's 30, say: no day of forty years matches then
      ++never;
      EXPECT_EQ(MinuteText(naive.Search(CivilMinute(2000), 1)), "none") << schedule.status();
      continue;
    }
    ASSERT_OK_AND_ASSIGN(const CronSchedule again, CronSchedule::Parse(schedule->ToString()));
    ASSERT_EQ(again, *schedule) << schedule->ToString();
    ASSERT_EQ(again.ToString(), schedule->ToString());
    for (int start = 0; start < 4; ++start) {
      const CivilMinute from =
          CivilMinute(1900) + static_cast<int64_t>(random() % (300 * 366 * 24 * 60));
      const std::optional<CivilMinute> next = naive.Search(from, 1);
      ASSERT_EQ(MinuteText(schedule->Next(from)), MinuteText(next)) << from;
      ASSERT_EQ(MinuteText(schedule->Previous(from)), MinuteText(naive.Search(from, -1))) << from;
      rare += next.has_value() && *next - from > 366 * 24 * 60 ? 1 : 0;
      const CivilMinute near = next.value_or(from) - 100;
      for (CivilMinute minute = near; minute < near + 200; ++minute) {
        ASSERT_EQ(schedule->Matches(minute), naive.Matches(minute)) << minute;
      }
    }
  }
  std::printf("%d schedules, %d never fire, %d times more than a year ahead\n", count, never, rare);
  EXPECT_LT(never, count / 10);
  EXPECT_GT(rare, 0);
}

}  // namespace
}  // namespace keyturn
