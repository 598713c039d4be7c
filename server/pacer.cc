#include "server/pacer.h"

#include "absl/time/time.h"

namespace keyturn {

void Pacer::Begin() { worked_since_nanos_ = clock_.MonotonicNanos(); }

absl::Status Pacer::Rest() {
  const absl::Duration worked = absl::Nanoseconds(clock_.MonotonicNanos() - worked_since_nanos_);
  const absl::Time until = clock_.Now() + rest_per_work_ * worked;
  {
    const absl::MutexLock lock(&mu_);
    clock_.AwaitWithDeadline(&mu_, absl::Condition(&stopping_), until);
    if (stopping_) return absl::CancelledError("the server stops");
  }
  // Sealing means that no key is used any more.
  if (!unsealed_.load()) return absl::CancelledError("the vault was sealed");
  Begin();
  return absl::OkStatus();
}

void Pacer::Stop() {
  const absl::MutexLock lock(&mu_);
  stopping_ = true;
}

}  // namespace keyturn
