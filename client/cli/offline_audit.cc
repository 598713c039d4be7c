#include "client/cli/offline_audit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
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

}  // namespace

absl::StatusOr<v1::VerifyAuditResponse> VerifyAuditOffline(const std::string& directory,
                                                           const std::string& public_key_hex,
                                                           ProgressFn progress) {
  const bool hex = std::all_of(public_key_hex.begin(), public_key_hex.end(),
                               [](char c) { return absl::ascii_isxdigit(c); });
  if (!hex || (!public_key_hex.empty() && public_key_hex.size() != 64)) {
    return UsageError("--public-key must be 64 hexadecimal digits");
  }
  if (!FileSystem::Posix().Exists(directory)) {
    return absl::NotFoundError(absl::StrCat("there is no directory ", directory));
  }
  const uint64_t total = EntriesIn(directory);
  const auto tell = [&progress, total](uint64_t entries, uint64_t) {
    return progress(entries, std::max(entries, total));
  };
  ASSIGN_OR_RETURN(const AuditVerification found,
                   VerifyAuditDirectory(FileSystem::Posix(), directory,
                                        absl::HexStringToBytes(public_key_hex), tell));
  if (found.entries == 0 && found.problems.empty()) {
    return absl::NotFoundError(absl::StrCat(directory, " has no audit entries"));
  }
  return ToProto(found);
}

}  // namespace keyturn::cli
