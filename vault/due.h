// What falls due: versions that expire, deleted versions past their recovery window. The keys of
// family due are hints that are held in memory in order of time; the sealed metadata decides.
// Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "storage/schema.h"
#include "vault/context.h"
#include "vault/due_timers.h"
#include "vault/vault.h"

namespace keyturn {

class DueQueue {
 public:
  explicit DueQueue(const VaultContext& context)
      : context_(context), timers_({kDueExpire, kDuePurge}) {}

  // One scan of the family.
  absl::Status Load() { return timers_.Load(context_.store); }
  void Clear() { timers_.Clear(); }
  void OnCommitted(absl::Span<const CommittedUpdate> group) { timers_.OnCommitted(group); }

  // Handles at most limits::kDueItemsPerRun items that are due; how many. `*next` is the time of
  // the earliest that is left.
  absl::StatusOr<int> Run(Updater& updater, absl::Time* next);

 private:
  // Whether the item stays, to be handled again in a day: its version is to be retired at a target.
  absl::StatusOr<bool> Handle(Updater& updater, const schema::DueItem& item, absl::Time now) const;

  const VaultContext& context_;
  DueTimers timers_;
};

}  // namespace keyturn
