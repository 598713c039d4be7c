#include "server/pacer.h"

#include "base/clock.h"

namespace keyturn {

// Real time, whatever clock the server runs by: it is the processor that is spared.
void Pacer::Begin() { worked_since_ = Clock::Real().Now(); }

absl::Status Pacer::Rest() {
  const absl::Time now = Clock::Real().Now();
  const absl::Time until = now + rest_per_work_ * (now - worked_since_);
  {
    const absl::MutexLock lock(&mu_);
    Clock::Real().AwaitWithDeadline(&mu_, absl::Condition(&stopping_), until);
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
