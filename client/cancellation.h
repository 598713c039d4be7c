// Ends calls from another thread: a watch that has nothing to say, or a call nobody waits for.
// One object may serve several calls; once cancelled it stays so. Thread-safe.
#pragma once

#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace keyturn {

class Cancellation {
 public:
  // Calls under way end with CANCELLED, and later ones at once.
  void Cancel();
  bool cancelled() const;

  // For the library: runs `cancel` when Cancel() is called, at once if it was already. Detach()
  // returns when it is certain not to run any more.
  int Attach(std::function<void()> cancel);
  void Detach(int id);

 private:
  mutable absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  int next_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<int, std::function<void()>> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
