#include "revocation/list_clock.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace keyturn {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;
// Two clocks that are read one after the other differ by as much without a step; a thread that was
// put aside in between by more, which Read looks for.
constexpr int64_t kSlackMillis = 1000;
constexpr int64_t kReadingMillisMax = 10;
constexpr int kReadings = 100;

int64_t Millis(const Clock& clock) { return clock.MonotonicNanos() / kNanosPerMilli; }

}  // namespace

ListClock::ListClock(Clock& clock) : clock_(clock) {
  const Reading reading = Read();
  offset_ms_ = reading.wall - reading.monotonic;
}

ListClock::Reading ListClock::Read() const {
  Reading reading;
  for (int i = 0; i < kReadings; ++i) {
    reading.monotonic = Millis(clock_);
    reading.wall = absl::ToUnixMillis(clock_.Now());
    if (Millis(clock_) - reading.monotonic <= kReadingMillisMax) break;
  }
  return reading;
}

ListTime ListClock::Now() {
  const int64_t wall = absl::ToUnixMillis(clock_.Now());
  const int64_t monotonic = Millis(clock_);
  const uint32_t version = version_.load();
  const int64_t moved = wall - monotonic - offset_ms_.load();
  const int64_t behind = behind_ms_.load();
  if (version % 2 == 0 && -kSlackMillis < moved && moved < kSlackMillis &&
      version_.load() == version) {
    return {.now_ms = wall - behind, .wall_ms = wall};
  }
  return Step();
}

ListTime ListClock::Step() {
  const absl::MutexLock lock(&mu_);
  const Reading reading = Read();
  const int64_t moved = reading.wall - reading.monotonic - offset_ms_.load();
  int64_t behind = behind_ms_.load();
  if (moved > limits::kRevocationClockJumpSeconds * 1000) {
    behind += moved;
    LogWarning("the clock jumped forward; revocations go on as if it had not",
               {{"jump_seconds", moved / 1000}, {"behind_seconds", behind / 1000}});
  } else if (moved < 0) {
    behind = std::max<int64_t>(0, behind + moved);
  }
  ++version_;
  offset_ms_ = reading.wall - reading.monotonic;
  behind_ms_ = behind;
  ++version_;
  return {.now_ms = reading.wall - behind, .wall_ms = reading.wall};
}

}  // namespace keyturn
