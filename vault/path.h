// Paths of secrets: 1 to limits::kPathSegmentsMax segments joined by '/', each 1 to
// limits::kPathSegmentBytesMax bytes of UTF-8 in normal form C (RFC 5198). A segment has no control
// characters, no controls of text direction (they make one path look like another), no backslash
// and no "%2f" (what another program may take for '/'), and is not "." or "..". A directory path
// may also be empty: the root. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace keyturn {

class SecretPath {
 public:
  // The root directory.
  SecretPath() = default;
  // INVALID_ARGUMENT names the segment's position and what is allowed; it repeats the path only up
  // to a safe length. No leading or trailing '/', nothing is normalised silently.
  static absl::StatusOr<SecretPath> Parse(absl::string_view text);
  // As Parse, but "" and a trailing '/' are fine.
  static absl::StatusOr<SecretPath> ParseDirectory(absl::string_view text);

  const std::string& text() const { return text_; }
  const std::vector<std::string>& segments() const { return segments_; }
  bool is_root() const { return segments_.empty(); }

  friend bool operator==(const SecretPath&, const SecretPath&) = default;

 private:
  std::string text_;
  std::vector<std::string> segments_;
};

}  // namespace keyturn
