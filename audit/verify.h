// Verification of audit segments: from the files alone, with the public key alone.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "storage/file_system.h"

namespace keyturn {

struct AuditVerification {
  uint64_t entries = 0;
  // As far as the newest checkpoint with a good signature. Entries behind it are chained only: who
  // can write the files could have made them anew.
  uint64_t signed_entries = 0;
  std::string head_hash;
  std::string public_key;
  std::vector<std::string> problems;  // empty: the log is whole
  uint64_t newest_segment = 0;        // of those that are there, by its first sequence number
};

// What a verification said, kept elsewhere: a log that does not contain it is another one, or a
// fork of it that was made before.
struct AuditNote {
  uint64_t entries = 0;  // 0: nothing was noted
  std::string head_hash;
};

// As far as a log that somebody writes to is to be verified: behind it may be half a frame.
struct AuditExtent {
  uint64_t last_segment = std::numeric_limits<uint64_t>::max();  // its first sequence number
  uint64_t bytes = std::numeric_limits<uint64_t>::max();         // of that segment
  uint64_t entries = 0;                                          // at least
};

// Verifies segment files alone, without a server: `public_key` is 32 bytes, or empty to skip
// signatures. What `keyturn audit verify --offline DIR` runs, without an extent: entries that a
// server adds meanwhile are verified or not.
absl::StatusOr<AuditVerification> VerifyAuditDirectory(
    FileSystem& files, const std::string& directory, absl::string_view public_key,
    ProgressFn progress, const AuditExtent& extent = {}, const AuditNote& note = {});

}  // namespace keyturn
