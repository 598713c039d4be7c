// What a caller may pass on: never more than it has. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "auth/auth_store.h"
#include "server/call.h"

namespace keyturn {

// PERMISSION_DENIED unless the caller may do everything.
absl::Status RequireEverything(const Call& call);

// As auth/delegation.h says, for the caller.
absl::Status RequireDelegable(const Call& call, const AuthStore& store,
                              absl::Span<const std::string> policies);

}  // namespace keyturn
