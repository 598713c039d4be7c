#include "revocation/snapshot_taker.h"

#include <algorithm>
#include <vector>

#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {

SnapshotChunk SnapshotTaker::Copy(int64_t now_ms, Cursor* cursor) const {
  SnapshotChunk chunk(now_ms / 1000, options_.chunk_bytes_max);
  std::vector<IndexedToken> tokens;
  for (; cursor->region < limits::kRevocationRegions; ++cursor->region) {
    keyspace_.CopyRegion(cursor->region, now_ms, &tokens);
    if (!tokens.empty() && !chunk.AddRegion(cursor->region, tokens)) return chunk;
  }
  // After the index: who moves from here to there meanwhile is in what is logged since.
  cursor->side = keyspace_.CopySide(
      cursor->side, now_ms, [&chunk](const ListChange& change) { return chunk.Add(change); });
  return chunk;
}

absl::Status SnapshotTaker::Step(int64_t now_ms) {
  const absl::MutexLock lock(&mu_);
  absl::Status status = StepLocked(now_ms);
  if (!status.ok() && !absl::IsResourceExhausted(status)) log_.AbandonSnapshot();
  return status;
}

absl::Status SnapshotTaker::StepLocked(int64_t now_ms) {
  newest_ms_ = std::max(newest_ms_, now_ms);
  if (newest_ms_ - now_ms > limits::kRevocationSnapshotClockBackMillis) return absl::OkStatus();
  if (!log_.snapshot_begun()) {
    if (!log_.WantsSnapshot(options_.log_bytes_min)) return absl::OkStatus();
    RETURN_IF_ERROR(log_.BeginSnapshot());
    cursor_ = Cursor();
    newest_.reset();
  }
  for (int i = 0; i < options_.chunks_per_step && !cursor_.copied(); ++i) {
    Cursor next = cursor_;
    const SnapshotChunk chunk = Copy(now_ms, &next);
    if (!chunk.empty()) RETURN_IF_ERROR(log_.PutChunk(chunk.Encode()));
    cursor_ = std::move(next);
  }
  if (!cursor_.copied()) return absl::OkStatus();
  // The copy shows changes that may never become durable. Until they are, it counts for nothing.
  if (!newest_) newest_ = newest_in_log_();
  return log_.IsDurable(*newest_) ? log_.EndSnapshot() : absl::OkStatus();
}

}  // namespace keyturn
