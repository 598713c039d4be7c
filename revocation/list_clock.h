// The time by which revocations end. A wall clock that jumps forward would make every revoked token
// valid at once, so a jump is not believed: time goes on as the monotonic clock does, and tokens
// stay revoked longer. A clock that is set back is followed, and takes back a jump first.
//
// A machine that slept looks the same, since its monotonic clock stood still.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "revocation/key_info.h"

namespace keyturn {

// Thread-safe; no lock but in the moment of a step. 50 ns.
class ListClock {
 public:
  // `clock` outlives this. What the wall clock says now is believed.
  explicit ListClock(Clock& clock);

  // wall_ms: the wall clock's. now_ms: never ahead of it; behind by what it jumped by more than
  // limits::kRevocationClockJumpSeconds at once.
  ListTime Now();

 private:
  // Both clocks at nearly the same moment, in milliseconds.
  struct Reading {
    int64_t wall = 0;
    int64_t monotonic = 0;
  };
  Reading Read() const;
  ListTime Step();

  Clock& clock_;
  absl::Mutex mu_;  // of who notes a step
  // Odd while the two below change, so that nobody takes one of before with one of after.
  std::atomic<uint32_t> version_{0};
  std::atomic<int64_t> offset_ms_{0};  // wall less monotonic, when last looked
  std::atomic<int64_t> behind_ms_{0};  // of now_ms
};

}  // namespace keyturn
