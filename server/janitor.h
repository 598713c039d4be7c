// What must happen by itself, on one thread: due items of the vault, expired tokens, the rollback
// anchor, counted refusals, heartbeats of idle streams. Waits through the clock.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"

namespace keyturn {

class Janitor {
 public:
  struct Task {
    std::string name;
    absl::Duration period;
    std::function<absl::Status()> run;  // bounded work; a failure is logged and tried next time
  };

  // `clock` and what the tasks refer to outlive this.
  Janitor(std::vector<Task> tasks, Clock& clock);
  // As Stop().
  ~Janitor();
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;

  // Finishes the task that runs, and ends the thread.
  void Stop();

 private:
  struct Entry {
    Task task;
    absl::Time due;
    bool failing = false;
  };

  void Work();
  static void Run(Entry& entry, absl::Time now);

  Clock& clock_;
  std::vector<Entry> entries_;  // the thread's
  absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace keyturn
