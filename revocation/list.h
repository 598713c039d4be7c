// The revocation list: names of tokens with what Redis clients keep beside them, a value or a set,
// and when each ends. In memory for whoever asks, in the log for whoever restarts
// (docs/REVOCATION.md). A change is seen by all who ask before it is durable, and counts as
// acknowledged once it is: who is told so early is told nothing that can be lost.
//
// Reads take no lock when a name has one of the usual values (revocation/values.h), and never wait
// for a disk. Changes take turns. Thread-safe; a Transaction has one user.
#pragma once

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
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/limits.h"
#include "keyring/keyring_snapshot.h"
#include "revocation/change_listener.h"
#include "revocation/group.h"
#include "revocation/key_info.h"
#include "revocation/snapshot_options.h"
#include "storage/store.h"

namespace keyturn {

class RevocationList {
 public:
  struct Options {
    size_t index_bytes_max = limits::kRevocationIndexBytesMax;
    size_t side_bytes_max = limits::kRevocationSideBytesMax;
    // Names stay in memory, so that they can be listed (SCAN), times are exact to the millisecond
    // and no stranger is taken for a revoked token; about ten times the memory.
    // A name that was put without this is not listed later: only its fingerprint is in a snapshot.
    bool keep_names = false;
    SnapshotOptions snapshots = {};
  };

  // `store`, `committer` and `clock` outlive this. RESOURCE_EXHAUSTED without room for addresses.
  static absl::StatusOr<std::unique_ptr<RevocationList>> Create(const Options& options,
                                                                Store& store,
                                                                GroupCommitter& committer,
                                                                Clock& clock);
  virtual ~RevocationList() = default;

  // Reads the log (unseal), or waits for changes under way and forgets everything (seal, with
  // nullptr). DATA_LOSS names what does not open. While nothing is loaded, reads find nothing and
  // Begin fails: ask loaded() first.
  virtual absl::Status Load(std::shared_ptr<const KeyringSnapshot> keys) = 0;
  virtual bool loaded() const = 0;

  // Asked once for several commands.
  virtual ListTime Now() = 0;

  virtual bool Exists(absl::string_view key, const ListTime& time) const = 0;
  // As Exists of each; waits for memory once for up to sixteen. REQUIRES: as many results as keys.
  virtual void ExistsMany(absl::Span<const absl::string_view> keys, const ListTime& time,
                          absl::Span<bool> results) const = 0;
  // std::nullopt when it is not there or has expired.
  virtual std::optional<KeyInfo> Find(absl::string_view key, const ListTime& time) const = 0;
  // For each of `members` whether the set has it; all false when there is no such key.
  // INVALID_ARGUMENT when the key is not of a set. REQUIRES: as many results as members.
  virtual absl::Status FindMembers(absl::string_view key,
                                   absl::Span<const absl::string_view> members,
                                   const ListTime& time, absl::Span<bool> results) const = 0;

  // Keys whose names are kept, some at a time: from `cursor`, at first 0, about `count` are looked
  // at. Returns the next cursor, 0 at the end. A key that is there all the while is given at least
  // once. Without Options::keep_names these are only the keys of unusual values, short lives and
  // sets.
  virtual uint64_t Scan(uint64_t cursor, size_t count, const ListTime& time,
                        absl::FunctionRef<void(absl::string_view key, KeyType type)> fn) const = 0;
  virtual bool keeps_names() const = 0;

  // Changes that belong together: nobody else changes anything in between, and after a crash all
  // of them are there or none (up to limits::kRevocationGroupBytesMax; more is cut).
  class Transaction {
   public:
    virtual ~Transaction() = default;

    // As of now, own changes included.
    virtual std::optional<KeyInfo> Find(absl::string_view key) const = 0;
    virtual absl::Status FindMembers(absl::string_view key,
                                     absl::Span<const absl::string_view> members,
                                     absl::Span<bool> results) const = 0;

    // A string in place of whatever is there. One that has expired by `time` is erased instead.
    // RESOURCE_EXHAUSTED, with nothing changed, when there is no memory for it; INVALID_ARGUMENT
    // when name and value have more than limits::kRevocationChangeBytesMax together.
    virtual absl::Status Put(absl::string_view key, absl::string_view value,
                             int64_t expires_ms) = 0;
    // As Put, to end when what is there ends; never, when nothing is.
    virtual absl::Status PutValue(absl::string_view key, absl::string_view value) = 0;
    // Whether it was there.
    virtual bool Erase(absl::string_view key) = 0;
    // Of a string or set; the rest stays. Erases it when `expires_ms` has passed. REQUIRES: it is
    // there. Errors as Put.
    virtual absl::Status Retime(absl::string_view key, int64_t expires_ms) = 0;
    // How many were new. REQUIRES: the key is not there, or of a set. Errors as Put, for each of
    // the members.
    virtual absl::StatusOr<size_t> AddMembers(absl::string_view key,
                                              absl::Span<const absl::string_view> members) = 0;
    // How many were there; a set without members is gone. REQUIRES: as AddMembers.
    virtual absl::StatusOr<size_t> RemoveMembers(absl::string_view key,
                                                 absl::Span<const absl::string_view> members) = 0;
    // Everything. Returns how many keys there were, with those expired and not swept. Waits for the
    // disk when an earlier one is not durable yet.
    virtual uint64_t Clear() = 0;

    // Which connection it is of, for those who are told of the changes; at first 0, none.
    virtual void SetOrigin(uint64_t origin) = 0;

    // Ends the transaction, on the thread that began it. The number of the change, for
    // DurabilityOf; when nothing was changed that of the newest before, since what was found may be
    // one that is not durable, or 0. One that is not committed when it dies commits as well.
    virtual uint64_t Commit() = 0;
  };
  // Waits for its turn, never for a disk. UNAVAILABLE, with what happened, when the log could not
  // be written: reads go on, and no change is taken any more until the server is started again.
  // FAILED_PRECONDITION while nothing is loaded; RESOURCE_EXHAUSTED when too much waits for the
  // disk.
  virtual absl::StatusOr<std::unique_ptr<Transaction>> Begin(
      std::shared_ptr<const RevocationWriter> writer, const ListTime& time) = 0;

  enum class Durability { kWaiting, kDurable, kFailed };
  virtual Durability DurabilityOf(uint64_t change) const = 0;
  // Waits until it is not kWaiting. UNAVAILABLE when it failed; then it may or may not be there
  // after a restart. Not within a transaction.
  virtual absl::Status WaitFor(uint64_t change) = 0;
  // Called when DurabilityOf changed, on the log's thread: cheap, and not from within. Set before
  // the first Load.
  virtual void SetDurableListener(std::function<void()> listener) = 0;
  // Who is told of changes; it outlives what is loaded. Set before the first Load.
  virtual void SetChangeListener(ListChangeListener* listener) = 0;

  // Called with each key that is put, once it can be found and before its transaction commits, and
  // with "" after changes were undone, so that any key may be there again: on the thread of whoever
  // did it, cheap, and not from within. Set before the first Load.
  virtual void SetPutListener(std::function<void(absl::string_view key)> listener) = 0;

  // Frees memory of some of what has expired, drops what the log does not need any more, and takes
  // a part of a snapshot when it is time for one; for a janitor, every second. RESOURCE_EXHAUSTED
  // when the store is busy.
  virtual absl::Status Sweep() = 0;

  struct Stats {
    uint64_t keys = 0;       // with those expired and not swept
    uint64_t side_keys = 0;  // of them, those kept by name
    size_t index_bytes = 0;
    size_t side_bytes = 0;
    uint64_t waiting_bytes = 0;  // of changes that are not durable yet
    uint64_t log_bytes = 0;      // that a start would read, as if each record had 512 more
    uint64_t groups = 0;         // written
    uint64_t snapshots = 0;      // taken
    bool failed = false;
  };
  virtual Stats stats() const = 0;
};

}  // namespace keyturn
