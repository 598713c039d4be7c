#include "audit/segments.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {
constexpr size_t kReadBytes = 1 << 20;
}  // namespace

std::string SegmentPath(const std::string& directory, uint64_t first_sequence) {
  return absl::StrFormat("%s/audit-%020d.ktl", directory, first_sequence);
}

absl::StatusOr<std::vector<SegmentName>> ListSegments(FileSystem& files,
                                                      const std::string& directory) {
  std::vector<SegmentName> out;
  const absl::StatusOr<std::vector<std::string>> names = files.List(directory);
  if (absl::IsNotFound(names.status())) return out;
  RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    absl::string_view digits = name;
    uint64_t first = 0;
    if (absl::ConsumePrefix(&digits, "audit-") && absl::ConsumeSuffix(&digits, ".ktl") &&
        digits.size() == 20 && absl::SimpleAtoi(digits, &first)) {
      out.push_back({absl::StrCat(directory, "/", name), first});
    }
  }
  return out;  // names are sorted, and so are fixed-width numbers
}

absl::StatusOr<uint64_t> ForEachFrame(
    FileSystem& files, const std::string& path, uint64_t offset,
    absl::FunctionRef<bool(const Frame& frame, uint64_t end_offset)> fn) {
  while (true) {
    ASSIGN_OR_RETURN(const std::string piece, files.ReadAt(path, offset, kReadBytes));
    absl::string_view rest = piece;
    bool any = false;
    while (const std::optional<Frame> frame = ReadFrame(&rest)) {
      any = true;
      const uint64_t end = offset + (piece.size() - rest.size());
      if (!fn(*frame, end)) return end;
    }
    offset += piece.size() - rest.size();
    if (!any) return offset;
  }
}

absl::Status ForEachEntry(FileSystem& files, const std::string& directory, const EntryRange& range,
                          absl::FunctionRef<bool(const AuditRecord& record)> fn) {
  ASSIGN_OR_RETURN(const std::vector<SegmentName> segments, ListSegments(files, directory));
  bool more = true;
  for (size_t i = 0; i < segments.size() && more; ++i) {
    const bool later_covers =
        i + 1 < segments.size() && segments[i + 1].first_sequence <= range.from;
    if (later_covers) continue;
    const uint64_t offset = segments[i].first_sequence == range.segment ? range.offset : 0;
    RETURN_IF_ERROR(
        ForEachFrame(files, segments[i].path, offset, [&](const Frame& frame, uint64_t) {
          if (frame.type != FrameType::kEntry) return true;
          const std::optional<AuditRecord> record = ParseEntry(frame);
          if (!record.has_value() || record->sequence < range.from) return true;
          more = record->sequence < range.end && fn(*record);
          return more;
        }).status());
  }
  return absl::OkStatus();
}

}  // namespace keyturn
