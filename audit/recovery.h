// Where the log ends after a crash. Not thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "audit/chain.h"
#include "audit/segments.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace keyturn {

struct RecoveredLog {
  ChainState state;
  std::optional<SegmentName> last;  // the segment to go on with; none: begin one
  uint64_t signed_next = 1;         // the next sequence as of the newest checkpoint that was read
};

// Follows the newest segments of `directory` and cuts off what a crash left of an entry that was
// being written. DATA_LOSS, and nothing is cut, when the chain is broken before its end, or when
// entries up to `synced`, which were on disk, are not there any more.
absl::StatusOr<RecoveredLog> RecoverLog(FileSystem& files, const std::string& directory,
                                        uint64_t synced);

// A change is durable before its entry is written, so a store whose newest revision is below one in
// the log was put back or has lost changes: DATA_LOSS.
absl::Status CheckStore(Revision logged, Revision stored);

// The sequence up to which entries were on disk when the newest change was committed: changes note
// it, so that a log that lost its end is not taken for a shorter one.
absl::StatusOr<uint64_t> ReadSynced(const View& view);
void WriteSynced(uint64_t sequence, Batch& batch);
// In the batch of a change. Most find that nothing was synced since the one before, and write
// nothing.
absl::Status NoteSynced(uint64_t sequence, const View& view, Batch& batch);
// In an update of its own.
absl::Status NoteSyncedNow(uint64_t sequence, Store& store);

}  // namespace keyturn
