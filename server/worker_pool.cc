#include "server/worker_pool.h"

#include <cstdlib>

#include "base/limits.h"
#include "base/log.h"

namespace keyturn {

WorkerPool::WorkerPool(int threads, size_t queue_max) : queue_max_(queue_max) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, limits::kWorkerStackBytes);
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, &WorkerPool::Main, this) != 0) break;
    threads_.push_back(thread);
  }
  pthread_attr_destroy(&attributes);
  if (threads_.empty()) {
    LogError("no worker thread could be started");
    std::abort();
  }
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::Post(Job&& job) {
  absl::MutexLock lock(&mu_);
  if (stopping_ || queue_.size() >= queue_max_) return false;
  queue_.push_back(std::move(job));
  wake_.Signal();
  return true;
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    wake_.SignalAll();
  }
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
}

void* WorkerPool::Main(void* pool) {
  static_cast<WorkerPool*>(pool)->Work();
  return nullptr;
}

void WorkerPool::Work() {
  for (;;) {
    Job job;
    {
      absl::MutexLock lock(&mu_);
      while (queue_.empty() && !stopping_) wake_.Wait(&mu_);
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace keyturn
