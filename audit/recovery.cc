#include "audit/recovery.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

class Recovery {
 public:
  Recovery(FileSystem& files, uint64_t synced) : files_(files), synced_(synced) {}

  absl::Status Follow(const SegmentName& segment, bool first, bool last) {
    std::string problem;
    bool any = false;
    uint64_t good_end = 0;
    ASSIGN_OR_RETURN(
        const uint64_t end,
        ForEachFrame(files_, segment.path, 0, [&](const Frame& frame, uint64_t end_offset) {
          ChainState next = log_.state;
          if (!any && first && frame.type == FrameType::kHeader) {
            // The log before this segment is taken from its header, if that is whole; verify reads
            // it all.
            if (std::optional<ChainState> state = ParseHeader(frame.body)) next = *std::move(state);
          }
          problem = FollowFrame(frame, &next);
          if (!problem.empty()) return false;
          any = true;
          if (frame.type == FrameType::kCheckpoint) log_.signed_next = next.next_sequence;
          log_.state = std::move(next);
          good_end = end_offset;
          return true;
        }));
    ASSIGN_OR_RETURN(const uint64_t size, files_.FileSize(segment.path));
    // A crash tears the last frame only; a bad frame with more behind it is damage.
    if (!problem.empty() && (!last || end != size)) {
      return absl::DataLossError(
          absl::StrCat(segment.path, ", after entry ", LastEntry(), ": ", problem));
    }
    if (good_end != size && !last) {
      return absl::DataLossError(absl::StrCat(segment.path, " ends in a torn entry"));
    }
    return last ? End(segment, any, good_end, size) : absl::OkStatus();
  }

  absl::Status CheckNothingIsLost(const std::string& where) const {
    if (LastEntry() >= synced_) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        where, ": entries ", LastEntry() + 1, " to ", synced_,
        " of the audit log were on disk and are gone or damaged; restore the audit directory, or "
        "start once with --accept-audit-loss to go on without them"));
  }

  RecoveredLog Take() { return std::move(log_); }

 private:
  uint64_t LastEntry() const { return log_.state.next_sequence - 1; }

  absl::Status End(const SegmentName& segment, bool any, uint64_t good_end, uint64_t size) {
    RETURN_IF_ERROR(CheckNothingIsLost(segment.path));
    if (!any) return files_.Remove(segment.path);
    if (good_end != size) {
      LogWarning("cut a torn entry off the audit log",
                 {{"file", segment.path}, {"bytes", size - good_end}});
      RETURN_IF_ERROR(files_.Truncate(segment.path, good_end));
      KEYTURN_FAILPOINT("audit/torn-entry-cut");
    }
    log_.last = segment;
    return absl::OkStatus();
  }

  FileSystem& files_;
  const uint64_t synced_;
  RecoveredLog log_{ChainState::Start(), std::nullopt, 1};
};

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(FileSystem& files, const std::string& directory,
                                        uint64_t synced) {
  ASSIGN_OR_RETURN(const std::vector<SegmentName> segments, ListSegments(files, directory));
  Recovery recovery(files, synced);
  // The last segment may have been cut before its header was whole: then the one before counts.
  const size_t from = segments.size() > 1 ? segments.size() - 2 : 0;
  for (size_t i = from; i < segments.size(); ++i) {
    RETURN_IF_ERROR(recovery.Follow(segments[i], i == from, i + 1 == segments.size()));
  }
  if (segments.empty()) RETURN_IF_ERROR(recovery.CheckNothingIsLost(directory));
  return recovery.Take();
}

absl::Status CheckStore(Revision logged, Revision stored) {
  if (logged <= stored) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the audit log has changes up to revision ", logged.value(), ", but the store ends at ",
      stored.value(),
      ": it was put back, or has lost changes. Restore the whole data directory from one copy, or "
      "start with --accept-rollback REASON"));
}

absl::StatusOr<uint64_t> ReadSynced(const View& view) {
  ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                   view.Get(Family::kMeta, schema::kAuditSyncedKey));
  if (!stored.has_value()) return 0;
  absl::string_view rest = *stored;
  const std::optional<uint64_t> sequence = ReadBigEndian64(&rest);
  if (!sequence.has_value()) return absl::DataLossError("meta record audit/synced is cut short");
  return *sequence;
}

void WriteSynced(uint64_t sequence, Batch& batch) {
  batch.Put(Family::kMeta, schema::kAuditSyncedKey, BigEndian64(sequence));
}

absl::Status NoteSynced(uint64_t sequence, const View& view, Batch& batch) {
  ASSIGN_OR_RETURN(const uint64_t noted, ReadSynced(view));
  if (sequence != noted) WriteSynced(sequence, batch);
  return absl::OkStatus();
}

absl::Status NoteSyncedNow(uint64_t sequence, Store& store) {
  return store
      .Update([sequence](const View&, Batch& batch) {
        WriteSynced(sequence, batch);
        return absl::OkStatus();
      })
      .status();
}

}  // namespace keyturn
