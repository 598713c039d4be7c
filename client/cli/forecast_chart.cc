#include "client/cli/forecast_chart.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/output.h"

namespace keyturn::cli {
namespace {

using Event = v1::ForecastEvent;

absl::CivilDay DayOf(absl::Time time) { return absl::ToCivilDay(time, absl::UTCTimeZone()); }

absl::CivilDay MondayOf(absl::CivilDay day) {
  return absl::PrevWeekday(day + 1, absl::Weekday::monday);
}

void Count(const Moment& moment, Load* load) {
  if (moment.starts) ++(moment.event.kind() == Event::AWAITING_VALUE ? load->asked : load->made);
  if (moment.event.kind() == Event::RETIRED) ++load->ended;
}

// Eight heights, as the busiest day is the highest.
const char* BlockOf(int count, int most) {
  constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (count == 0 || most == 0) return kBlocks[0];
  return kBlocks[1 + (count - 1) * 8 / most];
}

std::string MonthText(absl::CivilMonth month, const std::map<absl::CivilDay, Load>& days, int most,
                      const Foreseen& foreseen) {
  std::string out = absl::StrCat(absl::FormatCivilTime(month), "\n");
  std::string line;
  for (const char* const name : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}) {
    absl::StrAppendFormat(&line, " %-9s", name);
  }
  Load all;
  for (absl::CivilDay day = MondayOf(absl::CivilDay(month)); day < absl::CivilDay(month + 1);
       ++day) {
    if (absl::GetWeekday(day) == absl::Weekday::monday) {
      absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(line), "\n");
      line.clear();
    }
    if (day < absl::CivilDay(month)) {
      absl::StrAppendFormat(&line, "%10s", "");
      continue;
    }
    const auto found = days.find(day);
    const Load load = found == days.end() ? Load() : found->second;
    all.made += load.made;
    all.asked += load.asked;
    all.ended += load.ended;
    const bool told = day >= DayOf(foreseen.from) && day <= DayOf(foreseen.end);
    absl::StrAppendFormat(&line, " %2s %-5s%s", told ? absl::StrCat(day.day()) : "-",
                          load.starts() == 0 ? "" : absl::StrCat(load.starts()),
                          BlockOf(load.starts(), most));
  }
  absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(line), "\n");
  absl::StrAppend(&out, "rotations by the server: ", all.made,
                  ", that wait for an owner: ", all.asked, ", versions that end: ", all.ended,
                  "\n");
  return out;
}

}  // namespace

std::vector<Moment> MomentsOf(const Foreseen& foreseen) {
  std::vector<Moment> moments;
  for (const v1::Forecast& forecast : foreseen.forecasts) {
    const Event* start = nullptr;
    for (const Event& event : forecast.events()) {
      if (event.kind() == Event::STARTED) {
        start = &event;
        continue;
      }
      Moment moment{&forecast, event, TimeOf(event.time())};
      const bool begins = event.kind() == Event::PROMOTED || event.kind() == Event::PUBLISHED ||
                          event.kind() == Event::AWAITING_VALUE;
      if (start != nullptr && begins) {
        moment.starts = true;
        moment.time = TimeOf(start->time());
        *moment.event.mutable_time() = start->time();
        moment.event.set_why(start->why());
        moment.event.set_after_path(start->after_path());
        *moment.event.mutable_deadline_time() = start->deadline_time();
        start = nullptr;
      }
      moments.push_back(std::move(moment));
    }
  }
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tuple(absl::ToUnixSeconds(a.time), absl::string_view(a.secret->path())) <
           std::tuple(absl::ToUnixSeconds(b.time), absl::string_view(b.secret->path()));
  });
  return moments;
}

std::string WhatText(const Event& event) {
  switch (event.kind()) {
    case Event::AWAITING_VALUE:
      return "its owner is asked for a value";
    case Event::STAGED:
      return absl::StrCat("version ", event.version(), " is published, to sign next");
    case Event::PUBLISHED:
      return absl::StrCat("version ", event.version(), " waits until all know it");
    case Event::PROMOTED:
      return absl::StrCat("version ", event.version(), " is current");
    case Event::RETIRED:
      return absl::StrCat("version ", event.version(), " works no more");
    case Event::DESTROYED:
      return absl::StrCat("version ", event.version(), " is destroyed");
    default:
      return "a rotation starts";
  }
}

std::string WhyText(const Event& event) {
  std::string text;
  switch (event.why()) {
    case Event::DEADLINE:
      text = "its period is over";
      break;
    case Event::JITTER:
      text = "its period, less its jitter";
      break;
    case Event::WINDOW:
      text = "in its window";
      break;
    case Event::LATE_WINDOW:
      text = "the first window after its deadline";
      break;
    case Event::NO_WINDOW:
      text = "its deadline; no window comes before";
      break;
    case Event::ORDER:
      text = absl::StrCat("after ", event.after_path());
      break;
    case Event::LIVE_VERSIONS:
      text = "when fewer versions work";
      break;
    case Event::HOLD:
      text = "held until then";
      break;
    case Event::OVERDUE:
      text = "it is overdue";
      break;
    default:
      break;
  }
  if (event.has_grace_end_time()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "the one before works until ",
                    TimeText(event.grace_end_time()));
  }
  if (event.conditional()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "if its value comes");
  }
  return text;
}

std::string ObstacleText(const v1::Forecast& forecast, int obstacle) {
  switch (obstacle) {
    case v1::Forecast::PAUSED:
      return "paused: nothing starts";
    case v1::Forecast::BLOCKED:
      return absl::StrCat("blocked: ", forecast.block_error());
    case v1::Forecast::UNREADABLE:
      return "nothing starts: its current version is deleted or expires";
    case v1::Forecast::ORDER_UNSEEN:
      return "it waits for secrets that you may not list: may be later";
    case v1::Forecast::ORDER_UNKNOWN:
      return "it waits for too many others: may be later";
    case v1::Forecast::STILL_USED:
      return "a version in its grace is used, and may work for longer";
    case v1::Forecast::TOO_MANY:
      return absl::StrCat("there is more than is told, after ", TimeText(forecast.end_time()));
    default:
      return "";
  }
}

std::map<absl::CivilDay, Load> LoadByDay(const std::vector<Moment>& moments) {
  std::map<absl::CivilDay, Load> days;
  for (const Moment& moment : moments) Count(moment, &days[DayOf(moment.time)]);
  return days;
}

std::vector<Week> WeeksOf(const Foreseen& foreseen, const std::vector<Moment>& moments) {
  std::vector<Week> weeks;
  const absl::CivilDay first = MondayOf(DayOf(foreseen.from));
  for (absl::CivilDay monday = first; monday <= DayOf(foreseen.end); monday += 7) {
    weeks.push_back({monday, {}});
  }
  for (const Moment& moment : moments) {
    const auto at = (DayOf(moment.time) - first) / 7;
    if (at >= 0 && at < static_cast<int64_t>(weeks.size())) {
      Count(moment, &weeks[static_cast<size_t>(at)].load);
    }
  }
  return weeks;
}

std::string CalendarText(const Foreseen& foreseen, const std::vector<Moment>& moments, int months) {
  const std::map<absl::CivilDay, Load> days = LoadByDay(moments);
  int most = 0;
  for (const auto& [day, load] : days) most = std::max(most, load.starts());
  std::string out;
  absl::CivilMonth month(DayOf(foreseen.from));
  for (int i = 0; i < months; ++i, ++month) {
    absl::StrAppend(&out, i == 0 ? "" : "\n", MonthText(month, days, most, foreseen));
  }
  const std::string busiest = BusiestText(moments);
  return busiest.empty() ? out : absl::StrCat(out, "\n", busiest, "\n");
}

std::string BarsText(const std::vector<Week>& weeks, int width) {
  int most = 1;
  for (const Week& week : weeks) most = std::max(most, week.load.starts());
  const int scale = std::max(most, width);
  std::string out = "week of      # by the server  ? wait for an owner\n";
  for (const Week& week : weeks) {
    // At least a column for what is there at all.
    const auto columns = [&](int count) {
      return count == 0 ? 0 : std::max(1, most > width ? count * width / scale : count);
    };
    const int starts = week.load.starts();
    std::string line =
        absl::StrCat(absl::FormatCivilTime(week.monday), "  |",
                     std::string(static_cast<size_t>(columns(week.load.made)), '#'),
                     std::string(static_cast<size_t>(columns(week.load.asked)), '?'));
    if (starts > 0) absl::StrAppend(&line, " ", starts);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string BusiestText(const std::vector<Moment>& moments) {
  int all = 0;
  std::pair<absl::CivilDay, int> busiest;
  for (const auto& [day, load] : LoadByDay(moments)) {
    all += load.starts();
    if (load.starts() > busiest.second) busiest = {day, load.starts()};
  }
  if (all == 0) return "";
  return absl::StrCat("busiest day ", absl::FormatCivilTime(busiest.first), ": ", busiest.second,
                      " of ", all, all == 1 ? " rotation" : " rotations");
}

}  // namespace keyturn::cli
