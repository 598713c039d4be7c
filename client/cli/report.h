// How a command says that it failed: message, what to type next and the request id on standard
// error; as one JSON object with -o json. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "client/cli/next_step.h"
#include "client/cli/settings.h"

namespace keyturn::cli {

// Returns the exit code of `status`. Prints nothing for OK, and nothing for an error without a
// message, whose command has said all there is to say.
int Report(const absl::Status& status, const GlobalFlags& flags, const Asked& asked = {});

}  // namespace keyturn::cli
