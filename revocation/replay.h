// Reads the revocation log back, in the order in which it was written, and checks that nothing of
// it is missing, moved, swapped or older than it should be (docs/FORMAT.md, "The revocation log").
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "revocation/change.h"
#include "revocation/log_record.h"
#include "storage/store.h"

namespace keyturn {

// Calls `apply` for each change whose record's hour has not passed; a status that is not OK ends
// it. Returns where the log stands, with all of its groups counted. Takes memory for some
// limits::kRevocationReplayBytesMax, however long the log is. DATA_LOSS names the record that does
// not open or the groups that are missing.
absl::StatusOr<LogState> ReplayLog(const Snapshot& snapshot, const LogSealer& sealer,
                                   int64_t now_ms,
                                   absl::FunctionRef<absl::Status(const ListChange&)> apply);

}  // namespace keyturn
