// The one thread that writes. Callers queue a function each; the thread runs all that wait, one
// after another, each seeing the ones before it, writes their batches as one with one sync, tells
// the listener and answers. While it syncs, the next group gathers, so groups grow with the load.
// Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "storage/accumulators.h"
#include "storage/group.h"
#include "storage/rocks_db.h"
#include "storage/store.h"

namespace keyturn {

class Committer {
 public:
  // Continues after the database's last revision. DATA_LOSS when its meta records are bad.
  static absl::StatusOr<std::unique_ptr<Committer>> Start(std::shared_ptr<RocksDb> db, bool sync,
                                                          Clock& clock);
  // Finishes what is queued.
  ~Committer();

  // As Updater says.
  absl::StatusOr<Revision> Update(UpdateFn fn);
  void UpdateEach(absl::Span<Updater::Asked> updates);
  void SetHasher(std::shared_ptr<const RecordHasher> hasher);
  std::shared_ptr<const RecordHasher> hasher() const;
  void SetListener(Store::CommitListener listener);

  Revision last_revision() const {
    return Revision(last_revision_.load(std::memory_order_acquire));
  }
  // As Store::SkipTo.
  void SkipTo(Revision revision);
  absl::Status WaitFor(Revision revision, absl::Time deadline);
  // Returns once the listener has been told of all that `snapshot` shows. At once after a failed
  // write. Not from the listener.
  void AwaitPublished(const Snapshot& snapshot);
  StoreStats Stats() const;

 private:
  struct Waiter {
    explicit Waiter(UpdateFn fn) : fn(fn) {}
    UpdateFn fn;
    absl::StatusOr<Revision> result = Revision(0);
    absl::Notification done;
  };

  Committer(std::shared_ptr<RocksDb> db, bool sync, Clock& clock);
  // False, with the result set: it is not taken.
  bool Queue(Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Loop();
  std::vector<Waiter*> TakeGroup();
  void Commit(const std::vector<Waiter*>& waiters);
  void Publish(Revision revision);
  void Stop(const absl::Status& why, const std::vector<Waiter*>& waiters);

  const std::shared_ptr<RocksDb> db_;
  const bool sync_;
  Clock& clock_;
  std::atomic<uint64_t> last_revision_{0};
  // Of the group being written: what a snapshot may show. Ahead of last_revision_ until the
  // listener has been told.
  std::atomic<uint64_t> written_revision_{0};

  // The committing thread's own, while it holds hasher_mu_.
  Accumulators accumulators_;
  RecentRecords recent_;
  Store::CommitListener listener_;

  // Held shared while a group runs, so that replacing the hasher waits for it.
  mutable absl::Mutex hasher_mu_;
  std::shared_ptr<const RecordHasher> hasher_ ABSL_GUARDED_BY(hasher_mu_);

  mutable absl::Mutex mu_;
  std::deque<Waiter*> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mu_);
  StoreStats stats_ ABSL_GUARDED_BY(mu_);

  absl::Mutex revision_mu_;
  bool failed_ ABSL_GUARDED_BY(revision_mu_) = false;  // last_revision_ stays
  std::thread thread_;
};

}  // namespace keyturn
