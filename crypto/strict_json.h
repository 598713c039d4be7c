// JSON from strangers (RFC 8259) in the one reading that nobody can take for another: what parsers
// treat differently is refused. Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace keyturn {

// Reads one JSON object into `*out`. INVALID_ARGUMENT, naming what is wrong but not the text, for
// anything else than one object; a name that an object has twice, at any level, after escapes;
// objects and arrays deeper in each other than limits::kJsonDepthMax; an integer that does not fit
// 64 bits; a byte order mark; a NUL outside or bytes that are not UTF-8 inside of strings. `*out`
// is not of use then.
absl::Status ParseStrictJson(absl::string_view text, nlohmann::json* out);

}  // namespace keyturn
