// Finds the secrets whose rotation needed somebody before the unseal already. Reads alone;
// thread-safe.
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/progress.h"
#include "rotation/attention.h"
#include "rotation/context.h"
#include "vault/due_timers.h"

namespace keyturn {

class AttentionWalk {
 public:
  // All outlive this.
  AttentionWalk(const RotationContext& context, const DueTimers& timers, Attention& attention)
      : context_(context), timers_(timers), attention_(attention) {}

  // After an unseal: what has something to do within a day is looked at, which is all that waits
  // for somebody: that is tried again, or reminded of, each day. A piece with each Go,
  // limits::kRotationItemsPerRun secrets. Errors are of the store, or FAILED_PRECONDITION (sealed).
  void Begin();
  absl::Status Go();

  // Looks at all secrets, what is paused or held as well.
  absl::Status All(ProgressFn progress);

 private:
  absl::Status LookAt(const Uuid& secret);

  const RotationContext& context_;
  const DueTimers& timers_;
  Attention& attention_;
  absl::Mutex mu_;
  bool begun_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<schema::DueItem> last_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
