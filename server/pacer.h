// Spares the processor in long background work, and ends that work when the server stops or the
// vault is sealed. One thread works; any may call Stop().
#pragma once

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace keyturn {

class Pacer {
 public:
  // Rests `rest_per_work` times as long as it worked. `unsealed` (Lifecycle's) outlives this.
  Pacer(int rest_per_work, const std::atomic<bool>& unsealed)
      : rest_per_work_(rest_per_work), unsealed_(unsealed) {}

  // A piece of work begins.
  void Begin();
  // Between two pieces of work. CANCELLED when there is to be no more of it.
  absl::Status Rest();
  // Ends the work soon, and all later work at once.
  void Stop();

 private:
  const int rest_per_work_;
  const std::atomic<bool>& unsealed_;
  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Time worked_since_;  // the worker's
};

// Whether work ended because there is to be no more of it, or the keys went away under it: that is
// no failure.
inline bool IsInterruption(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsFailedPrecondition(status);
}

}  // namespace keyturn
