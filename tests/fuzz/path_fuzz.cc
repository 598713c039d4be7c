// A path that parses is its segments joined, and no segment is anything that another program, a
// terminal or a file system could take for something else.
#include "vault/path.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/limits.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {

void FuzzPath(absl::string_view input) {
  const absl::StatusOr<SecretPath> path = SecretPath::Parse(input);
  const absl::StatusOr<SecretPath> directory = SecretPath::ParseDirectory(input);
  if (path.ok()) {
    Require(path->text() == input, "nothing is normalised");
    Require(directory.ok() && *directory == *path, "a path is a directory's as well");
    Require(!path->is_root(), "a secret has a name");
  }
  if (!directory.ok()) return;
  Require(directory->text() == absl::StripSuffix(input, "/"), "but for a '/' at the end");
  Require(absl::StrJoin(directory->segments(), "/") == directory->text(), "segments make the path");
  Require(SecretPath::ParseDirectory(directory->text()).value() == *directory, "it parses again");
  Require(directory->is_root() || SecretPath::Parse(directory->text()).ok(), "also as a secret's");
  Require(directory->segments().size() <= limits::kPathSegmentsMax, "so many segments");
  for (const std::string& segment : directory->segments()) {
    Require(!segment.empty() && segment.size() <= limits::kPathSegmentBytesMax, "so long");
    Require(segment != "." && segment != "..", "no way up");
    for (const char c : segment) {
      Require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != '\\' && c != '/',
              "no control character, no separator");
    }
    Require(!absl::StrContains(segment, "%2f") && !absl::StrContains(segment, "%2F"), "nor hidden");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzPath)
