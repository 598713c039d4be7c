// Makes changes of the revocation list durable. A thread of its own takes all that was appended
// since, as groups of whole transactions, seals one record for each hour of expiry in a group, and
// commits the group as one update (docs/REVOCATION.md, "The log"). It also drops records whose hour
// has passed, and those that a snapshot stands for. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "revocation/group.h"
#include "revocation/keyspace.h"
#include "revocation/log_group.h"
#include "revocation/log_record.h"
#include "storage/schema.h"
#include "storage/store.h"

namespace keyturn {

// One transaction's changes, as the log takes them.
struct LoggedTransaction {
  struct Change {
    uint32_t hour = 0;
    uint32_t bytes = 0;                         // of `encoded`
    uint32_t puts = 0, erases = 0, clears = 0;  // as WriterChanges counts them
  };
  uint64_t number = 0;
  std::shared_ptr<const RevocationWriter> writer;
  std::string encoded;  // by ChangeEncoder, one behind another
  std::vector<Change> changes;
  // What each change replaced, in their order; nullptr is a Clear.
  std::vector<Keyspace::Former> undo;
};

class RevocationLog {
 public:
  // Called on the log's thread, without a lock of the log.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Before anybody is told.
    virtual void OnDurable(const LoggedTransaction& transaction) = 0;
    // All that waited, oldest first; before anybody is told.
    virtual void OnFailed(std::vector<LoggedTransaction> transactions) = 0;
    // durability() of some has changed.
    virtual void OnTold() = 0;
  };

  RevocationLog(Store& store, GroupCommitter& committer, Clock& clock, Owner& owner);
  ~RevocationLog();  // REQUIRES: stopped

  // `state`: where the log stands; all that is there counts as counted.
  // `snapshot_bytes`: of the chunks of its snapshot.
  absl::Status Start(LogSealer sealer, LogState state, uint64_t snapshot_bytes);
  // Waits until nothing waits.
  void Stop();

  // UNAVAILABLE, with what happened, when a group could not be written; RESOURCE_EXHAUSTED when too
  // much waits.
  absl::Status CheckTaking() const;
  // Takes it and returns its number. When the log has failed, `to_undo` gets what the caller is to
  // undo at once.
  uint64_t Append(LoggedTransaction transaction, std::vector<Keyspace::Former>* to_undo);

  // Of what was appended last; 0 when nothing was.
  uint64_t newest() const;
  bool IsDurable(uint64_t number) const { return number <= durable_.load(); }
  // Of all that are not durable.
  bool failed() const { return failed_.load(); }
  // Waits until it is durable, or all has failed and is undone.
  void WaitUntilTold(uint64_t number);
  // Waits until it is durable, or known to fail; for who holds up the undoing.
  void WaitUntilTried(uint64_t number);

  // Drops some of what does not count any more: records whose hour has passed or that are in the
  // snapshot, and chunks of other snapshots.
  absl::Status Sweep(int64_t now_ms);

  // A snapshot is taken beside the writer (revocation/snapshot_taker.h): what it shows may be newer
  // than the group after which it was begun, since replaying what came after that group ends in the
  // same list. One at a time; the log's end ends it.
  bool snapshot_begun() const;
  // Whether reading back what came since the last one would take as long as a quarter of it, and
  // `log_bytes_min` at least. False while one is begun.
  bool WantsSnapshot(uint64_t log_bytes_min) const;
  absl::Status BeginSnapshot();
  // FAILED_PRECONDITION when none is begun; RESOURCE_EXHAUSTED when the store is busy, and it can
  // be put again. By one thread. REQUIRES: what the list was at some moment since BeginSnapshot.
  absl::Status PutChunk(absl::string_view body);
  // From here on the snapshot is what replay begins with. REQUIRES: all that its chunks show is
  // durable. Errors as PutChunk.
  absl::Status EndSnapshot();
  void AbandonSnapshot();

  uint64_t waiting_bytes() const;
  uint64_t groups() const { return groups_.load(); }
  uint64_t snapshots() const { return snapshots_.load(); }
  // Of the records that replay would read, with limits::kRevocationRecordOverhead for each.
  uint64_t log_bytes() const { return log_bytes_.load(); }

 private:
  // A group, and how far it goes: so many whole transactions, then changes of the next one.
  struct Cut {
    LogGroup group;
    std::vector<WriterChanges> writers;
    size_t whole = 0;
    size_t part = 0;
  };

  // A snapshot that is begun.
  struct Attempt {
    SnapshotMark mark;
    ChunkDigest digest;
    uint64_t bytes = 0;
    std::map<uint32_t, HeldRecords> held;  // what came since
  };

  bool broken() const;
  void Loop();
  std::deque<LoggedTransaction> Take();
  absl::Status Write(std::deque<LoggedTransaction>* taken);
  // `from`: changes of the first one that are written already.
  static Cut CutGroup(const std::deque<LoggedTransaction>& taken, size_t from);
  absl::Status Commit(const Cut& cut);
  absl::Status TryCommit(const Cut& cut);
  void Pause();
  void TellDurable(const LoggedTransaction& transaction);
  void Fail(const absl::Status& why, std::deque<LoggedTransaction> taken);
  void SetState(LogState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  void Count(uint32_t hour, size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  absl::Status PutState(LogState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  absl::Status BeginDrop(uint32_t hours_from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  absl::StatusOr<bool> DropSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  bool Counts(const schema::RevlogItem& item) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  std::string KeyBehind(const schema::RevlogItem& item) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);

  Store& store_;
  GroupCommitter& committer_;
  Clock& clock_;
  Owner& owner_;

  // Held while a group or a drop is under way, so that a record's hour is not dropped meanwhile.
  mutable absl::Mutex disk_mu_;
  std::optional<LogSealer> sealer_ ABSL_GUARDED_BY(disk_mu_);
  LogState state_ ABSL_GUARDED_BY(disk_mu_);  // counts all that is there
  // From where on to look for what to drop; "" when all is dropped.
  std::string drop_from_ ABSL_GUARDED_BY(disk_mu_);
  std::optional<Attempt> attempt_ ABSL_GUARDED_BY(disk_mu_);
  uint64_t snapshot_bytes_ ABSL_GUARDED_BY(disk_mu_) = 0;  // of the one that is in the state

  mutable absl::Mutex mu_;
  std::deque<LoggedTransaction> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mu_);
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Changed with mu_ held, so that who waits sees it.
  std::atomic<uint64_t> durable_{0};
  std::atomic<bool> failed_{false};
  std::atomic<uint64_t> groups_{0};
  std::atomic<uint64_t> snapshots_{0};
  std::atomic<uint64_t> log_bytes_{0};  // of state_, for who does not wait for a disk
  std::thread thread_;
};

}  // namespace keyturn
