// Segment files by name, and reading frames from them in bounded pieces. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "audit/chain.h"
#include "storage/file_system.h"

namespace keyturn {

struct SegmentName {
  std::string path;
  uint64_t first_sequence = 0;
};

std::string SegmentPath(const std::string& directory, uint64_t first_sequence);
// In order. An absent directory has none.
absl::StatusOr<std::vector<SegmentName>> ListSegments(FileSystem& files,
                                                      const std::string& directory);

// Calls `fn` with each whole frame from `offset` on and the offset behind it, until it returns
// false or what is left is not a whole frame. Returns the offset reached.
absl::StatusOr<uint64_t> ForEachFrame(
    FileSystem& files, const std::string& path, uint64_t offset,
    absl::FunctionRef<bool(const Frame& frame, uint64_t end_offset)> fn);

// Which entries are meant, and what is known of where they are: none of them stands before
// `offset` in the segment that begins with entry `segment`.
struct EntryRange {
  uint64_t from = 1, end = 0;  // [from, end)
  uint64_t segment = 0, offset = 0;
};

// The entries of that range in order, until `fn` returns false.
absl::Status ForEachEntry(FileSystem& files, const std::string& directory, const EntryRange& range,
                          absl::FunctionRef<bool(const AuditRecord& record)> fn);

}  // namespace keyturn
