#include "rotation/crew.h"

#include <algorithm>

namespace keyturn {

Crew::~Crew() {
  const absl::MutexLock turn(&turn_);
  {
    const absl::MutexLock lock(&mu_);
    ending_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Crew::Do(size_t count, absl::FunctionRef<void(size_t i)> work) {
  if (workers_ <= 1 || count <= 1) {
    for (size_t i = 0; i < count; ++i) work(i);
    return;
  }
  const absl::MutexLock turn(&turn_);
  while (threads_.size() + 1 < static_cast<size_t>(workers_)) {
    threads_.emplace_back([this] { Run(); });
  }
  const absl::MutexLock lock(&mu_);
  work_ = &work;
  next_ = 0;
  count_ = count;
  Take();
  mu_.Await(absl::Condition(
      +[](int* working) { return *working == 0; }, &working_));
  count_ = 0;
  work_ = nullptr;
}

void Crew::Take() {
  const Work work = *work_;
  ++working_;
  while (HasWork()) {
    const size_t i = next_++;
    mu_.Unlock();
    work(i);
    mu_.Lock();
  }
  --working_;
}

void Crew::Run() {
  const auto awaited = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ending_ || HasWork(); };
  const absl::MutexLock lock(&mu_);
  for (;;) {
    mu_.Await(absl::Condition(&awaited));
    if (ending_) return;
    Take();
  }
}

}  // namespace keyturn
