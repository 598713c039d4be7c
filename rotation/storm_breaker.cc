#include "rotation/storm_breaker.h"

#include <algorithm>

#include "base/limits.h"

namespace keyturn {

bool StormBreaker::IsMuch(size_t count, size_t waiting) {
  return count >
         std::max(limits::kRotationStormSecretsMin, waiting * limits::kRotationStormPercent / 100);
}

bool StormBreaker::IsWatchedLocked(absl::Time now) const {
  // The shortest time for which a clock that has jumped is not believed is long enough.
  return storm_ || now - last_round_ < absl::Seconds(limits::kRotationClockAgreeSeconds);
}

bool StormBreaker::IsWatched(absl::Time now) const {
  const absl::MutexLock lock(&mu_);
  return IsWatchedLocked(now);
}

bool StormBreaker::is_storm() const {
  const absl::MutexLock lock(&mu_);
  return storm_;
}

bool StormBreaker::BeginRound(absl::Time now, size_t due, size_t waiting) {
  const absl::MutexLock lock(&mu_);
  // Has not looked until it has counted.
  if (!IsWatchedLocked(now) && IsMuch(due, waiting)) return true;
  last_round_ = now;
  return false;
}

bool StormBreaker::CountedStarts(absl::Time now, size_t starts, size_t waiting) {
  const absl::MutexLock lock(&mu_);
  last_round_ = now;
  if (!IsMuch(starts, waiting)) return false;
  storm_ = true;
  apart_ = std::min(absl::Seconds(limits::kRotationStormSeconds),
                    absl::Seconds(limits::kDaySeconds) / static_cast<int64_t>(starts));
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
