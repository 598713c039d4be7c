#include "server/streams.h"

#include "base/limits.h"

namespace keyturn {

std::shared_ptr<void> StreamRegistry::Add(std::function<void()> wake) {
  absl::MutexLock lock(&mu_);
  if (wakers_.size() >= limits::kWatchersMax) return nullptr;
  const auto it = wakers_.insert(wakers_.end(), std::move(wake));
  size_.store(wakers_.size(), std::memory_order_relaxed);
  return {static_cast<void*>(this), [self = shared_from_this(), it](void*) {
            absl::MutexLock inner(&self->mu_);
            self->wakers_.erase(it);
            self->size_.store(self->wakers_.size(), std::memory_order_relaxed);
          }};
}

void StreamRegistry::WakeAll() {
  if (size() == 0) return;
  absl::MutexLock lock(&mu_);
  for (const std::function<void()>& wake : wakers_) wake();
}

}  // namespace keyturn
