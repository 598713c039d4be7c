#include "vault/path.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("path: ", what));
}

absl::Status CheckSegment(absl::string_view segment, size_t position) {
  const std::string where = absl::StrCat("segment ", position);
  if (segment.empty()) {
    return Bad(
        absl::StrCat(where, " is empty; write a/b, without a leading, trailing or double '/'"));
  }
  if (segment.size() > limits::kPathSegmentBytesMax) {
    return Bad(absl::StrCat(where, " has ", segment.size(), " bytes; at most ",
                            limits::kPathSegmentBytesMax, " are allowed"));
  }
  if (segment == "." || segment == "..") {
    return Bad(absl::StrCat(where, " is \"", segment, "\", which is not a name"));
  }
  if (!IsUtf8(segment)) return Bad(absl::StrCat(where, " is not UTF-8"));
  if (HasControlCharacter(segment)) {
    return Bad(absl::StrCat(where, " has a control character"));
  }
  if (HasDirectionalControl(segment)) {
    return Bad(absl::StrCat(where, " has a character that changes the direction of text"));
  }
  if (absl::StrContains(segment, '\\') || absl::StrContains(segment, "%2f") ||
      absl::StrContains(segment, "%2F")) {
    return Bad(absl::StrCat(where, " has a backslash or an encoded '/', which is not allowed"));
  }
  if (!IsNormalFormC(segment)) {
    return Bad(absl::StrCat(where, " is not in Unicode normal form C"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SecretPath> SecretPath::Parse(absl::string_view text) {
  if (text.empty()) return Bad("is empty; a secret has a name, such as app/api-key");
  return ParseDirectory(absl::EndsWith(text, "/") ? absl::StrCat(text, "/") : text);
}

absl::StatusOr<SecretPath> SecretPath::ParseDirectory(absl::string_view text) {
  if (text.size() > limits::kPathBytesMax) {
    return Bad(absl::StrCat("has ", text.size(), " bytes; at most ", limits::kPathBytesMax,
                            " are allowed"));
  }
  absl::ConsumeSuffix(&text, "/");
  SecretPath out;
  if (text.empty()) return out;
  out.segments_ = absl::StrSplit(text, '/');
  if (out.segments_.size() > limits::kPathSegmentsMax) {
    return Bad(absl::StrCat("has ", out.segments_.size(), " segments; at most ",
                            limits::kPathSegmentsMax, " are allowed"));
  }
  for (size_t i = 0; i < out.segments_.size(); ++i) {
    RETURN_IF_ERROR(CheckSegment(out.segments_[i], i + 1));
  }
  out.text_ = std::string(text);
  return out;
}

}  // namespace keyturn
