// Reads the chunks of a snapshot of the revocation list back, and checks that they are all of its
// chunks, as they were written.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "revocation/log_record.h"
#include "revocation/snapshot_chunk.h"
#include "storage/store.h"

namespace keyturn {

// How many bytes they have, sealed. Nothing is read when mark.number is 0. What `fill` and `apply`
// were given counts only when this succeeds. DATA_LOSS names the chunk.
absl::StatusOr<uint64_t> ReadChunks(const Snapshot& snapshot, const LogSealer& sealer,
                                    const SnapshotMark& mark, FillFn fill, ApplyFn apply);

}  // namespace keyturn
