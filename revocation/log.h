// Makes changes of the revocation list durable. A thread of its own takes all that was appended
// since, as groups of whole transactions, seals one record for each hour of expiry in a group, and
// commits the group as one update (docs/REVOCATION.md, "The log"). It also drops records whose hour
// has passed. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
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
  absl::Status Start(LogSealer sealer, LogState state);
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

  // Drops some records whose hour has passed.
  absl::Status Sweep(int64_t now_ms);

  uint64_t waiting_bytes() const;
  uint64_t groups() const { return groups_.load(); }

 private:
  // A group, and how far it goes: so many whole transactions, then changes of the next one.
  struct Cut {
    LogGroup group;
    std::vector<WriterChanges> writers;
    size_t whole = 0;
    size_t part = 0;
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
  absl::Status BeginDrop(uint32_t hours_from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);
  absl::StatusOr<bool> DropSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_mu_);

  Store& store_;
  GroupCommitter& committer_;
  Clock& clock_;
  Owner& owner_;

  // Held while a group or a drop is under way, so that a record's hour is not dropped meanwhile.
  absl::Mutex disk_mu_;
  std::optional<LogSealer> sealer_ ABSL_GUARDED_BY(disk_mu_);
  LogState state_ ABSL_GUARDED_BY(disk_mu_);  // counts all that is there
  // From where on to look for records to drop; "" when all are dropped.
  std::string drop_from_ ABSL_GUARDED_BY(disk_mu_);

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
  std::thread thread_;
};

}  // namespace keyturn
