#include "rotation/storm_breaker.h"

#include <algorithm>

#include "base/limits.h"

namespace keyturn {

bool StormBreaker::BeginRound(absl::Time now, size_t due, size_t waiting) {
  const absl::MutexLock lock(&mu_);
  // The shortest time for which a clock that has jumped is not believed is long enough.
  const bool looked = now - last_round_ < absl::Seconds(limits::kRotationClockAgreeSeconds);
  last_round_ = now;
  const size_t most =
      std::max(limits::kRotationStormSecretsMin, waiting * limits::kRotationStormPercent / 100);
  if (looked || storm_ || due <= most) return false;
  storm_ = true;
  apart_ = std::min(absl::Seconds(limits::kRotationStormSeconds),
                    absl::Seconds(limits::kDaySeconds) / static_cast<int64_t>(due));
  next_turn_ = now;
  return true;
}

void StormBreaker::AllDone() {
  const absl::MutexLock lock(&mu_);
  storm_ = false;
}

absl::Time StormBreaker::TakeTurn(absl::Time now) {
  const absl::MutexLock lock(&mu_);
  if (!storm_) return now;
  const absl::Time turn = std::max(next_turn_, now);
  next_turn_ = turn + apart_;
  if (turn > now) ++held_;
  return turn;
}

uint64_t StormBreaker::held() const {
  const absl::MutexLock lock(&mu_);
  return held_;
}

}  // namespace keyturn
