#include "storage/committer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

// The database as it stands, for loading.
class DirectView : public View {
 public:
  explicit DirectView(const RocksDb& db) : db_(db) {}
  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override {
    return db_.Get(rocksdb::ReadOptions(), family, key);
  }

 private:
  const RocksDb& db_;
};

}  // namespace

Committer::Committer(std::shared_ptr<RocksDb> db, bool sync, Clock& clock)
    : db_(std::move(db)), sync_(sync), clock_(clock) {}

absl::StatusOr<std::unique_ptr<Committer>> Committer::Start(std::shared_ptr<RocksDb> db, bool sync,
                                                            Clock& clock) {
  std::unique_ptr<Committer> out(new Committer(std::move(db), sync, clock));
  const DirectView view(*out->db_);
  ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                   view.Get(Family::kMeta, schema::kRevisionKey));
  if (stored.has_value()) {
    absl::string_view rest = *stored;
    const std::optional<uint64_t> revision = ReadBigEndian64(&rest);
    if (!revision.has_value()) return absl::DataLossError("storage: the revision is cut short");
    out->last_revision_.store(*revision);
    out->written_revision_.store(*revision);
  }
  RETURN_IF_ERROR(out->accumulators_.Load(view));
  out->thread_ = std::thread([committer = out.get()] { committer->Loop(); });
  return out;
}

Committer::~Committer() {
  {
    const absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool Committer::Queue(Waiter& waiter) {
  if (!broken_.ok()) {
    waiter.result = broken_;
    return false;
  }
  if (queue_.size() >= limits::kCommitQueueMax) {
    waiter.result = WithRetryAfter(
        absl::ResourceExhaustedError(
            absl::StrCat(limits::kCommitQueueMax, " changes are waiting to be written; try again")),
        absl::Milliseconds(limits::kBusyRetryMilliseconds));
    return false;
  }
  queue_.push_back(&waiter);
  return true;
}

absl::StatusOr<Revision> Committer::Update(UpdateFn fn) {
  Waiter waiter(fn);
  {
    const absl::MutexLock lock(&mu_);
    if (!Queue(waiter)) return std::move(waiter.result);
  }
  waiter.done.WaitForNotification();
  return std::move(waiter.result);
}

void Committer::UpdateEach(absl::Span<Updater::Asked> updates) {
  std::deque<Waiter> waiters;  // which do not move
  std::vector<Waiter*> queued;
  {
    const absl::MutexLock lock(&mu_);
    for (const Updater::Asked& asked : updates) {
      Waiter& waiter = waiters.emplace_back(asked.fn);
      if (Queue(waiter)) queued.push_back(&waiter);
    }
  }
  // The last one is told last: this thread sleeps once.
  std::for_each(queued.rbegin(), queued.rend(),
                [](Waiter* waiter) { waiter->done.WaitForNotification(); });
  for (size_t i = 0; i < updates.size(); ++i) updates[i].result = std::move(waiters[i].result);
}

std::vector<Committer::Waiter*> Committer::TakeGroup() {
  const absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](Committer* c)
           ABSL_EXCLUSIVE_LOCKS_REQUIRED(c->mu_) { return !c->queue_.empty() || c->stopping_; },
      this));
  std::vector<Waiter*> group;
  while (!queue_.empty() && group.size() < limits::kCommitGroupMax) {
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void Committer::Loop() {
  while (true) {
    const std::vector<Waiter*> group = TakeGroup();
    if (group.empty()) return;
    Commit(group);
    for (Waiter* waiter : group) waiter->done.Notify();
  }
}

void Committer::Commit(const std::vector<Waiter*>& waiters) {
  const absl::ReaderMutexLock hasher_lock(&hasher_mu_);
  Group group(*db_, hasher_.get(), accumulators_, recent_, last_revision());
  uint64_t slow = 0;
  for (Waiter* waiter : waiters) {
    const int64_t start = clock_.MonotonicNanos();
    waiter->result = group.Run(waiter->fn);
    if (clock_.MonotonicNanos() - start > limits::kUpdateNanosMax) ++slow;
  }
  if (group.empty()) return;
  written_revision_.store(group.last().value(), std::memory_order_release);
  KEYTURN_FAILPOINT("storage/group-ready");
  if (const absl::Status status = group.Write(sync_); !status.ok()) {
    Stop(status, waiters);
    return;
  }
  KEYTURN_FAILPOINT("storage/group-durable");
  const std::vector<CommittedUpdate> committed = group.Committed();
  {
    const absl::MutexLock lock(&mu_);
    stats_.commits += committed.size();
    stats_.groups += 1;
    stats_.syncs += sync_ ? 1 : 0;
    stats_.slow_updates += slow;
  }
  if (listener_) listener_(committed);
  KEYTURN_FAILPOINT("storage/group-told");
  Publish(group.last());
  KEYTURN_FAILPOINT("storage/group-published");
}

void Committer::Publish(Revision revision) {
  const absl::MutexLock lock(&revision_mu_);
  last_revision_.store(revision.value(), std::memory_order_release);
}

// Nobody knows what the disk holds now, so nothing may be built on it: every caller of the group is
// told so, and no further change is taken until the store is opened again.
void Committer::Stop(const absl::Status& why, const std::vector<Waiter*>& waiters) {
  LogError("the store stopped: a write failed", {{"error", std::string(why.message())}});
  const absl::Status status =
      absl::UnavailableError(absl::StrCat("the store stopped after a failed write (", why.message(),
                                          "); free the cause and restart keyturnd"));
  for (Waiter* waiter : waiters) waiter->result = status;
  {
    const absl::MutexLock lock(&revision_mu_);
    failed_ = true;
  }
  const absl::MutexLock lock(&mu_);
  broken_ = status;
  stats_.stopped = true;
  for (Waiter* waiter : queue_) {
    waiter->result = status;
    waiter->done.Notify();
  }
  queue_.clear();
}

void Committer::SetHasher(std::shared_ptr<const RecordHasher> hasher) {
  const absl::WriterMutexLock lock(&hasher_mu_);
  hasher_ = std::move(hasher);
  recent_.ForgetHashes();
}

std::shared_ptr<const RecordHasher> Committer::hasher() const {
  const absl::ReaderMutexLock lock(&hasher_mu_);
  return hasher_;
}

void Committer::SetListener(Store::CommitListener listener) {
  const absl::WriterMutexLock lock(&hasher_mu_);
  listener_ = std::move(listener);
}

// Durable with the next update: before it nothing has a revision that was skipped.
void Committer::SkipTo(Revision revision) {
  if (revision <= last_revision()) return;
  written_revision_.store(revision.value(), std::memory_order_release);
  Publish(revision);
}

absl::Status Committer::WaitFor(Revision revision, absl::Time deadline) {
  if (last_revision() >= revision) return absl::OkStatus();
  const absl::MutexLock lock(&revision_mu_);
  const auto reached = [this, revision] { return last_revision() >= revision; };
  if (clock_.AwaitWithDeadline(&revision_mu_, absl::Condition(&reached), deadline)) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(absl::StrCat("revision ", revision.value(),
                                                  " was not reached in time; the newest is ",
                                                  last_revision().value()));
}

void Committer::AwaitPublished(const Snapshot& snapshot) {
  if (written_revision_.load(std::memory_order_acquire) <= last_revision().value()) return;
  const Revision shown = snapshot.revision();
  if (last_revision() >= shown) return;
  const absl::MutexLock lock(&revision_mu_);
  const auto published = [this, shown]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return failed_ || last_revision() >= shown;
  };
  revision_mu_.Await(absl::Condition(&published));
}

StoreStats Committer::Stats() const {
  const absl::MutexLock lock(&mu_);
  StoreStats out = stats_;
  out.queue_length = queue_.size();
  return out;
}

}  // namespace keyturn
