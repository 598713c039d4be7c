// The audit log: one entry per call, appended to segment files, each entry hashed onto the one
// before, with Merkle-tree checkpoints (RFC 6962) signed by Ed25519. It holds no values: what must
// be matched later is there as a MAC.
//
// Durability. A change's entry rides in the change's own batch (family audit_tail) through
// AuditedUpdater, and reaches the segment from the commit listener; after a crash the tail is
// replayed, so change and entry are durable together. A read's entry is appended with one write
// before the reply and synced within limits::kAuditSyncMillis. When the log cannot be written,
// every append fails with UNAVAILABLE and the call must be refused. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "audit/event.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/types.h"
#include "keyring/keyring.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace keyturn {

struct AuditLogOptions {
  std::string directory;
  // "sync" waits for fdatasync on every read's entry; "batch" syncs within kAuditSyncMillis.
  bool sync_reads = false;
  // A segment that has grown to this is closed and the next one begun.
  uint64_t segment_bytes_max = limits::kAuditSegmentBytesMax;
  // Goes on with what is left of a log that lost entries which were on disk.
  bool accept_loss = false;
  // Goes on with a store that is behind the log, for this reason; "" refuses it.
  std::string accept_rollback;
};

// Which records a search returns; empty fields match all. Times are [after, before).
struct AuditFilter {
  absl::Time after = absl::InfinitePast();
  absl::Time before = absl::InfiniteFuture();
  std::string event, principal, resource_prefix, correlation_id, outcome;
};

class AuditLog {
 public:
  // Opens the newest segment, cuts off what a crash left at its end, and replays what the store's
  // audit_tail holds beyond it. DATA_LOSS when the chain is broken, or when entries are missing
  // that were on disk as of the newest change, or has entries of changes that the store has not: it
  // was put back, or lost what it had. Works while sealed: entries are chained, checkpoints
  // wait for the key.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const AuditLogOptions& options,
                                                        FileSystem& files, Store& store,
                                                        Clock& clock);
  virtual ~AuditLog() = default;

  // Appends the entry of a read, a denial or a failed change.
  virtual absl::Status Append(const AuditEvent& event) = 0;

  // Revisions whose entries are synced to a segment and may leave audit_tail, at most `limit`.
  virtual std::vector<Revision> Trimmable(size_t limit) const = 0;

  // For the server's one commit listener: writes the entries of a committed group to the segment.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;

  // Keys for MACs and checkpoints; nullptr at seal.
  virtual void SetKeys(std::shared_ptr<const KeyringSnapshot> keys) = 0;
  // Hex of a MAC of `value`, for matching without showing; "" while sealed.
  virtual std::string MacOf(absl::string_view value) const = 0;

  // Records from `from` on, in order, until `fn` returns false or the newest was given. Sees every
  // entry appended before the call.
  virtual absl::Status Read(uint64_t from, const std::function<bool(const AuditRecord&)>& fn) = 0;
  // Waits for an entry with sequence >= `sequence`. False at `deadline` (wall time).
  virtual bool WaitFor(uint64_t sequence, absl::Time deadline) = 0;
  virtual uint64_t next_sequence() const = 0;

  // Recomputes the chain from the first entry and checks every checkpoint.
  virtual absl::StatusOr<AuditVerification> Verify(ProgressFn progress) = 0;
  absl::StatusOr<AuditVerification> Verify() { return Verify(NoProgress); }

  // Every entry up to this one is on disk.
  virtual uint64_t synced_sequence() const = 0;
  // Bytes appended but not yet synced, and whether appends are failing: for metrics and health.
  virtual uint64_t unsynced_bytes() const = 0;
  virtual bool failing() const = 0;
};

bool Matches(const AuditFilter& filter, const AuditRecord& record);

// Wraps an updater for one call: each update takes the call's entry along, completed with the
// update's revision and notes ("version" sets event.version, others become details), and takes a
// few entries out of audit_tail that are safe in a segment.
class AuditedUpdater : public Updater {
 public:
  AuditedUpdater(Updater& store, const AuditLog& log, const AuditEvent& event);
  // With an entry for each of `events`, at least one, which outlive this: several callers' changes
  // in one update.
  AuditedUpdater(Updater& store, const AuditLog& log, absl::Span<const AuditEvent> events);
  absl::StatusOr<Revision> Update(UpdateFn fn) override;
  // Whether an update was committed, and so the entry written: the caller then must not Append it.
  bool recorded() const { return recorded_; }

 private:
  Updater& store_;
  const AuditLog& log_;
  const absl::Span<const AuditEvent> events_;
  bool recorded_ = false;
};

struct AuditedChange {
  AuditEvent event;
  UpdateFn fn;
  absl::StatusOr<Revision> result = Revision(0);
};
// Updater::UpdateEach, each with its entry, as AuditedUpdater has it.
void UpdateEachAudited(Updater& store, const AuditLog& log, absl::Span<AuditedChange> changes);

}  // namespace keyturn
