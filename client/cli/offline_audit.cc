#include "client/cli/offline_audit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "audit/segments.h"
#include "audit/to_proto.h"
#include "audit/verify.h"
#include "base/status_macros.h"
#include "client/cli/exit_codes.h"

namespace keyturn::cli {
namespace {

// How many entries there are to check, as the names of the files and the last file say: for a bar
// only. 0 when they do not say it.
uint64_t EntriesIn(const std::string& directory) {
  FileSystem& files = FileSystem::Posix();
  const absl::StatusOr<std::vector<SegmentName>> segments = ListSegments(files, directory);
  if (!segments.ok() || segments->empty()) return 0;
  const SegmentName& last = segments->back();
  uint64_t entries = last.first_sequence - 1;
  const auto count = [&entries](const Frame& frame, uint64_t) {
    if (frame.type == FrameType::kEntry) ++entries;
    return true;
  };
  return ForEachFrame(files, last.path, 0, count).ok() ? entries : 0;
}

bool IsHash(absl::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
}

absl::StatusOr<AuditNote> ParseNote(const std::string& text) {
  AuditNote note;
  if (text.empty()) return note;
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (!absl::SimpleAtoi(parts.first, &note.entries) || note.entries == 0 || !IsHash(parts.second)) {
    return UsageError("--noted must be ENTRIES:HEAD, as `audit verify` printed it as note");
  }
  note.head_hash = absl::HexStringToBytes(parts.second);
  return note;
}

}  // namespace

absl::StatusOr<v1::VerifyAuditResponse> VerifyAuditOffline(const std::string& directory,
                                                           const std::string& public_key_hex,
                                                           const std::string& noted,
                                                           ProgressFn progress) {
  if (!public_key_hex.empty() && !IsHash(public_key_hex)) {
    return UsageError("--public-key must be 64 hexadecimal digits");
  }
  ASSIGN_OR_RETURN(const AuditNote note, ParseNote(noted));
  if (!FileSystem::Posix().Exists(directory)) {
    return absl::NotFoundError(absl::StrCat("there is no directory ", directory));
  }
  const uint64_t total = EntriesIn(directory);
  const auto tell = [&progress, total](uint64_t entries, uint64_t) {
    return progress(entries, std::max(entries, total));
  };
  ASSIGN_OR_RETURN(const AuditVerification found,
                   VerifyAuditDirectory(FileSystem::Posix(), directory,
                                        absl::HexStringToBytes(public_key_hex), tell, {}, note));
  if (found.entries == 0 && found.problems.empty()) {
    return absl::NotFoundError(absl::StrCat(directory, " has no audit entries"));
  }
  return ToProto(found);
}

}  // namespace keyturn::cli
