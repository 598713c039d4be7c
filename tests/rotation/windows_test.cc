#include "rotation/windows.h"

#include <random>

#include "absl/strings/escaping.h"
#include "tests/rotation/moment.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

Window GoodWindow(absl::StatusOr<Window> window) {
  EXPECT_TRUE(window.ok()) << window.status();
  return *window;
}

WindowSet WindowSetOf(std::vector<Window> windows) {
  return *WindowSet::Create(std::move(windows));
}

WindowSet WindowsOf(absl::string_view cron, absl::Duration duration, absl::string_view zone) {
  return WindowSetOf({GoodWindow(Window::Create(cron, duration, zone))});
}

std::string IntervalText(const std::optional<Interval>& interval) {
  if (!interval.has_value()) return "none";
  return absl::StrCat(absl::FormatTime(interval->begin, absl::UTCTimeZone()), " to ",
                      absl::FormatTime(interval->end, absl::UTCTimeZone()));
}

std::string IntervalText(const std::string& begin, const std::string& end) {
  return IntervalText(Interval{MomentOf(begin), MomentOf(end)});
}

TEST(Windows, OpenOnTheClocksOfTheirZone) {
  const WindowSet berlin = WindowsOf("0 3 * * SUN", absl::Hours(2), "Europe/Berlin");
  EXPECT_EQ(IntervalText(berlin.NextOpen(MomentOf("2026-01-01T00:00:00Z"))),
            IntervalText("2026-01-04T02:00:00Z", "2026-01-04T04:00:00Z"));
  EXPECT_EQ(IntervalText(berlin.NextOpen(MomentOf("2026-07-01T00:00:00Z"))),
            IntervalText("2026-07-05T01:00:00Z", "2026-07-05T03:00:00Z"));
  const WindowSet kathmandu = WindowsOf("0 3 * * *", absl::Hours(2), "Asia/Kathmandu");
  EXPECT_EQ(IntervalText(kathmandu.NextOpen(MomentOf("2026-01-01T12:00:00Z"))),
            IntervalText("2026-01-01T21:15:00Z", "2026-01-01T23:15:00Z"));
  const WindowSet utc = WindowsOf("0 3 29 2 *", absl::Hours(2), "UTC");
  EXPECT_EQ(IntervalText(utc.NextOpen(MomentOf("2026-01-01T00:00:00Z"))),
            IntervalText("2028-02-29T03:00:00Z", "2028-02-29T05:00:00Z"));
}

TEST(Windows, AreHalfOpen) {
  const WindowSet set = WindowsOf("0 3 * * *", absl::Hours(2), "UTC");
  const absl::Time begin = MomentOf("2026-05-06T03:00:00Z"), end = MomentOf("2026-05-06T05:00:00Z");
  EXPECT_FALSE(set.IsOpen(begin - absl::Nanoseconds(1)));
  EXPECT_TRUE(set.IsOpen(begin));
  EXPECT_TRUE(set.IsOpen(end - absl::Nanoseconds(1)));
  EXPECT_FALSE(set.IsOpen(end));
  EXPECT_EQ(IntervalText(set.NextOpen(begin)), IntervalText(Interval{begin, end}));
  EXPECT_EQ(IntervalText(set.NextOpen(end - absl::Seconds(1))),
            IntervalText(Interval{end - absl::Seconds(1), end}));
  EXPECT_EQ(IntervalText(set.NextOpen(end)),
            IntervalText(Interval{begin + absl::Hours(24), end + absl::Hours(24)}));
  // It must begin before the deadline, and end after what it may not be before.
  const absl::Time before = begin - absl::Hours(1);
  EXPECT_EQ(IntervalText(set.LatestFitting(before, begin)), "none");
  EXPECT_EQ(IntervalText(set.LatestFitting(before, begin + absl::Nanoseconds(1))),
            IntervalText(Interval{begin, begin + absl::Nanoseconds(1)}));
  EXPECT_EQ(IntervalText(set.LatestFitting(end, end + absl::Hours(1))), "none");
  EXPECT_EQ(IntervalText(set.LatestFitting(end - absl::Nanoseconds(1), end + absl::Hours(1))),
            IntervalText(Interval{end - absl::Nanoseconds(1), end}));
  EXPECT_EQ(IntervalText(set.LatestFitting(before, end + absl::Hours(1))),
            IntervalText(Interval{begin, end}));
  EXPECT_EQ(IntervalText(set.LatestFitting(end, begin)), "none");
}

// A row says when the opening after `from` is, and the one after that.
TEST(Windows, FollowClocksThatAreChanged) {
  struct Case {
    const char* zone;
    const char* cron;
    const char* from;
    const char* first;
    const char* second;
  };
  const std::vector<Case> kCases = {
      // 02:00 is 03:00: at the jump, not an hour later, and the next day as ever.
      {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z",
       "2026-03-30T00:30:00Z"},
      {"America/New_York", "0 2 * * *", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z",
       "2026-03-09T06:00:00Z"},
      {"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z",
       "2026-10-04T15:15:00Z"},
      // 03:00 is 02:00: at the first, and not again.
      {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z",
       "2026-10-26T01:30:00Z"},
      {"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z",
       "2026-11-02T06:30:00Z"},
      {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z",
       "2026-04-05T15:15:00Z"},
      // While times come again, the next that has not been yet.
      {"Europe/Berlin", "*/30 * * * *", "2026-10-25T00:20:00Z", "2026-10-25T00:30:00Z",
       "2026-10-25T02:00:00Z"},
      {"Australia/Lord_Howe", "*/15 * * * *", "2026-04-04T14:40:00Z", "2026-04-04T14:45:00Z",
       "2026-04-04T15:30:00Z"},
      // No 30 December 2011 in Samoa.
      {"Pacific/Apia", "0 12 30 12 *", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z",
       "2012-12-29T22:00:00Z"},
      {"Asia/Kathmandu", "0 0 * * *", "2026-03-29T00:00:00Z", "2026-03-29T18:15:00Z",
       "2026-03-30T18:15:00Z"},
  };
  for (const Case& example : kCases) {
    SCOPED_TRACE(absl::StrCat(example.zone, " ", example.cron, " ", example.from));
    const Window window = GoodWindow(Window::Create(example.cron, absl::Minutes(15), example.zone));
    const absl::Time first = MomentOf(example.first), second = MomentOf(example.second);
    EXPECT_EQ(window.OpeningAfter(MomentOf(example.from)), first);
    EXPECT_EQ(window.OpeningAfter(first - absl::Nanoseconds(1)), first);
    EXPECT_EQ(window.OpeningAfter(first), second);
    for (absl::Time time = first; time < second; time += absl::Minutes(5)) {
      ASSERT_EQ(window.LastOpening(time), first) << time;
      ASSERT_EQ(window.OpeningAfter(time), second) << time;
    }
    EXPECT_EQ(window.LastOpening(second - absl::Nanoseconds(1)), first);
    EXPECT_EQ(window.LastOpening(second), second);
    const WindowSet set = WindowSetOf({window});
    if (set.IsOpen(MomentOf(example.from))) continue;
    EXPECT_EQ(IntervalText(set.NextOpen(MomentOf(example.from))),
              IntervalText(Interval{first, first + absl::Minutes(15)}));
  }
}

TEST(Windows, LastAsLongOnADayOfAnyLength) {
  const WindowSet set = WindowsOf("0 1 * * *", absl::Hours(4), "Europe/Berlin");
  EXPECT_EQ(IntervalText(set.NextOpen(MomentOf("2026-03-29T00:00:00Z"))),
            IntervalText("2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"));
  EXPECT_EQ(IntervalText(set.NextOpen(MomentOf("2026-10-24T12:00:00Z"))),
            IntervalText("2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"));
}

TEST(Windows, ThatOverlapOrTouchAreOne) {
  const WindowSet set =
      WindowSetOf({GoodWindow(Window::Create("0 1 * * *", absl::Hours(2), "UTC")),
                   GoodWindow(Window::Create("0 3 * * *", absl::Hours(1), "UTC")),
                   GoodWindow(Window::Create("30 3 * * *", absl::Hours(1), "UTC")),
                   GoodWindow(Window::Create("15 1 * * *", absl::Minutes(15), "UTC"))});
  const std::string one = IntervalText("2026-05-06T01:00:00Z", "2026-05-06T04:30:00Z");
  EXPECT_EQ(IntervalText(set.NextOpen(MomentOf("2026-05-06T00:00:00Z"))), one);
  EXPECT_EQ(IntervalText(set.LatestFitting(MomentOf("2026-05-05T12:00:00Z"),
                                           MomentOf("2026-05-06T12:00:00Z"))),
            one);
  EXPECT_EQ(IntervalText(set.LatestFitting(MomentOf("2026-05-06T02:00:00Z"),
                                           MomentOf("2026-05-06T04:00:00Z"))),
            IntervalText("2026-05-06T02:00:00Z", "2026-05-06T04:00:00Z"));
  // Of one window too.
  const WindowSet self = WindowsOf("0 1-5 * * *", absl::Minutes(90), "UTC");
  EXPECT_EQ(IntervalText(self.NextOpen(MomentOf("2026-05-06T00:00:00Z"))),
            IntervalText("2026-05-06T01:00:00Z", "2026-05-06T06:30:00Z"));
}

TEST(Windows, ThatDoNotEndAreCut) {
  const WindowSet set = WindowsOf("*/15 * * * *", absl::Minutes(15), "UTC");
  const absl::Time from = MomentOf("2026-05-06T00:00:00Z");
  EXPECT_EQ(IntervalText(set.NextOpen(from)),
            IntervalText(Interval{from, from + absl::Hours(31 * 24)}));
  EXPECT_EQ(IntervalText(set.LatestFitting(from - absl::Hours(90 * 24), from)),
            IntervalText(Interval{from - absl::Hours(31 * 24), from}));
  EXPECT_EQ(IntervalText(set.LatestFitting(from - absl::Hours(30 * 24), from)),
            IntervalText(Interval{from - absl::Hours(30 * 24), from}));
  // Also where that is no end of a window.
  const WindowSet overlapping = WindowsOf("0 */4 * * *", absl::Hours(7), "UTC");
  EXPECT_EQ(IntervalText(overlapping.NextOpen(from)),
            IntervalText(Interval{from, from + absl::Hours(31 * 24)}));
  const absl::Time to = from + absl::Hours(1);
  EXPECT_EQ(IntervalText(overlapping.LatestFitting(to - absl::Hours(90 * 24), to)),
            IntervalText(Interval{to - absl::Hours(31 * 24), to}));
}

TEST(Windows, AreAlwaysOpenWhenThereAreNone) {
  const WindowSet set;
  const absl::Time from = MomentOf("2026-05-06T00:00:00Z");
  EXPECT_TRUE(set.always_open());
  EXPECT_TRUE(set.IsOpen(from));
  EXPECT_EQ(set.NextOpen(from), (Interval{from, absl::InfiniteFuture()}));
  const absl::Time to = from + absl::Hours(24 * 1000);
  EXPECT_EQ(IntervalText(set.LatestFitting(from, to)), IntervalText(Interval{from, to}));
  EXPECT_EQ(IntervalText(set.LatestFitting(from, from)), "none");
}

TEST(Windows, AreLookedForWithinFiveYears) {
  const WindowSet set = WindowsOf("0 3 29 2 *", absl::Hours(2), "UTC");
  EXPECT_EQ(IntervalText(set.NextOpen(MomentOf("2096-03-01T00:00:00Z"))), "none");
  EXPECT_EQ(IntervalText(set.NextOpen(MomentOf("2100-03-01T00:00:00Z"))),
            IntervalText("2104-02-29T03:00:00Z", "2104-02-29T05:00:00Z"));
  // Back as far as one asks.
  EXPECT_EQ(IntervalText(set.LatestFitting(MomentOf("2090-01-01T00:00:00Z"),
                                           MomentOf("2104-01-01T00:00:00Z"))),
            IntervalText("2096-02-29T03:00:00Z", "2096-02-29T05:00:00Z"));
}

TEST(Windows, EndWithTheCalendar) {
  const WindowSet set = WindowsOf("0 3 * * *", absl::Hours(2), "Europe/Berlin");
  EXPECT_FALSE(set.IsOpen(absl::InfiniteFuture()));
  EXPECT_FALSE(set.IsOpen(absl::InfinitePast()));
  EXPECT_EQ(IntervalText(set.NextOpen(absl::InfinitePast())).substr(0, 16), "1-01-03T02:06:32");
  EXPECT_EQ(IntervalText(set.LatestFitting(absl::InfinitePast(), absl::InfiniteFuture())),
            IntervalText("9999-12-28T02:00:00Z", "9999-12-28T04:00:00Z"));
  const WindowSet rare = WindowsOf("0 3 29 2 *", absl::Hours(2), "UTC");
  EXPECT_EQ(IntervalText(rare.NextOpen(absl::InfiniteFuture())), "none");
  EXPECT_EQ(
      IntervalText(rare.LatestFitting(absl::InfinitePast(), MomentOf("0003-01-01T00:00:00Z"))),
      "none");
}

TEST(Windows, RefuseZonesThatAreNone) {
  const std::string nul(1, '\0');
  for (const std::string& zone :
       {std::string("Europe/Atlantis"), std::string(), std::string("/usr/share/zoneinfo/UTC"),
        std::string("../zoneinfo/Europe/Berlin"), std::string("Europe/../Europe/Berlin"),
        std::string("localtime"), std::string("Local"), std::string("local"),
        std::string("libc:localtime"), std::string("file:/etc/localtime"),
        std::string("posix/Europe/Berlin"), std::string("posixrules"), std::string("Europe"),
        std::string("europe/berlin"), std::string("utc"), std::string("Fixed/UTC+01:00:00"),
        std::string(":Europe/Berlin"), std::string("Europe/Berlin "), "Europe/Berlin" + nul}) {
    const absl::Status status = Window::Create("0 3 * * *", absl::Hours(2), zone).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << zone;
    const std::string shown = absl::CHexEscape(zone);
    EXPECT_EQ(status.message(),
              absl::StrCat("zone: '", shown,
                           "' is not a time zone that tzdata has; allowed are UTC and IANA names "
                           "such as Europe/Berlin"));
  }
  EXPECT_CODE(Window::Create("0 3 * * *", absl::Hours(2), "A" + std::string(64, 'b')),
              kInvalidArgument);
  for (const char* zone : {"UTC", "Etc/GMT+12", "America/Argentina/Buenos_Aires", "EST5EDT",
                           "America/Port-au-Prince", "W-SU"}) {
    ASSERT_OK_AND_ASSIGN(const Window window, Window::Create("0 3 * * *", absl::Hours(2), zone));
    EXPECT_EQ(window.zone(), zone);
  }
}

TEST(Windows, HaveBounds) {
  const auto of = [](absl::Duration duration) {
    return Window::Create("0 3 * * *", duration, "UTC").status();
  };
  EXPECT_OK(of(absl::Minutes(15)));
  EXPECT_OK(of(absl::Hours(31 * 24)));
  EXPECT_EQ(of(absl::Minutes(15) - absl::Seconds(1)).message(),
            "duration: 14m59s; allowed are whole seconds, 900 to 2678400");
  EXPECT_CODE(of(absl::Hours(31 * 24) + absl::Seconds(1)), kInvalidArgument);
  EXPECT_CODE(of(absl::Hours(1) + absl::Milliseconds(1)), kInvalidArgument);
  EXPECT_CODE(of(-absl::Hours(1)), kInvalidArgument);
  EXPECT_CODE(of(absl::InfiniteDuration()), kInvalidArgument);
  EXPECT_EQ(Window::Create("0 3 30 2 *", absl::Hours(1), "UTC").status().message().substr(0, 17),
            "cron: day of mont");
  const Window window = GoodWindow(Window::Create("0 3 * * 7", absl::Hours(1), "UTC"));
  EXPECT_EQ(window.schedule().ToString(), "0 3 * * 0");
  EXPECT_OK(WindowSet::Create(std::vector<Window>(8, window)));
  EXPECT_EQ(WindowSet::Create(std::vector<Window>(9, window)).status().message(),
            "windows: 9; allowed are at most 8");
}

// A stretch of time, minute by minute, by what a clock on the wall shows: an opening is when its
// time is shown, or a later one, for the first time.
class MinuteWalk {
 public:
  MinuteWalk(const std::vector<Window>& windows, absl::Time begin, int minutes)
      : begin_(begin), open_(static_cast<size_t>(minutes), false) {
    for (const Window& window : windows) {
      absl::TimeZone zone;
      EXPECT_TRUE(absl::LoadTimeZone(window.zone(), &zone));
      // Not within the hours that come twice.
      absl::CivilMinute shown(zone.At(begin - absl::Hours(48)).cs);
      for (int i = -48 * 60; i < minutes; ++i) {
        const absl::CivilMinute now(zone.At(begin + absl::Minutes(i)).cs);
        for (; shown < now; ++shown) {
          if (window.schedule().Matches(shown + 1)) Open(i, window.duration());
        }
      }
    }
  }

  int minutes() const { return static_cast<int>(open_.size()); }
  absl::Time at(int minute) const { return begin_ + absl::Minutes(minute); }
  bool open(int minute) const { return open_[static_cast<size_t>(minute)]; }

  std::optional<Interval> LatestFitting(int not_before, int deadline) const {
    int end = deadline;
    while (end > not_before && !open(end - 1)) --end;
    if (end == not_before) return std::nullopt;
    int begin = end;
    while (begin > not_before && open(begin - 1)) --begin;
    return Interval{at(begin), at(end)};
  }
  // None also when it is not known.
  std::optional<Interval> NextOpen(int from) const {
    int begin = from;
    while (begin < minutes() && !open(begin)) ++begin;
    int end = begin;
    while (end < minutes() && open(end)) ++end;
    if (end == minutes()) return std::nullopt;
    return Interval{at(begin), at(end)};
  }

 private:
  void Open(int minute, absl::Duration duration) {
    const int64_t end = minute + absl::ToInt64Minutes(duration);
    for (int64_t i = std::max(0, minute); i < std::min<int64_t>(end, minutes()); ++i) {
      open_[static_cast<size_t>(i)] = true;
    }
  }

  absl::Time begin_;
  std::vector<bool> open_;
};

class WindowChance {
 public:
  explicit WindowChance(uint64_t seed) : random_(seed) {}

  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  std::vector<Window> Windows(const std::string& zone) {
    std::vector<Window> windows;
    const int count = 1 + Below(3);
    for (int i = 0; i < count; ++i) {
      const std::string minute = Below(3) == 0 ? "*/15" : absl::StrCat(Below(60));
      const std::string hour = Below(4) == 0   ? absl::StrCat("*/", 1 + Below(6))
                               : Below(2) == 0 ? absl::StrCat(Below(24))
                                               : absl::StrCat(Below(4));
      const std::string day = Below(4) != 0 ? "*" : absl::StrCat("*/", 1 + Below(10));
      const std::string week = Below(4) != 0 ? "*" : absl::StrCat(Below(8));
      const int duration = Below(3) == 0 ? 15 + Below(46 * 60) : 15 + Below(180);
      windows.push_back(
          GoodWindow(Window::Create(absl::StrCat(minute, " ", hour, " ", day, " * ", week),
                                    absl::Minutes(duration), Below(4) == 0 ? "UTC" : zone)));
    }
    return windows;
  }

  // Some days before the clocks of the zone are changed, where they are.
  absl::Time Begin(const std::string& name) {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
    const absl::Time time = absl::FromUnixSeconds(999'999'960 + int64_t{600} * Below(2'000'000));
    absl::TimeZone::CivilTransition change;
    if (!zone.NextTransition(time, &change)) return time;
    return zone.At(change.to).trans - absl::Minutes(3 * 1440 + Below(1440));
  }

 private:
  std::mt19937_64 random_;
};

TEST(Windows, AreAsAWalkThroughTheMinutesSays) {
  constexpr const char* kZones[] = {"Europe/Berlin",  "America/New_York",  "Australia/Lord_Howe",
                                    "Asia/Kathmandu", "America/St_Johns",  "UTC",
                                    "Pacific/Apia",   "Africa/Casablanca", "Europe/Dublin"};
  WindowChance chance(TestSeed());
  const int count = TestCount("KEYTURN_WINDOW_WALKS", kSanitized ? 30 : 300);
  int found = 0;
  for (int i = 0; i < count; ++i) {
    const std::string zone = kZones[chance.Below(std::size(kZones))];
    const std::vector<Window> windows = chance.Windows(zone);
    const absl::Time begin = chance.Begin(zone);
    const MinuteWalk walk(windows, begin, 8 * 1440);
    const WindowSet set = WindowSetOf(windows);
    std::string what = absl::StrCat(zone, " from ", absl::FormatTime(begin, absl::UTCTimeZone()));
    for (const Window& window : windows) {
      absl::StrAppend(&what, "; ", window.schedule().ToString(), " for ",
                      absl::FormatDuration(window.duration()), " ", window.zone());
    }
    SCOPED_TRACE(what);
    for (int minute = 0; minute < walk.minutes(); ++minute) {
      ASSERT_EQ(set.IsOpen(walk.at(minute)), walk.open(minute)) << walk.at(minute);
    }
    for (int question = 0; question < 100; ++question) {
      const int from = chance.Below(walk.minutes()), to = chance.Below(walk.minutes());
      const std::optional<Interval> latest = walk.LatestFitting(std::min(from, to), to);
      ASSERT_EQ(IntervalText(set.LatestFitting(walk.at(std::min(from, to)), walk.at(to))),
                IntervalText(latest));
      const std::optional<Interval> next = walk.NextOpen(from);
      if (next.has_value()) {
        ASSERT_EQ(IntervalText(set.NextOpen(walk.at(from))), IntervalText(next)) << walk.at(from);
      }
      found += latest.has_value() && next.has_value() ? 1 : 0;
    }
  }
  std::printf("%d walks, %d times both are found\n", count, found);
  EXPECT_GT(found, count * 10);
}

}  // namespace
}  // namespace keyturn
