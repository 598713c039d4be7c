// Tells endpoints ahead of rotations (notice.h): keeps in memory when the next notice of each
// secret is to be told, and writes it into the outbox when that has come. Only while an endpoint
// wants notices; else it costs nothing. Some 100 bytes a secret.
//
// How far it has told is kept with each notice, so that a restart tells what came meanwhile, and
// nothing twice. Who is added later is told of what comes from then on. While the clock is not
// believed, nothing is told ahead. Thread-safe.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "rotation/webhook/notice.h"
#include "rotation/webhook/notice_progress.h"

namespace keyturn {

class WebhookNotices {
 public:
  // `context` outlives this.
  explicit WebhookNotices(const WebhookContext& context)
      : context_(context), progress_(context, "notices") {}

  void OnUnsealed();
  void OnSealed();
  // On the committing thread.
  void OnCommitted(absl::Span<const CommittedUpdate> group);

  // A piece of work: first all secrets are looked at, limits::kNoticeRecordsPerRun records at a
  // time, then what is due is told. To be called once a second. Errors are of the store, or
  // FAILED_PRECONDITION (sealed); what was not told is, with a later call.
  absl::Status Go();

 private:
  void Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  absl::Status WalkOn(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  absl::Status TakeChanged(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  absl::Status TellDue(const KeyringSnapshot& keys) ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  absl::Status TellOf(const KeyringSnapshot& keys, const NoticePlace& place, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  // One notice of the secret at `path`; that all up to `told` are told is kept with it. MOVED
  // (store_state.h) when it is not so any more.
  absl::Status Tell(const KeyringSnapshot& keys, const NoticePlace& told, const std::string& path,
                    const Uuid& secret, const Notice& notice) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  absl::Status LookAt(const KeyringSnapshot& keys, const Uuid& secret)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  void Keep(const Uuid& secret, const SecretMetadata& metadata)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);
  void Forget(const Uuid& secret) ABSL_EXCLUSIVE_LOCKS_REQUIRED(go_mu_);

  const WebhookContext& context_;

  absl::Mutex go_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  NoticeProgress progress_ ABSL_GUARDED_BY(go_mu_);
  bool walking_ ABSL_GUARDED_BY(go_mu_) = false, walked_ ABSL_GUARDED_BY(go_mu_) = false;
  std::string walk_from_ ABSL_GUARDED_BY(go_mu_);  // a key of records
  absl::flat_hash_map<Uuid, int64_t> next_ ABSL_GUARDED_BY(go_mu_);
  absl::btree_set<NoticePlace> by_time_ ABSL_GUARDED_BY(go_mu_);  // the same

  absl::Mutex mu_;
  bool listens_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_set<Uuid> changed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
