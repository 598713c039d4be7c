// A few threads that share pieces of work which do not depend on each other, so that the committer
// has several changes to write at once. Thread-safe; one caller after the other.
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace keyturn {

class Crew {
 public:
  // So many work at once, the caller among them: with 1 there is no other thread, and all is done
  // in order. Threads begin when they are needed for the first time.
  explicit Crew(int workers) : workers_(workers) {}
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // work(i) for each i below `count`, begun in this order; returns when all have returned. Not from
  // within `work`.
  void Do(size_t count, absl::FunctionRef<void(size_t i)> work);

 private:
  using Work = absl::FunctionRef<void(size_t i)>;

  void Run();
  // Takes pieces until none is left.
  void Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return next_ < count_; }

  const int workers_;
  absl::Mutex turn_ ABSL_ACQUIRED_BEFORE(mu_);  // held by who has something done
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(turn_);
  absl::Mutex mu_;
  const Work* work_ ABSL_GUARDED_BY(mu_) = nullptr;  // the caller's
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  size_t count_ ABSL_GUARDED_BY(mu_) = 0;
  int working_ ABSL_GUARDED_BY(mu_) = 0;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace keyturn
