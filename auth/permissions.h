// Every permission there is. A policy that names another one is refused: a misspelt grant gives
// nothing, and a misspelt deny would leave open what it was to close. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn {

// "secret:read", ... in alphabetical order. The server's methods declare these and no other.
absl::Span<const std::string> Permissions();

// INVALID_ARGUMENT unless it is one of Permissions() or "domain:*" of a domain of theirs; names the
// nearest and all that are allowed.
absl::Status ValidatePermission(absl::string_view permission);

// Whether a call that needs it is about a path: false for the domains admin and revocation, whose
// grants hold everywhere or, with a path that no such call has, never.
bool IsOfPaths(absl::string_view permission);

}  // namespace keyturn
