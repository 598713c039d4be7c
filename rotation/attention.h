// Which secrets have a rotation that needs somebody, counted for metrics: of what the engine has
// looked at since the unseal, as it was then. Who looks at a secret says so, by Saw or Forget.
// Thread-safe.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "rotation/store_state.h"
#include "storage/store.h"

namespace keyturn {

class Attention {
 public:
  struct Counts {
    uint64_t blocked = 0;         // its run is, or a version could not be ended at its target
    uint64_t awaiting_value = 0;  // of its owner
    uint64_t overdue = 0;         // past its deadline
  };

  // The secret, read at `now`. `newest` (Store::Newest) is asked whether it is there still: one
  // that was erased meanwhile is not kept.
  void Saw(const RotatingSecret& secret, absl::Time now, const View& newest);
  // It is there no more, or does not rotate.
  void Forget(const Uuid& secret);
  void Clear();
  // For the commit listener: what was erased is forgotten.
  void OnCommitted(absl::Span<const CommittedUpdate> group);
  // Whether Saw would keep a secret with these metadata, whatever its open run is.
  static bool Concerns(const SecretMetadata& metadata, absl::Time now);

  // Time alone makes secrets overdue, so it is asked for. Costs what became overdue since the last
  // time.
  Counts CountsAt(absl::Time now);

 private:
  struct Need {
    bool blocked = false, awaiting_value = false, late = false;
    int64_t deadline_ms = 0;  // 0: it will not be overdue before it is looked at again
  };
  static Need NeedOf(const RotatingSecret& secret, absl::Time now);
  void Drop(const Uuid& secret) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Mutex mu_;
  absl::flat_hash_map<Uuid, Need> needs_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<int64_t, Uuid>> deadlines_ ABSL_GUARDED_BY(mu_);  // of those not late
  Counts counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
