// The life of the key-encryption keys: rotates the active one when it is old or used much, brings
// what is older to it in the background, and retires the keys that nothing is under any more.
// Thread-safe; Turn by one thread.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "base/clock.h"
#include "server/lifecycle.h"
#include "server/pacer.h"

namespace keyturn {

class KeyTurner {
 public:
  // All outlive this.
  struct Parts {
    Store& store;
    Keyring& keyring;
    Vault& vault;
    AuditLog& audit;
    Lifecycle& lifecycle;
    Clock& clock;
  };
  explicit KeyTurner(const Parts& parts)
      : parts_(parts), pacer_(kRestPerWork, parts.lifecycle.unsealed()) {}

  // Rotates the active key when it is older than limits::kKekSecondsMax or was used more than
  // limits::kKekUsesMax times.
  absl::Status RotateIfDue();
  // While there are older keys: one pass over all records, or what is left of it, with half of one
  // processor at most; then, if no call from before the rotation is under way and nothing is left
  // under the older keys, retires them. OK also when the vault is sealed, or sealed meanwhile, or
  // Stop() was called. To be called again and again.
  absl::Status Turn();
  // Ends a pass that is under way, soon, and all later ones at once.
  void Stop() { pacer_.Stop(); }

  bool running() const { return running_.load(); }
  // Of the last pass: records that did not open.
  double failed() const { return failed_.load(); }

 private:
  static constexpr int kRestPerWork = 1;

  absl::Status TurnTo(KekTerm term);
  absl::Status Rewrap();
  absl::Status AwaitFormerCalls();
  absl::StatusOr<uint64_t> CountOutside(KekTerm term);
  absl::Status Retire(KekTerm term);

  const Parts parts_;
  Pacer pacer_;
  std::atomic<bool> running_{false};
  std::atomic<double> failed_{0};
  // Turn's: a turn to this term that failed is not tried again at once.
  KekTerm failed_term_;
  absl::Time not_before_ = absl::InfinitePast();
  absl::Time former_since_ =
      absl::InfiniteFuture();  // since when calls from before were waited for
};

}  // namespace keyturn
