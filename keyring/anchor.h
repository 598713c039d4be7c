// The rollback anchor: the newest revision the server knows of, in a file that is best kept on
// another disk. A data directory that was put back from yesterday is behind its anchor, and is
// refused. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/types.h"
#include "keyring/keyring_snapshot.h"
#include "storage/file_system.h"

namespace keyturn {

// OK when there is no anchor or it is at or before `store_revision`. FAILED_PRECONDITION for a
// store behind it, and `*seen` (which may be nullptr) is what the anchor has seen; DATA_LOSS for an
// anchor that is not this vault's.
absl::Status CheckAnchor(FileSystem& files, const std::string& path, const KeyringSnapshot& keys,
                         Revision store_revision, Revision* seen = nullptr);

absl::Status SaveAnchor(FileSystem& files, const std::string& path, const KeyringSnapshot& keys,
                        Revision revision);

}  // namespace keyturn
