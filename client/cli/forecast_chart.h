// What is foreseen of rotations, as people look at it: a list in the order of time, a calendar of
// months, bars of weeks. Days are those of UTC, weeks begin on Monday. Pure; thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "keyturn/v1/rotation_service.pb.h"

namespace keyturn::cli {

// All pages of an answer.
struct Foreseen {
  absl::Time from, end;
  bool clock_trusted = true;
  std::vector<v1::Forecast> forecasts;
};

// Something that happens to a secret. A start is told by what it begins with, in the same second:
// the new version, or that its owner is asked.
struct Moment {
  const v1::Forecast* secret = nullptr;  // of the Foreseen, which outlives this
  v1::ForecastEvent event;
  absl::Time time;
  bool starts = false;  // `event` has time, why, after_path and deadline_time of the start
};

// In the order of time, those of one second by path.
std::vector<Moment> MomentsOf(const Foreseen& foreseen);

// "version 3", "its owner is asked for a value".
std::string WhatText(const v1::ForecastEvent& event);
// "90 days old", "after db/admin"; "" of what needs no reason.
std::string WhyText(const v1::ForecastEvent& event);
std::string ObstacleText(const v1::Forecast& forecast, int obstacle);

// How much happens in a day or a week.
struct Load {
  int made = 0;   // rotations that the server does
  int asked = 0;  // rotations that wait for an owner
  int ended = 0;  // versions that work no more
  int starts() const { return made + asked; }
};
std::map<absl::CivilDay, Load> LoadByDay(const std::vector<Moment>& moments);

struct Week {
  absl::CivilDay monday;
  Load load;
};
// From the week of `from` to that of `end`, those without anything too.
std::vector<Week> WeeksOf(const Foreseen& foreseen, const std::vector<Moment>& moments);

// `months` from that of `from` on, each day with the number of rotations that start and how that is
// to the busiest day.
std::string CalendarText(const Foreseen& foreseen, const std::vector<Moment>& moments, int months);
// A line for each week: '#' what the server does, '?' what owners are asked for, `width` columns at
// most for the busiest.
std::string BarsText(const std::vector<Week>& weeks, int width);
// "busiest day 2026-11-30: 12 of 40 rotations"; "" without any.
std::string BusiestText(const std::vector<Moment>& moments);

}  // namespace keyturn::cli
