#include "client/cancellation.h"

#include <utility>

namespace keyturn {

void Cancellation::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  for (auto& [id, cancel] : calls_) cancel();
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&mu_);
  return cancelled_;
}

int Cancellation::Attach(std::function<void()> cancel) {
  absl::MutexLock lock(&mu_);
  if (cancelled_) cancel();
  const int id = next_++;
  calls_.emplace(id, std::move(cancel));
  return id;
}

void Cancellation::Detach(int id) {
  absl::MutexLock lock(&mu_);
  calls_.erase(id);
}

}  // namespace keyturn
