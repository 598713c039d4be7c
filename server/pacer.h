// Spares the processor in long background work, and ends that work when the server stops or the
// vault is sealed. One thread works; any may call Stop().
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"

namespace keyturn {

class Pacer {
 public:
  // Rests `rest_per_work` times as long as it worked. `unsealed` (Lifecycle's) outlives this. Real
  // time, whatever clock the server runs by: it is the processor that is spared; `clock` is for
  // this class's own test.
  Pacer(int rest_per_work, const std::atomic<bool>& unsealed, Clock& clock = Clock::Real())
      : rest_per_work_(rest_per_work), unsealed_(unsealed), clock_(clock) {}

  // A piece of work begins.
  void Begin();
  // Between two pieces of work. CANCELLED when there is to be no more of it.
  absl::Status Rest();
  // Ends the work soon, and all later work at once.
  void Stop();

 private:
  const int rest_per_work_;
  const std::atomic<bool>& unsealed_;
  Clock& clock_;
  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  int64_t worked_since_nanos_ = 0;  // the worker's; monotonic, as the wall clock may step
};

// Whether work ended because there is to be no more of it, or the keys went away under it: that is
// no failure.
inline bool IsInterruption(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsFailedPrecondition(status);
}

}  // namespace keyturn
