// Threads for calls that block: writes wait for a shared fdatasync, so many of them must be able to
// wait at once, and gRPC's own callback threads are as few as the cores. Stacks are small. The
// queue is bounded. Thread-safe.
#pragma once

#include <pthread.h>

#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace keyturn {

class WorkerPool {
 public:
  using Job = absl::AnyInvocable<void()>;

  // Starts `threads` threads. `queue_max` bounds the jobs that wait for one.
  WorkerPool(int threads, size_t queue_max);
  // As Stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full or the pool has stopped; then `job` is untouched.
  [[nodiscard]] bool Post(Job&& job);
  // Runs what is queued, then ends the threads. Later Posts are refused.
  void Stop();

 private:
  static void* Main(void* pool);
  void Work();

  const size_t queue_max_;
  absl::Mutex mu_;
  absl::CondVar wake_;
  std::deque<Job> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<pthread_t> threads_;  // the constructor's and Stop's
};

}  // namespace keyturn
