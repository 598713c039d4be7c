// What the commands that revoke have in common.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace keyturn::cli {

// INVALID_ARGUMENT, with what to do, when `id` is a token instead of its id: it is not sent. What a
// token can do is over only once it is revoked, and this one is now in a history.
absl::Status CheckIsId(const std::string& id);
// The same of an API key, whose id is within it.
absl::Status CheckIsKeyId(const std::string& id);

}  // namespace keyturn::cli
