// Whether the wall clock can be believed. Time that jumps would end graces and destroy versions too
// early, and that cannot be undone; so after a jump nothing happens by time until the clock has run
// evenly for a while. Between two looks the wall clock must have gone as far as the monotonic one.
// A clock that was wrong before the first look is believed. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "base/clock.h"

namespace keyturn {

class ClockGuard {
 public:
  // At each look; the first one believes the clock.
  void Observe(absl::Time wall, int64_t monotonic_nanos);
  bool trusted() const { return !distrusted_until_nanos_.has_value(); }
  // An operator has looked at the clock: it is believed from now on.
  void Accept();

 private:
  std::optional<absl::Time> wall_;
  int64_t monotonic_nanos_ = 0;
  std::optional<int64_t> distrusted_until_nanos_;
};

}  // namespace keyturn
