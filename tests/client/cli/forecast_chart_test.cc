#include "client/cli/forecast_chart.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/timestamps.h"
#include "tests/client/cli/forecast_made.h"

namespace keyturn::cli {
namespace {

using Event = v1::ForecastEvent;

TEST(ForecastChart, AStartIsToldByWhatItBeginsWith) {
  Foreseen foreseen = Made(30);
  v1::Forecast& a = AddSecret(&foreseen, "a");
  Event& start = AddEvent(&a, Event::STARTED, "2026-11-10T10:00:00.5Z");
  start.set_why(Event::ORDER);
  start.set_after_path("db/admin");
  Event& promoted = AddEvent(&a, Event::PROMOTED, "2026-11-10T10:00:01Z", 3);
  *promoted.mutable_grace_end_time() = ToTimestamp(At("2026-11-17T10:00:01Z"));
  AddEvent(&a, Event::RETIRED, "2026-11-17T10:00:01Z", 2);
  v1::Forecast& b = AddSecret(&foreseen, "b");
  AddRotation(&b, "2026-11-10T09:00:00Z", Event::AWAITING_VALUE);
  Event& put = AddEvent(&b, Event::PROMOTED, "2026-11-12T09:00:00Z", 8);
  put.set_conditional(true);
  const std::vector<Moment> moments = MomentsOf(foreseen);
  ASSERT_EQ(moments.size(), 4u);
  EXPECT_EQ(moments[0].secret->path(), "b");
  EXPECT_TRUE(moments[0].starts);
  EXPECT_EQ(WhatText(moments[0].event), "its owner is asked for a value");
  EXPECT_EQ(moments[1].time, At("2026-11-10T10:00:00.5Z"));
  EXPECT_EQ(WhatText(moments[1].event), "version 3 is current");
  EXPECT_EQ(WhyText(moments[1].event),
            "after db/admin; the one before works until 2026-11-17T10:00:01Z");
  EXPECT_FALSE(moments[2].starts);
  EXPECT_EQ(WhyText(moments[2].event), "if its value comes");
  EXPECT_EQ(WhatText(moments[3].event), "version 2 works no more");
  EXPECT_EQ(WhyText(moments[3].event), "");
  EXPECT_EQ(BusiestText(moments), "busiest day 2026-11-10: 2 of 2 rotations");
}

TEST(ForecastChart, WordsForAllThatCanBeTold) {
  std::set<std::string> seen;
  for (int kind = Event::STARTED; kind <= Event::Kind_MAX; ++kind) {
    Event event;
    event.set_kind(static_cast<Event::Kind>(kind));
    EXPECT_TRUE(seen.insert(WhatText(event)).second) << kind;
  }
  for (int why = Event::DEADLINE; why <= Event::Why_MAX; ++why) {
    Event event;
    event.set_why(static_cast<Event::Why>(why));
    EXPECT_TRUE(seen.insert(WhyText(event)).second) << why;
  }
  for (int obstacle = v1::Forecast::PAUSED; obstacle <= v1::Forecast::Obstacle_MAX; ++obstacle) {
    v1::Forecast forecast;
    forecast.add_obstacles(static_cast<v1::Forecast::Obstacle>(obstacle));
    const std::string text = ObstacleText(forecast, obstacle);
    EXPECT_FALSE(text.empty()) << obstacle;
    EXPECT_TRUE(seen.insert(text).second) << obstacle;
  }
}

TEST(ForecastChart, ACalendarCountsEachDay) {
  Foreseen foreseen = Made(40);
  v1::Forecast& a = AddSecret(&foreseen, "a");
  for (int i = 0; i < 12; ++i) AddRotation(&a, "2026-11-10T10:00:00Z");
  AddRotation(&a, "2026-11-09T00:00:00Z");
  AddRotation(&a, "2026-12-01T23:59:59Z", Event::AWAITING_VALUE);
  AddEvent(&a, Event::RETIRED, "2026-12-08T00:00:00Z", 2);
  const std::vector<Moment> moments = MomentsOf(foreseen);
  EXPECT_EQ(CalendarText(foreseen, moments, 2),
            "2026-11\n"
            " Mon       Tue       Wed       Thu       Fri       Sat       Sun\n"
            "                                                              -\n"
            "  -         3         4         5         6         7         8\n"
            "  9 1    ▁ 10 12   █ 11        12        13        14        15\n"
            " 16        17        18        19        20        21        22\n"
            " 23        24        25        26        27        28        29\n"
            " 30\n"
            "rotations by the server: 13, that wait for an owner: 0, versions that end: 0\n"
            "\n"
            "2026-12\n"
            " Mon       Tue       Wed       Thu       Fri       Sat       Sun\n"
            "            1 1    ▁  2         3         4         5         6\n"
            "  7         8         9        10        11        12        13\n"
            "  -         -         -         -         -         -         -\n"
            "  -         -         -         -         -         -         -\n"
            "  -         -         -         -\n"
            "rotations by the server: 0, that wait for an owner: 1, versions that end: 1\n"
            "\n"
            "busiest day 2026-11-10: 12 of 14 rotations\n");
}

TEST(ForecastChart, BarsAreOfWeeks) {
  Foreseen foreseen = Made(30);
  v1::Forecast& a = AddSecret(&foreseen, "a");
  for (int i = 0; i < 3; ++i) AddRotation(&a, "2026-11-10T10:00:00Z");
  AddRotation(&a, "2026-11-15T23:59:59Z", Event::AWAITING_VALUE);
  AddRotation(&a, "2026-11-16T00:00:00Z", Event::AWAITING_VALUE);
  const std::vector<Week> weeks = WeeksOf(foreseen, MomentsOf(foreseen));
  EXPECT_EQ(BarsText(weeks, 50),
            "week of      # by the server  ? wait for an owner\n"
            "2026-11-02  |\n"
            "2026-11-09  |###? 4\n"
            "2026-11-16  |? 1\n"
            "2026-11-23  |\n"
            "2026-11-30  |\n");
  // The busiest fills the width, and what is there at all is seen.
  EXPECT_TRUE(absl::StrContains(BarsText(weeks, 2), "|#? 4\n")) << BarsText(weeks, 2);
  EXPECT_TRUE(absl::StrContains(BarsText(weeks, 2), "|? 1\n")) << BarsText(weeks, 2);
}

TEST(ForecastChart, NothingIsNothing) {
  const Foreseen foreseen = Made(30);
  EXPECT_EQ(BusiestText(MomentsOf(foreseen)), "");
  EXPECT_EQ(WeeksOf(foreseen, {}).size(), 5u);
  EXPECT_TRUE(absl::StrContains(CalendarText(foreseen, {}, 1), "rotations by the server: 0"));
}

}  // namespace
}  // namespace keyturn::cli
