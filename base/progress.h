// How long work tells how far it is, and is told to stop.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace keyturn {

// Called now and then by the thread that works, with the items done and an estimate of all (0: not
// known). Anything but OK stops the work, which returns it.
using ProgressFn = absl::FunctionRef<absl::Status(uint64_t done, uint64_t total)>;

// For those who do not want to know.
inline absl::Status NoProgress(uint64_t, uint64_t) { return absl::OkStatus(); }

}  // namespace keyturn
