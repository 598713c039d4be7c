#include "audit/verify.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "audit/chain.h"
#include "audit/segments.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/signature.h"

namespace keyturn {

absl::StatusOr<AuditVerification> VerifyAuditDirectory(
    FileSystem& files, const std::string& directory, absl::string_view public_key,
    ProgressFn progress, const AuditExtent& extent, const AuditNote& note) {
  ASSIGN_OR_RETURN(const std::vector<SegmentName> segments, ListSegments(files, directory));
  AuditVerification out;
  out.public_key = std::string(public_key);
  if (!segments.empty()) out.newest_segment = segments.back().first_sequence;
  ChainState state = ChainState::Start();
  bool noted = note.entries == 0;
  for (const SegmentName& segment : segments) {
    if (segment.first_sequence > extent.last_segment) break;
    const auto problem = [&](absl::string_view what) {
      if (out.problems.size() >= limits::kVerifyProblemsMax) return;
      out.problems.push_back(
          absl::StrCat(segment.path, ", after entry ", state.next_sequence - 1, ": ", what));
    };
    if (segment.first_sequence != state.next_sequence) problem("segments are missing or renamed");
    bool broken = false;
    absl::Status told;
    // Before the frames are read: what comes later is not looked for.
    ASSIGN_OR_RETURN(uint64_t size, files.FileSize(segment.path));
    if (segment.first_sequence == extent.last_segment) {
      if (size < extent.bytes) problem("the file is shorter than what was written");
      size = std::min(size, extent.bytes);
    }
    uint64_t verified = 0;
    RETURN_IF_ERROR(ForEachFrame(files, segment.path, 0, [&](const Frame& frame, uint64_t end) {
                      if (end > size) return false;
                      verified = end;
                      const bool checkpoint = frame.type == FrameType::kCheckpoint;
                      // As of before the frame. A root of the tree costs more than an entry.
                      const std::string signed_text = checkpoint ? CheckpointText(state) : "";
                      if (const std::string what = FollowFrame(frame, &state); !what.empty()) {
                        problem(what);
                        broken = true;
                        return false;
                      }
                      // Checkpoints move the head and add no entry.
                      noted = noted || (state.next_sequence - 1 == note.entries &&
                                        state.head == note.head_hash);
                      if (checkpoint && !public_key.empty()) {
                        const absl::string_view signature = CheckpointSignature(frame.body);
                        if (Ed25519Verify(public_key, signed_text, signature)) {
                          out.signed_entries = state.next_sequence - 1;
                        } else {
                          problem("the signature of a checkpoint is wrong or missing");
                        }
                      }
                      const uint64_t checked = state.next_sequence - 1;
                      if (checked % limits::kProgressEveryRecords == 0) told = progress(checked, 0);
                      return told.ok();
                    }).status());
    RETURN_IF_ERROR(told);
    if (broken) break;  // nothing behind a break can be trusted to follow from it
    if (verified != size) problem(absl::StrCat(size - verified, " bytes are not a whole frame"));
  }
  out.entries = state.next_sequence - 1;
  out.head_hash = state.head;
  if (!noted) {
    out.problems.push_back(
        out.entries < note.entries
            ? absl::StrCat("entry ", note.entries, ", which was noted, was not reached")
            : absl::StrCat("the head that was noted after entry ", note.entries,
                           " is not in this log: it is another one, or a fork"));
  }
  if (out.entries < extent.entries) {
    out.problems.push_back(absl::StrCat("the files hold ", out.entries, " entries; ",
                                        extent.entries, " were written"));
  }
  return out;
}

}  // namespace keyturn
