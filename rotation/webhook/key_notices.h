// Tells endpoints ahead that an issued API key will work no more unless it is rolled: 30, 7 and 1
// days before its end. As WebhookNotices, but what there is to tell is asked of the keys' own
// index, so that nothing is kept in memory here. Thread-safe.
#pragma once

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "rotation/webhook/notice_progress.h"

namespace keyturn {

class ApiKeyNotices {
 public:
  // `context` outlives this.
  explicit ApiKeyNotices(const WebhookContext& context)
      : context_(context), progress_(context, "api-key-notices") {}

  void OnUnsealed();
  // Tells what is due. To be called once a second. Errors are of the store, or FAILED_PRECONDITION
  // (sealed); what was not told is, with a later call.
  absl::Status Go();

 private:
  // Of one key: that it ends, to be told at a place.
  struct Due {
    NoticePlace place;
    ApiKeyEnd key;
  };
  // In the order of their places, all that is due; each key once.
  std::vector<Due> DueBy(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Tell(const KeyringSnapshot& keys, const Due& due) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const WebhookContext& context_;
  absl::Mutex mu_;
  NoticeProgress progress_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
