#include "rotation/windows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

// The resolution of absl::Time.
const absl::Duration kTick = absl::Nanoseconds(1) / 4;
constexpr absl::Duration kRunMax = absl::Seconds(limits::kWindowRunSecondsMax);

// Names of IANA begin with a capital, and nothing else in a tzdata directory that can be read as a
// zone does: localtime, posixrules, posix/ and right/. A path, and the "libc:" and "file:" of
// abseil, have characters that names do not have.
bool IsZoneName(absl::string_view name) {
  if (name.empty() || name.size() > limits::kZoneNameBytesMax) return false;
  if (!absl::ascii_isupper(name.front()) || absl::EqualsIgnoreCase(name, "Local")) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
}

absl::StatusOr<absl::TimeZone> LoadZone(absl::string_view name) {
  if (name == "UTC") return absl::UTCTimeZone();
  absl::TimeZone zone;
  if (IsZoneName(name) && absl::LoadTimeZone(name, &zone)) return zone;
  return absl::InvalidArgumentError(
      absl::StrCat("zone: '", absl::CHexEscape(name.substr(0, limits::kZoneNameBytesMax)),
                   "' is not a time zone that tzdata has; allowed are UTC and IANA names such as "
                   "Europe/Berlin"));
}

// Within the calendar of CronSchedule, with days to spare for any zone.
absl::Time Within(absl::Time time) {
  static const absl::Time first =
      absl::FromCivil(absl::CivilDay(CronSchedule::kYearMin, 1, 3), absl::UTCTimeZone());
  static const absl::Time last =
      absl::FromCivil(absl::CivilDay(CronSchedule::kYearMax, 12, 29), absl::UTCTimeZone());
  return std::clamp(time, first, last);
}

absl::Time InstantOf(absl::CivilMinute minute, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(minute));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

// The last minute whose InstantOf is at `time` or before it. InstantOf never falls as minutes rise,
// so that the minutes up to this one are all that have begun. What the clock shows it is, except
// while it shows times again: then all until the clock was put back have.
absl::CivilMinute LastBegun(absl::Time time, absl::TimeZone zone) {
  const absl::CivilSecond shown = zone.At(time).cs;
  const absl::TimeZone::TimeInfo info = zone.At(shown);
  const bool again = info.kind == absl::TimeZone::TimeInfo::REPEATED && time >= info.trans;
  return absl::CivilMinute(again ? zone.At(info.trans - absl::Seconds(1)).cs : shown);
}

}  // namespace

absl::StatusOr<Window> Window::Create(absl::string_view cron, absl::Duration duration,
                                      absl::string_view zone) {
  ASSIGN_OR_RETURN(const CronSchedule schedule, CronSchedule::Parse(cron));
  if (duration < absl::Seconds(limits::kWindowSecondsMin) ||
      duration > absl::Seconds(limits::kWindowSecondsMax) ||
      absl::Trunc(duration, absl::Seconds(1)) != duration) {
    return absl::InvalidArgumentError(
        absl::StrCat("duration: ", absl::FormatDuration(duration), "; allowed are whole seconds, ",
                     limits::kWindowSecondsMin, " to ", limits::kWindowSecondsMax));
  }
  ASSIGN_OR_RETURN(const absl::TimeZone loaded, LoadZone(zone));
  return Window(schedule, duration, loaded);
}

std::optional<absl::Time> Window::LastOpening(absl::Time time) const {
  const auto minute = schedule_.Previous(LastBegun(Within(time), zone_));
  if (!minute.has_value()) return std::nullopt;
  return InstantOf(*minute, zone_);
}

std::optional<absl::Time> Window::OpeningAfter(absl::Time time) const {
  const auto minute = schedule_.Next(LastBegun(Within(time), zone_) + 1);
  if (!minute.has_value()) return std::nullopt;
  return InstantOf(*minute, zone_);
}

absl::StatusOr<WindowSet> WindowSet::Create(std::vector<Window> windows) {
  if (windows.size() > limits::kWindowsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("windows: ", windows.size(), "; allowed are at most ", limits::kWindowsMax));
  }
  WindowSet set;
  set.windows_ = std::move(windows);
  return set;
}

absl::Time WindowSet::ClosesAfter(absl::Time time) const {
  absl::Time closes = time;
  for (const Window& window : windows_) {
    const std::optional<absl::Time> opened = window.LastOpening(time);
    // Of one window, what opened last closes last.
    if (opened.has_value()) closes = std::max(closes, *opened + window.duration());
  }
  return closes;
}

bool WindowSet::IsOpen(absl::Time time) const {
  time = Within(time);
  return always_open() || ClosesAfter(time) > time;
}

std::optional<Interval> WindowSet::LatestFitting(absl::Time not_before, absl::Time deadline) const {
  if (not_before >= deadline) return std::nullopt;
  if (always_open()) return Interval{not_before, deadline};
  not_before = Within(not_before);
  deadline = Within(deadline);
  absl::Time end = not_before;
  for (const Window& window : windows_) {
    const std::optional<absl::Time> opened = window.LastOpening(deadline - kTick);
    if (opened.has_value()) end = std::max(end, *opened + window.duration());
  }
  end = std::min(end, deadline);
  if (end <= not_before) return std::nullopt;
  const absl::Time earliest = std::max(not_before, end - kRunMax);
  absl::Time begin = end;
  for (absl::Time before = absl::InfiniteFuture(); begin < before && begin > earliest;) {
    before = begin;
    for (const Window& window : windows_) {
      // The first opening of those that are open until `before` or beyond.
      const std::optional<absl::Time> opened =
          window.OpeningAfter(before - window.duration() - kTick);
      if (opened.has_value()) begin = std::min(begin, *opened);
    }
  }
  return Interval{std::max(begin, earliest), end};
}

std::optional<Interval> WindowSet::NextOpen(absl::Time from) const {
  if (always_open()) return Interval{from, absl::InfiniteFuture()};
  from = Within(from);
  absl::Time begin = from;
  if (!IsOpen(from)) {
    begin = absl::InfiniteFuture();
    for (const Window& window : windows_) {
      const std::optional<absl::Time> opens = window.OpeningAfter(from);
      if (opens.has_value()) begin = std::min(begin, *opens);
    }
    if (begin > from + absl::Seconds(limits::kWindowHorizonSeconds)) return std::nullopt;
  }
  const absl::Time latest = begin + kRunMax;
  absl::Time end = begin;
  for (absl::Time before = absl::InfinitePast(); end > before && end < latest;) {
    before = end;
    end = ClosesAfter(before);
  }
  return Interval{begin, std::min(end, latest)};
}

}  // namespace keyturn
