// Windows: when a policy lets rotations start. A window opens by a CronSchedule on the clocks of a
// time zone and stays open for a length of time.
//
// Clocks that are changed: an opening at a time that is skipped is at the instant of the jump, one
// at a time that comes twice is at the first. The length is elapsed time, so a window of 4 hours
// has 4 hours on each day. Windows of a set that overlap or touch are one.
//
// Zones are the system's tzdata (package `tzdata`; TZDIR, else /usr/share/zoneinfo), read once for
// each name: a newer tzdata needs a restart. abseil keeps each name that it was asked for, a wrong
// one too, so names should come from callers who may write policies. Instants before the year 1 and
// after 9999 count as these ends.
//
// Pure values; thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rotation/cron.h"

namespace keyturn {

// Half open: `end` does not belong to it.
struct Interval {
  absl::Time begin;
  absl::Time end;
  friend bool operator==(const Interval&, const Interval&) = default;
};

class Window {
 public:
  // `cron` as CronSchedule::Parse has it; whole seconds, limits::kWindowSecondsMin to Max; an IANA
  // name such as Europe/Berlin, or UTC, which needs no tzdata. INVALID_ARGUMENT names what is wrong
  // of "cron", "duration" and "zone", and what is allowed.
  static absl::StatusOr<Window> Create(absl::string_view cron, absl::Duration duration,
                                       absl::string_view zone);

  const CronSchedule& schedule() const { return schedule_; }
  absl::Duration duration() const { return duration_; }
  std::string zone() const { return zone_.name(); }

  // The last opening at `time` or before it, and the first one after it; none where the calendar of
  // CronSchedule ends. They cost what Previous and Next of it do.
  std::optional<absl::Time> LastOpening(absl::Time time) const;
  std::optional<absl::Time> OpeningAfter(absl::Time time) const;

 private:
  Window(const CronSchedule& schedule, absl::Duration duration, absl::TimeZone zone)
      : schedule_(schedule), duration_(duration), zone_(zone) {}

  CronSchedule schedule_;
  absl::Duration duration_;
  absl::TimeZone zone_;
};

class WindowSet {
 public:
  // No windows: always open.
  WindowSet() = default;
  // INVALID_ARGUMENT for more than limits::kWindowsMax. None of them is as without windows.
  static absl::StatusOr<WindowSet> Create(std::vector<Window> windows);

  bool always_open() const { return windows_.empty(); }
  const std::vector<Window>& windows() const { return windows_; }

  // Looks at each window once.
  bool IsOpen(absl::Time time) const;

  // The last time without a break that the set is open within [not_before, deadline), cut to it:
  // a window that is open at `not_before` counts from there, one that is open at `deadline` until
  // there. Of one longer than limits::kWindowRunSecondsMax, that much at its end. None when the set
  // is closed throughout. Looks at each window for each opening of the answer: with the shortest
  // windows, thousands of times, which is tens of milliseconds; mostly once or twice.
  std::optional<Interval> LatestFitting(absl::Time not_before, absl::Time deadline) const;

  // The first time without a break that the set is open at `from` or after it, cut to begin at
  // `from`; of one longer than limits::kWindowRunSecondsMax, that much at its beginning, but until
  // absl::InfiniteFuture() when it is always open. None when it begins more than
  // limits::kWindowHorizonSeconds after `from`. Costs as LatestFitting.
  std::optional<Interval> NextOpen(absl::Time from) const;

 private:
  // When the window that is open at `time` and closes last does; `time` when none is open.
  absl::Time ClosesAfter(absl::Time time) const;

  std::vector<Window> windows_;
};

}  // namespace keyturn
