// The change feed behind watches: reading it from a revision on, waking who waits, and dropping
// what is older than a day. Thread-safe.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "vault/context.h"
#include "vault/vault.h"

namespace keyturn {

class Changes {
 public:
  explicit Changes(const VaultContext& context)
      : context_(context), wakers_(std::make_shared<Wakers>()) {}

  // As Vault::ChangesSince and OnChange say.
  absl::StatusOr<std::vector<v1::WatchResponse>> Since(const SecretPath& path, Revision after,
                                                       size_t limit, Revision* reached) const;
  std::shared_ptr<void> OnChange(std::function<void()> wake);
  void Wake();

  // Drops changes older than limits::kChangesKeptSeconds, a bounded number; how many.
  absl::StatusOr<int> Trim(Updater& updater) const;

 private:
  struct Wakers {
    absl::Mutex mu;
    std::list<std::function<void()>> functions ABSL_GUARDED_BY(mu);
  };

  const VaultContext& context_;
  const std::shared_ptr<Wakers> wakers_;
};

}  // namespace keyturn
