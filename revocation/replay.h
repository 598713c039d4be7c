// Reads the revocation log back: its snapshot, then what was logged since, in the order in which it
// was written. Checks that nothing of it is missing, moved, swapped or older than it should be
// (docs/FORMAT.md, "The revocation log").
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "revocation/log_record.h"
#include "revocation/snapshot_chunk.h"
#include "storage/store.h"

namespace keyturn {

struct ReplayedLog {
  LogState state;  // where it stands, with all of its groups counted
  uint64_t snapshot_bytes = 0;
};

// Calls `fill` for the regions of the snapshot and `apply` for its changes, then `apply` for each
// change whose record's hour has not passed; a status that is not OK ends it. Takes memory for some
// limits::kRevocationReplayBytesMax, however long the log is. DATA_LOSS names the record that does
// not open, the chunk that is missing, or the groups.
absl::StatusOr<ReplayedLog> ReplayLog(const Snapshot& snapshot, const LogSealer& sealer,
                                      int64_t now_ms, FillFn fill, ApplyFn apply);

}  // namespace keyturn
