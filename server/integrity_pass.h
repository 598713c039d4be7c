// The slow look over the whole store: recomputes the accumulators of all records, a few at a time,
// and says in the log, the audit log and the metrics what it found; then rebuilds the hints of what
// falls due, and counts the rotations that need somebody. What `keyturn operator verify` does at
// once, this does every day without being asked. Thread-safe; Run by one thread.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "audit/audit_log.h"
#include "base/clock.h"
#include "rotation/rotation.h"
#include "server/pacer.h"
#include "storage/store.h"
#include "vault/vault.h"

namespace keyturn {

class IntegrityPass {
 public:
  // All outlive this. `unsealed` is Lifecycle's.
  struct Parts {
    Store& store;
    Vault& vault;
    Rotation& rotation;
    AuditLog& audit;
    const std::atomic<bool>& unsealed;
    Clock& clock;
  };
  explicit IntegrityPass(const Parts& parts)
      : parts_(parts), pacer_(kRestPerWork, parts.unsealed) {}

  // One pass, at a fifth of one processor at most. OK also when the vault is sealed, or is sealed
  // meanwhile, or Stop() was called: then nothing was found out. DATA_LOSS names the first problem.
  absl::Status Run();
  // Ends a pass that is under way, soon, and all later ones at once.
  void Stop() { pacer_.Stop(); }

  // Of the last whole pass: when it ended (Unix seconds, 0: never) and what it found.
  double finished_seconds() const { return finished_seconds_.load(); }
  double problems() const { return problems_.load(); }

 private:
  static constexpr int kRestPerWork = 4;

  absl::Status MendHints();
  absl::Status Tell(const std::vector<StoreProblem>& problems);

  const Parts parts_;
  Pacer pacer_;
  std::atomic<double> finished_seconds_{0}, problems_{0};
};

}  // namespace keyturn
