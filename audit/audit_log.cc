#include "audit/audit_log.h"

#include <limits>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "audit/chain.h"
#include "audit/recovery.h"
#include "audit/segments.h"
#include "audit/server_event.h"
#include "audit/signer.h"
#include "audit/sticky_file.h"
#include "base/coding.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

constexpr uint64_t kIndexEvery = 256;
constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();

class AuditLogImpl : public AuditLog {
 public:
  AuditLogImpl(const AuditLogOptions& options, FileSystem& files, Clock& clock)
      : options_(options), files_(files), clock_(clock) {}

  ~AuditLogImpl() override {
    {
      const absl::MutexLock lock(&mu_);
      stopping_ = true;
    }
    if (syncer_.joinable()) syncer_.join();
    const absl::MutexLock lock(&mu_);
    if (file_ != nullptr && status_.ok()) {
      Checkpoint();
      file_->Sync().IgnoreError();
    }
  }

  absl::Status Recover(Store& store) {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(files_.CreateDirectory(options_.directory, 0700));
    const std::shared_ptr<const Snapshot> snapshot = store.GetSnapshot();
    ASSIGN_OR_RETURN(const uint64_t synced, ReadSynced(*snapshot));
    ASSIGN_OR_RETURN(RecoveredLog log,
                     RecoverLog(files_, options_.directory, options_.accept_loss ? 0 : synced));
    state_ = std::move(log.state);
    signer_ = AuditSigner(log.signed_next);
    if (log.last.has_value()) {
      segment_first_ = log.last->first_sequence;
      RETURN_IF_ERROR(OpenFile(log.last->path));
      // A start that failed or was killed may have made the segment without this.
      RETURN_IF_ERROR(files_.SyncDirectory(options_.directory));
    }
    const Revision logged = state_.last_revision;
    const Revision stored = store.LastRevision();
    if (options_.accept_rollback.empty()) RETURN_IF_ERROR(CheckStore(logged, stored));
    if (file_ == nullptr) RETURN_IF_ERROR(NewSegment());
    RETURN_IF_ERROR(Replay(*snapshot));
    synced_revision_ = state_.last_revision;
    synced_sequence_ = state_.next_sequence - 1;
    if (synced_sequence_ < synced) RETURN_IF_ERROR(AcceptLoss(store, synced));
    if (logged > stored) RETURN_IF_ERROR(AcceptRollback(store, logged, stored));
    syncer_ = std::thread([this] { SyncLoop(); });
    return absl::OkStatus();
  }

  absl::Status Append(const AuditEvent& event) override {
    const std::string encoded = EncodeEvent(event);
    uint64_t sequence;
    {
      const absl::MutexLock lock(&mu_);
      RETURN_IF_ERROR(Refusal());
      if (const absl::Status status = AppendEntry(encoded, event.revision); !status.ok()) {
        return Fail(status);
      }
      sequence = state_.next_sequence - 1;
    }
    return options_.sync_reads ? SyncUpTo(sequence) : absl::OkStatus();
  }

  std::vector<Revision> Trimmable(size_t limit) const override {
    const absl::MutexLock lock(&mu_);
    std::vector<Revision> out;
    for (auto it = tail_.upper_bound(given_to_trim_);
         it != tail_.end() && out.size() < limit && *it <= synced_revision_; ++it) {
      out.push_back(*it);
    }
    if (!out.empty()) given_to_trim_ = out.back();
    return out;
  }

  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    const absl::MutexLock lock(&mu_);
    std::string frames;
    for (const CommittedUpdate& update : group) {
      for (const Batch::Operation& operation : *update.operations) {
        if (operation.family != Family::kAuditTail) continue;
        const std::optional<Revision> revision = schema::ParseRevisionKey(operation.key);
        if (!revision.has_value()) continue;
        if (operation.is_delete) {
          tail_.erase(*revision);
          continue;
        }
        tail_.insert(*revision);
        if (status_.ok()) frames += EntryFrames(operation.value, *revision, 0, &state_);
      }
    }
    // Updates that were given revisions have committed or failed by now: what is left is free.
    given_to_trim_ = Revision(0);
    // The entries are durable in audit_tail: a failure here loses nothing, but stops further calls.
    if (!frames.empty()) {
      if (const absl::Status status = WriteFrames(frames); !status.ok()) Fail(status).IgnoreError();
    }
  }

  void SetKeys(std::shared_ptr<const KeyringSnapshot> keys) override {
    const absl::MutexLock lock(&mu_);
    if (status_.ok()) Checkpoint();
    const bool opened = keys != nullptr;
    signer_.SetKeys(std::move(keys));
    if (status_.ok()) Checkpoint();  // of what came without keys, or a crash left
    if (!opened || signer_.public_key().empty()) return;
    const absl::Status written = WritePublicKey(signer_.public_key(), files_, options_.directory);
    if (!written.ok()) {
      LogWarning("cannot write the audit public key", {{"error", std::string(written.message())}});
    }
  }

  std::string MacOf(absl::string_view value) const override {
    const absl::MutexLock lock(&mu_);
    return signer_.MacOf(value);
  }

  absl::Status Read(uint64_t from, const std::function<bool(const AuditRecord&)>& fn) override {
    EntryRange range{.from = from};
    {
      const absl::MutexLock lock(&mu_);
      range.end = state_.next_sequence;
      range.segment = segment_first_;
      for (const auto& [sequence, offset] : index_) {
        if (sequence <= from) range.offset = offset;
      }
    }
    return ForEachEntry(files_, options_.directory, range, fn);
  }

  bool WaitFor(uint64_t sequence, absl::Time deadline) override {
    const absl::MutexLock lock(&mu_);
    const auto there = [this, sequence]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return state_.next_sequence > sequence || stopping_;
    };
    return clock_.AwaitWithDeadline(&mu_, absl::Condition(&there), deadline) && !stopping_;
  }

  uint64_t next_sequence() const override {
    const absl::MutexLock lock(&mu_);
    return state_.next_sequence;
  }

  absl::StatusOr<AuditVerification> Verify(ProgressFn progress) override {
    // What is said of it may be noted, so a power cut must not take it away.
    RETURN_IF_ERROR(SyncUpTo(next_sequence() - 1));
    std::string public_key;
    AuditExtent extent;
    {
      const absl::MutexLock lock(&mu_);
      public_key = signer_.public_key();
      extent = {segment_first_, file_->size(), state_.next_sequence - 1};
    }
    ASSIGN_OR_RETURN(AuditVerification out, VerifyAuditDirectory(files_, options_.directory,
                                                                 public_key, progress, extent));
    const absl::MutexLock lock(&mu_);  // it may have begun others meanwhile
    if (out.newest_segment > segment_first_) out.problems.push_back("a segment is not of this log");
    return out;
  }

  uint64_t unsynced_bytes() const override {
    const absl::MutexLock lock(&mu_);
    return unsynced_;
  }

  uint64_t synced_sequence() const override {
    const absl::MutexLock lock(&mu_);
    return synced_sequence_;
  }

  bool failing() const override {
    const absl::MutexLock lock(&mu_);
    return !status_.ok();
  }

 private:
  absl::Status Refusal() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (status_.ok()) return absl::OkStatus();
    return absl::UnavailableError(
        "the audit log cannot be written, so calls are refused; see the server's log");
  }

  absl::Status Fail(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (status_.ok()) LogError("the audit log failed", {{"error", std::string(why.message())}});
    status_ = why;
    return Refusal();
  }

  absl::Status AppendEntry(absl::string_view encoded, Revision revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return WriteFrames(EntryFrame(encoded, revision, &state_));
  }

  absl::Status WriteFrames(const std::string& frames) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const uint64_t offset = file_->size();
    RETURN_IF_ERROR(file_->Append(frames));
    KEYTURN_FAILPOINT("audit/frames-written");
    unsynced_ += frames.size();
    if (index_.empty() || state_.next_sequence - index_.back().first >= kIndexEvery) {
      // The frames end before next_sequence; they start at or after the last index entry.
      index_.emplace_back(state_.next_sequence, file_->size());
    }
    if (offset == 0) index_.clear();
    const int64_t now_nanos = clock_.MonotonicNanos();
    signer_.Wrote(now_nanos);
    CheckpointIfDue(now_nanos);
    RETURN_IF_ERROR(status_);  // a torn checkpoint is the end: no segment may follow it
    if (file_->size() >= options_.segment_bytes_max) return NewSegment();
    return absl::OkStatus();
  }

  // Signed when the keys are there; without them the tree is still pinned by the chain.
  void Checkpoint() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const std::optional<std::string> frame = signer_.Checkpoint(&state_);
    if (!frame.has_value()) return;
    if (const absl::Status status = file_->Append(*frame); !status.ok()) Fail(status).IgnoreError();
    unsynced_ += frame->size();
    KEYTURN_FAILPOINT("audit/checkpoint-written");
  }

  void CheckpointIfDue(int64_t now_nanos) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (signer_.DueIn(state_, now_nanos) == absl::ZeroDuration()) Checkpoint();
  }

  absl::Status OpenFile(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files_.OpenForAppend(path, 0600));
    file_ = std::make_shared<StickyFile>(std::move(file));
    return absl::OkStatus();
  }

  absl::Status NewSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (file_ != nullptr) RETURN_IF_ERROR(file_->Sync());
    KEYTURN_FAILPOINT("audit/segment-closed");
    segment_first_ = state_.next_sequence;
    RETURN_IF_ERROR(OpenFile(SegmentPath(options_.directory, segment_first_)));
    index_.clear();
    RETURN_IF_ERROR(file_->Append(HeaderFrame(&state_)));
    KEYTURN_FAILPOINT("audit/segment-begun");
    RETURN_IF_ERROR(file_->Sync());
    KEYTURN_FAILPOINT("audit/segment-synced");
    return files_.SyncDirectory(options_.directory);
  }

  // Entries of changes that were durable in the store but had not reached a segment.
  absl::Status Replay(const Snapshot& store) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    absl::Status bad;
    const Revision logged = state_.last_revision;
    const uint64_t of_logged = state_.of_last_revision;
    RETURN_IF_ERROR(
        store.Scan(Family::kAuditTail, "", "", [&](absl::string_view key, absl::string_view value) {
          const std::optional<Revision> revision = schema::ParseRevisionKey(key);
          if (!revision.has_value() || SplitTail(value).empty()) {
            bad = absl::DataLossError("an entry of audit_tail is malformed");
            return false;
          }
          tail_.insert(*revision);
          if (*revision < logged) return true;
          const uint64_t written = *revision == logged ? of_logged : 0;
          const std::string frames = EntryFrames(value, *revision, written, &state_);
          if (!frames.empty()) bad = WriteFrames(frames);
          return bad.ok();
        }));
    RETURN_IF_ERROR(bad);
    KEYTURN_FAILPOINT("audit/tail-replayed");
    return file_->Sync();
  }

  absl::Status AcceptLoss(Store& store, uint64_t synced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    LogWarning("went on without entries of the audit log that were on disk",
               {{"first", synced_sequence_ + 1}, {"last", synced}});
    return NoteSyncedNow(synced_sequence_, store);
  }

  // Revisions that the log has seen are not given again: their entries would be taken for those.
  absl::Status AcceptRollback(Store& store, Revision logged, Revision stored)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    LogWarning("went on with a store that is behind the audit log",
               {{"audit_revision", logged.value()}, {"store_revision", stored.value()}});
    store.SkipTo(logged);
    RETURN_IF_ERROR(AppendEntry(
        EncodeEvent(RollbackEvent(options_.accept_rollback, "audit", logged, stored, clock_)),
        Revision(0)));
    RETURN_IF_ERROR(file_->Sync());
    return NoteSyncedNow(synced_sequence_, store);
  }

  // One sync serves every caller that waits for it.
  absl::Status SyncUpTo(uint64_t sequence) {
    const absl::MutexLock sync_lock(&sync_mu_);
    std::shared_ptr<WritableFile> file;
    uint64_t covers;
    Revision revision;
    uint64_t bytes;
    {
      const absl::MutexLock lock(&mu_);
      if (synced_sequence_ >= sequence) return absl::OkStatus();
      RETURN_IF_ERROR(Refusal());
      file = file_;
      covers = state_.next_sequence - 1;
      revision = state_.last_revision;
      bytes = unsynced_;
    }
    const absl::Status status = file->Sync();
    KEYTURN_FAILPOINT("audit/entries-synced");
    const absl::MutexLock lock(&mu_);
    if (!status.ok()) return Fail(status);
    RETURN_IF_ERROR(Refusal());  // what failed meanwhile may have been a sync of the same bytes
    synced_sequence_ = std::max(synced_sequence_, covers);
    synced_revision_ = std::max(synced_revision_, revision);
    unsynced_ -= std::min(unsynced_, bytes);
    return absl::OkStatus();
  }

  void SyncLoop() {
    while (SignAndAwaitSync()) SyncUpTo(kEverything).IgnoreError();  // status_ keeps the failure
  }

  // Signs what is not signed when that is due. Returns when something is to be synced; false at the
  // end. A log that rests wakes nobody.
  bool SignAndAwaitSync() {
    const absl::MutexLock lock(&mu_);
    const auto stop = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; };
    const auto to_sync = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return stopping_ || (unsynced_ > 0 && status_.ok());
    };
    const auto any = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return stopping_ || (status_.ok() && (unsynced_ > 0 || signer_.waiting()));
    };
    do {
      mu_.Await(absl::Condition(&any));
      const absl::Time now = clock_.Now();
      clock_.AwaitWithDeadline(&mu_, absl::Condition(&to_sync),
                               now + signer_.DueIn(state_, clock_.MonotonicNanos()));
      if (status_.ok() && !stopping_) CheckpointIfDue(clock_.MonotonicNanos());
    } while (!stopping_ && unsynced_ == 0);
    clock_.AwaitWithDeadline(&mu_, absl::Condition(&stop),
                             clock_.Now() + absl::Milliseconds(limits::kAuditSyncMillis));
    return !stopping_;
  }

  const AuditLogOptions options_;
  FileSystem& files_;
  Clock& clock_;

  absl::Mutex sync_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  mutable absl::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  ChainState state_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<WritableFile> file_ ABSL_GUARDED_BY(mu_);
  uint64_t segment_first_ ABSL_GUARDED_BY(mu_) = 0;
  // Offsets in the current segment at which entries of at least a sequence start.
  std::vector<std::pair<uint64_t, uint64_t>> index_ ABSL_GUARDED_BY(mu_);
  AuditSigner signer_ ABSL_GUARDED_BY(mu_);
  std::set<Revision> tail_ ABSL_GUARDED_BY(mu_);
  // The updates of one group run before any of them is committed: each gets other revisions.
  mutable Revision given_to_trim_ ABSL_GUARDED_BY(mu_);
  uint64_t unsynced_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t synced_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  Revision synced_revision_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread syncer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const AuditLogOptions& options,
                                                         FileSystem& files, Store& store,
                                                         Clock& clock) {
  auto log = std::make_unique<AuditLogImpl>(options, files, clock);
  RETURN_IF_ERROR(log->Recover(store));
  return log;
}

}  // namespace keyturn
