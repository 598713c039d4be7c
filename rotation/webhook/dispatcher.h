// Sends what is to be told: a thread for each endpoint, so that one which is slow or away holds up
// nothing but what is for it. What is due is known in memory, as hints that the rows confirm: each
// row that was written is looked at again, and one that is still to be sent has a time.
// Thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "rotation/errands.h"
#include "rotation/webhook/attempt.h"
#include "rotation/webhook/context.h"

namespace keyturn {

class WebhookDispatcher {
 public:
  // `context` outlives this.
  explicit WebhookDispatcher(const WebhookContext& context);
  ~WebhookDispatcher();

  // At unseal: all rows are looked at anew. At seal: what is under way is interrupted.
  absl::Status OnUnsealed();
  void OnSealed();
  // On the committing thread.
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // Has the threads do what has fallen due; does not wait for them. To be called once a second.
  absl::Status RunDue();

  // For who sends something by himself.
  const Interrupt& interrupt() const { return errands_.interrupt(); }
  bool idle() const { return errands_.idle(); }

  struct Stats {
    uint64_t delivered = 0, failed = 0;  // attempts
    uint64_t given_up = 0;               // after the last attempt
    uint64_t dropped = 0;                // beyond limits::kWebhookRowsMax
    size_t waiting = 0;                  // rows to be sent; at unseal all, until they are looked at
    size_t webhooks = 0, disabled = 0;
  };
  Stats stats() const;

 private:
  struct Lane {
    uint32_t slot = 0;
    bool sends = false, disabled = false, deleted = false;
    std::set<std::pair<absl::Time, uint64_t>> by_time;  // hints: a row by its revision
    absl::flat_hash_map<uint64_t, absl::Time> by_row;   // the same
    absl::Time not_before = absl::InfinitePast();       // held back
    absl::Time purge = absl::InfinitePast();            // when its log is cut next
    void Hint(uint64_t row, absl::Time when);           // the earlier one counts
    void Forget(uint64_t row);
  };
  bool IsDue(const Lane& lane, absl::Time now) const;

  absl::Status HintAll(const Snapshot& snapshot, const Uuid& id);
  absl::Status Reload();
  void Work(const Uuid& id);
  absl::Status WorkOn(const Uuid& id);
  std::optional<uint64_t> TakeDue(const Uuid& id);
  absl::Status Look(const Uuid& id, uint64_t told);
  absl::Status NoteAttempt(const KeyringSnapshot& keys, const schema::WebhookRow& row,
                           const WebhookAttempt& attempt);
  void Count(const DeliveryRecord& delivery, const WebhookAttempt& attempt, const Uuid& id);
  void HintAt(const Uuid& id, uint64_t row, absl::Time when);
  void HoldUntil(const Uuid& id, absl::Time when);
  bool TakePurge(const Uuid& id);

  const WebhookContext& context_;
  std::atomic<bool> changed_{false};  // the record of the endpoints
  mutable absl::Mutex mu_;
  std::string webhooks_key_ ABSL_GUARDED_BY(mu_);  // "": sealed
  std::map<Uuid, Lane> lanes_ ABSL_GUARDED_BY(mu_);
  Stats counted_ ABSL_GUARDED_BY(mu_);
  Errands errands_;
};

}  // namespace keyturn
