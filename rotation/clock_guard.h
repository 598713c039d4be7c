// Whether the wall clock can be believed. Time that jumps would end graces and destroy versions too
// early, and that cannot be undone; so after a jump nothing happens by time until the clock has run
// evenly for a while. The wall clock must go as far as the monotonic one, from one look to the next
// and within an hour, so that small steps add up; and at the first look it must not be before a
// time that was known to have come. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "base/clock.h"

namespace keyturn {

class ClockGuard {
 public:
  // Before the first look after a start: it is later than this. Until the clock has come there, and
  // has run evenly for the while, it is not believed.
  void Begin(absl::Time known) { known_ = known; }
  // At each look; whether the clock was found to be wrong by this one. Without a known time, the
  // first one believes the clock.
  bool Observe(absl::Time wall, int64_t monotonic_nanos);
  bool trusted() const { return !distrusted_until_nanos_.has_value(); }
  // An operator has looked at the clock: it is believed from now on.
  void Accept();

 private:
  std::optional<absl::Time> known_;  // until the clock is believed for the first time
  std::optional<absl::Time> wall_;   // at the look that others are compared with
  int64_t monotonic_nanos_ = 0;
  std::optional<int64_t> distrusted_until_nanos_;
};

}  // namespace keyturn
