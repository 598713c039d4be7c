// Ctrl-C, and the SIGTERM of who ends a command, for commands that go on until then: they cancel
// what runs instead of ending the process. Not thread-safe.
#pragma once

#include <atomic>
#include <thread>

#include "client/cancellation.h"

namespace keyturn::cli {

class InterruptSignals {
 public:
  // To be made before there are other threads: the signals are blocked in this one and in those it
  // starts from now on. A second object in a process waits for the same signals.
  InterruptSignals();
  // The signals are as they were, in this thread.
  ~InterruptSignals();
  InterruptSignals(const InterruptSignals&) = delete;
  InterruptSignals& operator=(const InterruptSignals&) = delete;

  Cancellation& cancellation() { return cancellation_; }
  bool interrupted() const { return interrupted_; }

 private:
  void Wait(int signals) const;

  int end_ = -1;  // an eventfd: the thread is to end
  mutable Cancellation cancellation_;
  mutable std::atomic<bool> interrupted_ = false;
  std::thread thread_;
};

}  // namespace keyturn::cli
