// References to a field of a secret, as files and options hold them in place of the value:
//   keyturn://PATH[#FIELD[@VERSION]]      VERSION: a number or "previous"
// and the short form that commands take: PATH[#FIELD[@VERSION]]. '#' cannot be in a path that is
// given this way, nor '@' in a field. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keyturn/v1/secret_service.pb.h"

namespace keyturn::cli {

inline constexpr absl::string_view kReferenceScheme = "keyturn://";

struct Reference {
  std::string path;
  std::string field;  // "": the only one
  v1::VersionSelector version;
};

// INVALID_ARGUMENT names what is wrong and the form that is allowed.
absl::StatusOr<Reference> ParseReference(absl::string_view text);
bool IsReference(absl::string_view text);
// "current", "previous" or a number from 1.
absl::StatusOr<v1::VersionSelector> ParseVersion(absl::string_view text);

}  // namespace keyturn::cli
