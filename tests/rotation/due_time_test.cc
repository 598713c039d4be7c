#include "rotation/due_time.h"

#include <random>

#include "tests/rotation/moment.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr absl::Duration kWholeDay = absl::Hours(24);
constexpr absl::Duration kWholeHour = absl::Hours(1);

WindowSet OneWindow(absl::string_view cron, absl::Duration duration) {
  absl::StatusOr<Window> window = Window::Create(cron, duration, "UTC");
  EXPECT_TRUE(window.ok()) << window.status();
  return *WindowSet::Create({*window});
}

// 90 days and a week of grace, from a Thursday's noon; the deadline is Wednesday, 1 April.
RotationTimers QuarterlyTimers() {
  RotationTimers timers;
  timers.promoted_at = MomentOf("2026-01-01T12:00:00Z");
  timers.period = 90 * kWholeDay;
  timers.grace = 7 * kWholeDay;
  return timers;
}

std::string DueText(const DueTime& due) {
  return absl::StrCat(absl::FormatTime(due.due, absl::UTCTimeZone()), " of ",
                      absl::FormatTime(due.deadline, absl::UTCTimeZone()),
                      due.outside_windows ? " outside" : "");
}

std::string DueText(const std::string& due, const std::string& deadline) {
  return DueText(DueTime{MomentOf(due), MomentOf(deadline), false});
}

TEST(DueTime, IsTheEndOfThePeriod) {
  EXPECT_EQ(DueText(ComputeDueTime(QuarterlyTimers(), WindowSet())),
            DueText("2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z"));
}

TEST(DueTime, IsAGraceEarlierInModeBefore) {
  RotationTimers timers = QuarterlyTimers();
  timers.grace_mode = GraceMode::kBefore;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-03-25T12:00:00Z", "2026-03-25T12:00:00Z"));
}

TEST(DueTime, LetsNoVersionBeOlderThanTheMaximalAge) {
  RotationTimers timers = QuarterlyTimers();
  timers.max_credential_age = 90 * kWholeDay;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-03-25T12:00:00Z", "2026-03-25T12:00:00Z"));
  timers.grace_mode = GraceMode::kBefore;  // not twice
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-03-25T12:00:00Z", "2026-03-25T12:00:00Z"));
  timers.max_credential_age = 30 * kWholeDay;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-01-24T12:00:00Z", "2026-01-24T12:00:00Z"));
  timers.max_credential_age = 365 * kWholeDay;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-03-25T12:00:00Z", "2026-03-25T12:00:00Z"));
}

TEST(DueTime, IsBroughtForwardByJitter) {
  RotationTimers timers = QuarterlyTimers();
  timers.jitter_max = 72 * kWholeHour;
  timers.hash = 3600;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-04-01T11:00:00Z", "2026-04-01T12:00:00Z"));
  timers.hash = 72 * 3600;  // all of it
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-03-29T12:00:00Z", "2026-04-01T12:00:00Z"));
  timers.hash = 72 * 3600 + 1;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z"));
  timers.hash = ~uint64_t{0};
  EXPECT_EQ(ComputeDueTime(timers, WindowSet()).due,
            MomentOf("2026-04-01T12:00:00Z") -
                absl::Seconds(static_cast<int64_t>(~uint64_t{0} % (72 * 3600 + 1))));
}

TEST(DueTime, StaysWhereAWindowIsOpen) {
  RotationTimers timers = QuarterlyTimers();
  timers.jitter_max = kWholeDay;
  timers.hash = 2 * 3600;
  EXPECT_EQ(DueText(ComputeDueTime(timers, OneWindow("0 9 * * *", 2 * kWholeHour))),
            DueText("2026-04-01T10:00:00Z", "2026-04-01T12:00:00Z"));
}

TEST(DueTime, MovesBackIntoTheLatestWindow) {
  RotationTimers timers = QuarterlyTimers();
  const WindowSet sundays = OneWindow("0 2 * * SUN", 4 * kWholeHour);
  timers.hash = 0;
  EXPECT_EQ(DueText(ComputeDueTime(timers, sundays)),
            DueText("2026-03-29T02:00:00Z", "2026-04-01T12:00:00Z"));
  timers.hash = 4 * 3600 - 1;  // the last second of it, and then the first again
  EXPECT_EQ(DueText(ComputeDueTime(timers, sundays)),
            DueText("2026-03-29T05:59:59Z", "2026-04-01T12:00:00Z"));
  timers.hash = 4 * 3600;
  EXPECT_EQ(DueText(ComputeDueTime(timers, sundays)),
            DueText("2026-03-29T02:00:00Z", "2026-04-01T12:00:00Z"));
  // By a jitter that passes over a window, into the one before.
  timers.jitter_max = 7 * kWholeDay;
  timers.hash = 4 * 86'400;
  EXPECT_EQ(DueText(ComputeDueTime(timers, sundays)),
            DueText("2026-03-22T02:00:00Z", "2026-04-01T12:00:00Z"));
}

TEST(DueTime, TakesAWindowThatJitterPassedOverRatherThanNone) {
  RotationTimers timers = QuarterlyTimers();
  timers.jitter_max = 7 * kWholeDay;
  timers.hash = 7 * 86'400;  // 25 March, noon
  const WindowSet once = OneWindow("0 2 29 3 *", 4 * kWholeHour);
  EXPECT_EQ(DueText(ComputeDueTime(timers, once)),
            DueText("2026-03-29T02:00:00Z", "2026-04-01T12:00:00Z"));
  // Only what is before the deadline of one that goes on.
  const WindowSet late = OneWindow("0 11 1 4 *", 4 * kWholeHour);
  timers.hash += 7 * 86'400 + 1;
  EXPECT_EQ(DueText(ComputeDueTime(timers, late)),
            DueText("2026-04-01T11:00:01Z", "2026-04-01T12:00:00Z"));
}

TEST(DueTime, IsInTheSecondHalfOfALife) {
  RotationTimers timers = QuarterlyTimers();
  // Half of 90 days are over on 15 February at noon; a window that ends then does not fit, and of
  // one that is open then, the rest does.
  EXPECT_EQ(DueText(ComputeDueTime(timers, OneWindow("0 8 15 2 *", 4 * kWholeHour))),
            DueText("2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z") + " outside");
  EXPECT_EQ(DueText(ComputeDueTime(timers, OneWindow("0 9 15 2 *", 4 * kWholeHour))),
            DueText("2026-02-15T12:00:00Z", "2026-04-01T12:00:00Z"));
  // Nor does jitter lead there.
  timers.jitter_max = 80 * kWholeDay;
  timers.hash = 80 * 86'400;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-02-15T12:00:00Z", "2026-04-01T12:00:00Z"));
}

TEST(DueTime, IsNotWithinTheGraceOfTheVersionBefore) {
  RotationTimers timers = QuarterlyTimers();
  timers.period = 10 * kWholeDay;
  timers.jitter_max = 9 * kWholeDay;
  timers.hash = 9 * 86'400;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-01-08T12:00:00Z", "2026-01-11T12:00:00Z"));
  timers.grace = 12 * kWholeDay;  // longer than the period
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-01-11T12:00:00Z", "2026-01-11T12:00:00Z"));
}

TEST(DueTime, IsNeverAtOnce) {
  RotationTimers timers = QuarterlyTimers();
  const std::string minute = DueText("2026-01-01T12:01:00Z", "2026-01-01T12:01:00Z");
  timers.grace_mode = GraceMode::kBefore;
  timers.grace = 91 * kWholeDay;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())), minute);
  timers = QuarterlyTimers();
  timers.max_credential_age = kWholeDay;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())), minute);
  timers = QuarterlyTimers();
  timers.period = absl::Seconds(90);
  timers.grace = absl::ZeroDuration();
  timers.jitter_max = absl::Seconds(90);
  timers.hash = 90;
  EXPECT_EQ(DueText(ComputeDueTime(timers, WindowSet())),
            DueText("2026-01-01T12:01:00Z", "2026-01-01T12:01:30Z"));
}

TEST(DueTime, WithoutAWindowIsTheDeadlineWhenStrictAndTheNextWindowWhenSoft) {
  RotationTimers timers = QuarterlyTimers();
  timers.jitter_max = kWholeDay;
  timers.hash = 3600;
  const WindowSet may = OneWindow("0 2 1 5 *", 4 * kWholeHour);
  EXPECT_EQ(DueText(ComputeDueTime(timers, may)),
            DueText("2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z") + " outside");
  timers.window_mode = WindowMode::kSoft;
  EXPECT_EQ(DueText(ComputeDueTime(timers, may)),
            DueText("2026-05-01T02:00:00Z", "2026-04-01T12:00:00Z"));
  // A window that opens at the deadline.
  const WindowSet noon = OneWindow("0 12 1 4 *", 4 * kWholeHour);
  for (const WindowMode mode : {WindowMode::kStrict, WindowMode::kSoft}) {
    timers.window_mode = mode;
    EXPECT_EQ(DueText(ComputeDueTime(timers, noon)),
              DueText("2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z"));
  }
}

TEST(DueTime, OfASoftPolicyDoesNotWaitForEver) {
  RotationTimers timers = QuarterlyTimers();
  timers.promoted_at = MomentOf("2096-12-01T12:00:00Z");
  timers.window_mode = WindowMode::kSoft;
  EXPECT_EQ(DueText(ComputeDueTime(timers, OneWindow("0 2 29 2 *", 4 * kWholeHour))),
            DueText("2097-03-01T12:00:00Z", "2097-03-01T12:00:00Z") + " outside");
}

TEST(DueTime, BecomesOverdueAndCritical) {
  const absl::Time deadline = MomentOf("2026-04-01T12:00:00Z");
  const DueTime due = {deadline - kWholeHour, deadline, false};
  const absl::Duration tick = absl::Nanoseconds(1);
  EXPECT_EQ(LatenessAt(due.due - tick, due, 7 * kWholeDay), Lateness::kNone);
  EXPECT_EQ(LatenessAt(due.due, due, 7 * kWholeDay), Lateness::kDue);
  EXPECT_EQ(LatenessAt(deadline, due, 7 * kWholeDay), Lateness::kDue);
  EXPECT_EQ(LatenessAt(deadline + tick, due, 7 * kWholeDay), Lateness::kOverdue);
  EXPECT_EQ(LatenessAt(deadline + 7 * kWholeDay, due, 7 * kWholeDay), Lateness::kOverdue);
  EXPECT_EQ(LatenessAt(deadline + 7 * kWholeDay + tick, due, 7 * kWholeDay), Lateness::kCritical);
  EXPECT_EQ(LatenessAt(deadline + tick, due, absl::ZeroDuration()), Lateness::kCritical);
  // One that waits for a window is late all the same.
  const DueTime waits = {deadline + 9 * kWholeDay, deadline, false};
  EXPECT_EQ(LatenessAt(deadline, waits, 7 * kWholeDay), Lateness::kNone);
  EXPECT_EQ(LatenessAt(deadline + kWholeDay, waits, 7 * kWholeDay), Lateness::kOverdue);
  EXPECT_EQ(LatenessAt(deadline + 8 * kWholeDay, waits, 7 * kWholeDay), Lateness::kCritical);
}

class TimersChance {
 public:
  explicit TimersChance(uint64_t seed) : random_(seed) {}

  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int64_t count) { return Below(count) == 0; }

  RotationTimers Timers() {
    RotationTimers timers;
    timers.promoted_at =
        MomentOf("2026-01-01T00:00:00Z") + absl::Milliseconds(Below(400'000'000'000));
    timers.period = absl::Seconds(OneIn(10) ? Below(200) : Below(200 * 86'400));
    timers.grace = absl::Seconds(OneIn(10) ? Below(200 * 86'400) : Below(10 * 86'400));
    timers.grace_mode = OneIn(2) ? GraceMode::kBefore : GraceMode::kAfter;
    timers.jitter_max = absl::Seconds(OneIn(4) ? 0 : Below(OneIn(5) ? 200 * 86'400 : 3 * 86'400));
    if (OneIn(3)) timers.max_credential_age = absl::Seconds(Below(200 * 86'400));
    timers.window_mode = OneIn(2) ? WindowMode::kSoft : WindowMode::kStrict;
    timers.hash = random_();
    return timers;
  }

  WindowSet Windows() {
    std::vector<Window> windows;
    const int64_t count = Below(4);
    for (int64_t i = 0; i < count; ++i) {
      const std::string day = OneIn(2) ? "*" : absl::StrCat(1 + Below(28));
      const std::string month = OneIn(2) ? "*" : absl::StrCat(1 + Below(12));
      const std::string week = OneIn(2) ? "*" : absl::StrCat(Below(7));
      const std::string cron =
          absl::StrCat(Below(60), " ", Below(24), " ", day, " ", month, " ", week);
      absl::StatusOr<Window> window =
          Window::Create(cron, absl::Seconds(900 + Below(OneIn(5) ? 31 * 86'400 - 900 : 8 * 3600)),
                         OneIn(2) ? "UTC" : "Europe/Berlin");
      EXPECT_TRUE(window.ok()) << window.status();
      windows.push_back(*window);
    }
    return *WindowSet::Create(windows);
  }

 private:
  std::mt19937_64 random_;
};

TEST(DueTime, KeepsItsPromises) {
  TimersChance chance(TestSeed());
  const int count = TestCount("KEYTURN_DUE_TIMES", kSanitized ? 2'000 : 50'000);
  int inside = 0, outside = 0, waiting = 0;
  for (int i = 0; i < count; ++i) {
    const RotationTimers timers = chance.Timers();
    const WindowSet windows = chance.Windows();
    const DueTime due = ComputeDueTime(timers, windows);
    SCOPED_TRACE(absl::StrCat("run ", i, ": ", DueText(due)));
    ASSERT_EQ(DueText(ComputeDueTime(timers, windows)), DueText(due));
    const absl::Time first = timers.promoted_at + absl::Minutes(1);
    ASSERT_GE(due.due, first);
    ASSERT_EQ(due.outside_windows, !windows.IsOpen(due.due));
    // The deadline by cases.
    absl::Time deadline = timers.promoted_at + timers.period;
    if (timers.grace_mode == GraceMode::kBefore) deadline -= timers.grace;
    if (timers.max_credential_age.has_value()) {
      deadline = std::min(deadline, timers.promoted_at + *timers.max_credential_age - timers.grace);
    }
    ASSERT_EQ(due.deadline, std::max(deadline, first));
    const absl::Time half = due.deadline - (due.deadline - timers.promoted_at) / 2;
    const absl::Time earliest =
        std::min(due.deadline, std::max({first, half, timers.promoted_at + timers.grace}));
    ASSERT_GE(due.due, earliest);
    // Inside whenever a window fits, and before the deadline then; by the jitter at most, unless
    // windows move it.
    const bool fits =
        windows.LatestFitting(earliest, due.deadline).has_value() || windows.IsOpen(due.deadline);
    if (fits) {
      ASSERT_LE(due.due, due.deadline);
      ASSERT_FALSE(due.outside_windows);
      ++inside;
    } else if (timers.window_mode == WindowMode::kStrict) {
      ASSERT_EQ(due.due, due.deadline);
      ++outside;
    } else {
      ASSERT_GT(due.due, due.deadline);
      ASSERT_EQ(due.due, windows.NextOpen(due.deadline)->begin);
      ++waiting;
    }
    if (windows.always_open()) {
      ASSERT_GE(due.due + timers.jitter_max, due.deadline);
    }
    // Without jitter, no window lies between the start and the deadline.
    RotationTimers steady = timers;
    steady.jitter_max = absl::ZeroDuration();
    const DueTime latest = ComputeDueTime(steady, windows);
    ASSERT_EQ(latest.deadline, due.deadline);
    if (fits && latest.due < latest.deadline) {
      const auto after = windows.LatestFitting(latest.due, latest.deadline);
      ASSERT_TRUE(after.has_value());
      ASSERT_EQ(after->begin, latest.due);
    }
  }
  std::printf("%d times inside, %d outside, %d wait\n", inside, outside, waiting);
  EXPECT_GT(inside, count / 4);
  EXPECT_GT(outside, count / 100);
  EXPECT_GT(waiting, count / 100);
}

// What is made together with one policy is replaced all over the jitter, or the window.
TEST(DueTime, SpreadsWhatWasMadeTogether) {
  std::mt19937_64 random(TestSeed());
  RotationTimers timers = QuarterlyTimers();
  const WindowSet sundays = OneWindow("0 2 * * SUN", 4 * kWholeHour);
  std::vector<int> by_hour(4, 0), by_day(3, 0);
  for (int i = 0; i < 4000; ++i) {
    timers.hash = random();
    timers.jitter_max = absl::ZeroDuration();
    const DueTime due = ComputeDueTime(timers, sundays);
    ++by_hour.at(
        static_cast<size_t>(absl::ToInt64Hours(due.due - MomentOf("2026-03-29T02:00:00Z"))));
    timers.jitter_max = 3 * kWholeDay - absl::Seconds(1);
    const DueTime anywhere = ComputeDueTime(timers, WindowSet());
    ++by_day.at(static_cast<size_t>((anywhere.deadline - anywhere.due) / kWholeDay));
  }
  for (const int count : by_hour) EXPECT_NEAR(count, 1000, 200);
  for (const int count : by_day) EXPECT_NEAR(count, 1333, 220);
}

}  // namespace
}  // namespace keyturn
