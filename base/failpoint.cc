#include "base/failpoint.h"

#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace keyturn {
namespace failpoint_internal {
namespace {

absl::Mutex mu(absl::kConstInit);
std::shared_ptr<const FailpointHook>& Hook() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
  static auto* const hook = new std::shared_ptr<const FailpointHook>;
  return *hook;
}

}  // namespace

std::atomic<bool> watched{false};

void Reach(absl::string_view name) {
  std::shared_ptr<const FailpointHook> hook;
  {
    const absl::MutexLock lock(&mu);
    hook = Hook();
  }
  if (hook != nullptr) (*hook)(name);
}

}  // namespace failpoint_internal

void SetFailpointHook(FailpointHook hook) {
  const absl::MutexLock lock(&failpoint_internal::mu);
  const bool watch = hook != nullptr;
  failpoint_internal::Hook() =
      watch ? std::make_shared<const FailpointHook>(std::move(hook)) : nullptr;
  failpoint_internal::watched.store(watch);
}

}  // namespace keyturn
