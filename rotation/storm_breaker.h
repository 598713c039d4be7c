// Many secrets that have fallen due while nobody looked (the server was off, the clock was not
// believed or has jumped) would all be rotated in the same second: every consumer of every secret
// would have to follow at once, and a clock that is wrong would have turned everything before
// anybody notices. So scheduled starts get turns then, a minute apart, or as near as it takes for
// all to have theirs within a day, in the order in which they ask. What was foreseen, however much
// it is, is no storm. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace keyturn {

class StormBreaker {
 public:
  // At the begin of each round, of which the clock is believed: something is due of `due` of
  // `waiting` secrets. Whether that may be a storm: then CountedStarts says how many of these are
  // starts. What is cheap to do, or ends by itself, is none.
  bool BeginRound(absl::Time now, size_t due, size_t waiting);
  // Whether BeginRound needs no `due`: somebody looks, or a storm is known.
  bool IsWatched(absl::Time now) const;
  // Starts take turns: they are to be made in the order in which they fell due.
  bool is_storm() const;
  // Whether a storm begins.
  bool CountedStarts(absl::Time now, size_t starts, size_t waiting);
  // At the end of one that left nothing that is due.
  void AllDone();
  // When the next scheduled start may happen: `now`, but in a storm one turn after the other.
  absl::Time TakeTurn(absl::Time now);

  // How many starts had to wait for a turn so far.
  uint64_t held() const;

 private:
  static bool IsMuch(size_t count, size_t waiting);
  bool IsWatchedLocked(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  absl::Time last_round_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool storm_ ABSL_GUARDED_BY(mu_) = false;
  absl::Duration apart_ ABSL_GUARDED_BY(mu_);
  absl::Time next_turn_ ABSL_GUARDED_BY(mu_);
  uint64_t held_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace keyturn
