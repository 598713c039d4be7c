// The store: an ordered map in families, changed only by functions that read a view and fill a
// batch (docs/ARCHITECTURE.md, "two shapes"). Every change of every room goes through Update, so
// there is one total order of changes, each numbered by a Revision.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "base/types.h"

namespace keyturn {

// Do not renumber: the column families carry these names on disk (storage/schema.h).
enum class Family : uint8_t {
  kRecords = 0,    // sealed records: metadata, payloads, roles, policies, tokens
  kDeks = 1,       // wrapped DEKs, alone, so that erasing one is a small compaction
  kIndex = 2,      // MAC16(directory) || MAC16(name) -> sealed entry
  kDue = 3,        // time || key -> hint that something falls due
  kChanges = 4,    // revision -> event, kept 24 h
  kRevlog = 5,     // revocations by commit group and expiry hour
  kAuditTail = 6,  // revision -> audit entry not yet known to be in a segment
  kMeta = 7,       // the store's own: revision, accumulators
};
inline constexpr size_t kFamilies = 8;

// Families whose contents the accumulators cover.
constexpr bool IsCovered(Family family) {
  return family == Family::kRecords || family == Family::kDeks || family == Family::kIndex ||
         family == Family::kDue;
}

// Point reads. Errors: DATA_LOSS (bad checksum), UNAVAILABLE (I/O).
class View {
 public:
  virtual ~View() = default;
  // std::nullopt when the key is absent.
  virtual absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                         absl::string_view key) const = 0;
};

// Called with each key and value in order; returns false to stop. Views die with the call.
using ScanFn = absl::FunctionRef<bool(absl::string_view key, absl::string_view value)>;

// The store as of one revision. Thread-safe. Keeps old data alive: hold it briefly.
class Snapshot : public View {
 public:
  virtual Revision revision() const = 0;
  // Keys in [begin, end) in byte order; an empty `end` is the end of the family.
  virtual absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                            ScanFn fn) const = 0;
};

// The changes of one update. Later operations on a key win. Not thread-safe; lives in one call.
class Batch {
 public:
  struct Operation {
    Family family;
    bool is_delete;
    std::string key;
    std::string value;
    bool is_new = false;  // by Insert
  };

  explicit Batch(Revision revision) : revision_(revision) {}

  void Put(Family family, absl::string_view key, absl::string_view value);
  // A put without a look for what it replaces. REQUIRES: nothing was ever stored under the key (it
  // has a new random id, or a number that is given once); Verify reports it otherwise.
  void Insert(Family family, absl::string_view key, absl::string_view value);
  void Delete(Family family, absl::string_view key);
  // All operations and notes of `other`, after those there are. REQUIRES: !other.revision_asked().
  void Append(Batch other);
  // The revision this update gets if it is committed.
  Revision revision() const {
    revision_asked_ = true;
    return revision_;
  }
  // Whether what is in the batch may depend on it.
  bool revision_asked() const { return revision_asked_; }
  // A note for the audit entry of this change ("version", "3"); not stored by itself.
  void Note(absl::string_view name, absl::string_view value);

  const std::vector<Operation>& operations() const { return operations_; }
  const std::vector<std::pair<std::string, std::string>>& notes() const { return notes_; }
  // Keys plus values.
  size_t bytes() const { return bytes_; }

 private:
  Revision revision_;
  mutable bool revision_asked_ = false;
  std::vector<Operation> operations_;
  std::vector<std::pair<std::string, std::string>> notes_;
  size_t bytes_ = 0;
};

// Pure: may run again, must not do I/O, hash passwords or take over 1 ms. A status other than OK
// leaves nothing behind and becomes Update's result.
using UpdateFn = absl::FunctionRef<absl::Status(const View& view, Batch& batch)>;

// Takes changes. What rooms ask for, so that the server can pass one that audits (audit/).
class Updater {
 public:
  virtual ~Updater() = default;
  // Runs `fn`, and returns once its batch is durable. Blocks for about one fdatasync. Errors: fn's
  // own; INVALID_ARGUMENT (over limits::kBatchKeysMax or kBatchBytesMax); RESOURCE_EXHAUSTED (queue
  // full); FAILED_PRECONDITION (a covered family before SetRecordHasher); UNAVAILABLE (the store
  // stopped after a failed write). After UNAVAILABLE the change may or may not be there.
  virtual absl::StatusOr<Revision> Update(UpdateFn fn) = 0;

  struct Asked {
    UpdateFn fn;
    absl::StatusOr<Revision> result = Revision(0);
  };
  // Update of each, in this order, with a result of its own: none needs another to go well. The
  // store waits once for all, where each by itself would need a thread.
  virtual void UpdateEach(absl::Span<Asked> updates) {
    for (Asked& asked : updates) asked.result = Update(asked.fn);
  }
};

// Keyed hash of one record, as four 64-bit lanes that are added up per bucket. Injected, because
// its key lives in the keyring. Thread-safe, pure.
class RecordHasher {
 public:
  virtual ~RecordHasher() = default;
  virtual std::array<uint64_t, 4> Hash(Family family, absl::string_view key,
                                       absl::string_view value) const = 0;
};

// What one committed update did, as told to the listener.
struct CommittedUpdate {
  Revision revision;
  const std::vector<Batch::Operation>* operations;  // valid during the call
};

struct StoreStats {
  uint64_t commits = 0;       // updates
  uint64_t groups = 0;        // batches written
  uint64_t syncs = 0;         // fdatasyncs of the log
  uint64_t slow_updates = 0;  // functions over limits::kUpdateNanosMax
  size_t queue_length = 0;
  bool stopped = false;  // a write failed; reopen
};

struct StoreProblem {
  std::string what;  // names the family and a hash of the key, never its bytes or a value
};

// What a search for bytes in the store's files has found.
struct FileSearch {
  uint64_t files = 0;  // searched
  uint64_t bytes = 0;
  std::vector<std::string> found;  // names of files with any of them
};

class Store : public Updater {
 public:
  // Of the newest committed state. The listener has been told of all that it shows, so nothing that
  // the listener keeps up to date (caches) is behind what anyone has seen. Not from the listener.
  virtual std::shared_ptr<const Snapshot> GetSnapshot() const = 0;
  // The newest committed state, without a snapshot: each Get stands alone. For single reads that
  // are checked by what they open. Lives as long as the store; thread-safe.
  virtual const View& Newest() const = 0;
  // Of the newest committed update; Revision(0) for an empty store.
  virtual Revision LastRevision() const = 0;
  // Later updates get revisions above `revision`. At start only, before anybody else has the store.
  virtual void SkipTo(Revision revision) = 0;
  // Waits until LastRevision() >= revision. DEADLINE_EXCEEDED at `deadline` (wall time).
  virtual absl::Status WaitFor(Revision revision, absl::Time deadline) = 0;

  // Covered families are read-only until a hasher is set. `nullptr` (at seal) waits for running
  // updates and makes them read-only again.
  virtual void SetRecordHasher(std::shared_ptr<const RecordHasher> hasher) = 0;

  // Called on the committing thread for each committed group, in order, after it is durable and
  // before any caller is answered. Must not call Update or GetSnapshot. Set before the first
  // Update; one listener.
  using CommitListener = std::function<void(absl::Span<const CommittedUpdate>)>;
  virtual void SetCommitListener(CommitListener listener) = 0;

  // Recomputes the accumulators from a full scan of the covered families and compares them with
  // those kept, and checks every block of every table file. FAILED_PRECONDITION without hasher.
  virtual absl::StatusOr<std::vector<StoreProblem>> Verify(ProgressFn progress) = 0;

  // Takes what was deleted or replaced in `family` out of the store's files: writes everything to
  // tables, compacts the family down to its last level, and removes the logs. Long for a large
  // family. FAILED_PRECONDITION, reason OLD_STATE_READ, when a snapshot or a scan that began before
  // kept some of it: to be called again when that has ended.
  virtual absl::Status Purge(Family family) = 0;
  // Looks for 16 consecutive bytes of any needle in every file of the store, as they are on the
  // disk. Of a needle, whole groups of 16 bytes count: a log may split a record anywhere.
  virtual absl::StatusOr<FileSearch> SearchFiles(absl::Span<const std::string> needles,
                                                 ProgressFn progress) = 0;

  virtual StoreStats Stats() const = 0;
};

}  // namespace keyturn
