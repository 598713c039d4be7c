// Takes snapshots of the revocation list: what is in memory is written to the store, a little at a
// time, beside whoever reads and changes it. A start then reads the snapshot and what was logged
// since, in place of all that was ever logged (docs/REVOCATION.md, "Snapshots").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "revocation/keyspace.h"
#include "revocation/log.h"
#include "revocation/snapshot_chunk.h"
#include "revocation/snapshot_options.h"

namespace keyturn {

// Thread-safe.
class SnapshotTaker {
 public:
  // Both outlive this. `newest`: the log's, at a moment at which all that the keyspace shows has
  // been appended to it.
  SnapshotTaker(const Keyspace& keyspace, RevocationLog& log, std::function<uint64_t()> newest,
                const SnapshotOptions& options)
      : keyspace_(keyspace), log_(log), newest_in_log_(std::move(newest)), options_(options) {}

  // Begins one if it is time, or goes on with it; does nothing by a clock that was set back so far
  // that the index says of tokens that they have ended (revocation/entry.h). Without a lock of the
  // list's. After an error
  // other than RESOURCE_EXHAUSTED it begins anew.
  absl::Status Step(int64_t now_ms);

 private:
  // How far it is.
  struct Cursor {
    uint32_t region = 0;
    SideCursor side = {};
    bool copied() const { return region == limits::kRevocationRegions && side.ended; }
  };

  absl::Status StepLocked(int64_t now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Copies what goes into one chunk, from `cursor` on.
  SnapshotChunk Copy(int64_t now_ms, Cursor* cursor) const;

  const Keyspace& keyspace_;
  RevocationLog& log_;
  const std::function<uint64_t()> newest_in_log_;
  const SnapshotOptions options_;

  absl::Mutex mu_;
  Cursor cursor_ ABSL_GUARDED_BY(mu_);
  int64_t newest_ms_ ABSL_GUARDED_BY(mu_) = 0;  // that Step was told
  // Of the last change that the copy may show, once all is copied.
  std::optional<uint64_t> newest_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
