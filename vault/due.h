// What falls due: versions that expire, deleted versions past their recovery window. The keys of
// family due are hints that are held in memory in order of time; the sealed metadata decides.
// Thread-safe.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "vault/context.h"
#include "vault/vault.h"

namespace keyturn {

class DueQueue {
 public:
  explicit DueQueue(const VaultContext& context) : context_(context) {}

  // One scan of the family.
  absl::Status Load();
  void Clear();
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // Handles at most limits::kDueItemsPerRun items that are due; how many. `*next` is the time of
  // the earliest that is left.
  absl::StatusOr<int> Run(Updater& updater, absl::Time* next);

 private:
  absl::Status Handle(Updater& updater, const std::string& key, absl::Time now) const;

  const VaultContext& context_;
  absl::Mutex mu_;
  std::set<std::pair<absl::Time, std::string>> items_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
