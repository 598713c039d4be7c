// Threads for calls that take long, so that a target which is slow or away holds up nothing but
// those who wait for it: one thread for each lane (Driver::lane), which works on one secret after
// the other. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/types.h"
#include "rotation/interrupt.h"

namespace keyturn {

class Errands {
 public:
  // Called on the lane's thread; it ends soon once the interrupt is set.
  using Work = std::function<void(const std::string& lane, const Uuid& secret)>;
  explicit Errands(Work work) : work_(std::move(work)) {}
  ~Errands();
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  // `secret` is worked on when its turn comes; once, however often it is added before. Not while it
  // is stopped, nor beyond limits::kTargetQueueMax in a lane: whoever wants it comes again.
  void Add(absl::string_view lane, const Uuid& secret);

  // Forgets those that wait, interrupts those that are worked on, and returns when all are idle. It
  // is stopped until Start(). Not from a lane's thread.
  void Stop();
  void Start();

  // Whether nothing waits and nobody works.
  bool idle() const;

  const Interrupt& interrupt() const { return interrupt_; }

 private:
  struct Lane {
    std::deque<Uuid> waiting;
    absl::flat_hash_set<Uuid> known;  // those that wait
    std::thread thread;
  };
  void Run(const std::string& name, Lane& lane);
  bool HasWork(const Lane& lane) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return ending_ || !lane.waiting.empty();
  }

  const Work work_;
  Interrupt interrupt_;
  mutable absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  int working_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, std::unique_ptr<Lane>> lanes_ ABSL_GUARDED_BY(mu_);  // only ever more
};

}  // namespace keyturn
