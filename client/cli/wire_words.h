// What a server says about a request names the fields of the API; a person typed flags.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace keyturn::cli {

// `message` of a server with the flags of `keyturn` in the place of fields, and the unit behind a
// bound in seconds: "ttl_seconds must be 0 to 2764800" is "--ttl must be 0 to 2764800 seconds
// (32d)".
std::string InFlags(absl::string_view message);

}  // namespace keyturn::cli
