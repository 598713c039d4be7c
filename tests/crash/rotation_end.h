// Waits for a rotation in a server that the test has no clock of.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/wait.h"
#include "client/client.h"

namespace keyturn {

// The status once no run is open. DEADLINE_EXCEEDED when one stays.
inline absl::StatusOr<v1::RotationStatus> AwaitRotationEnd(Client& client,
                                                           const std::string& path) {
  const absl::Time patience = Clock::Real().Now() + absl::Seconds(30);
  v1::GetRotationStatusRequest get;
  get.set_path(path);
  while (Clock::Real().Now() < patience) {
    ASSIGN_OR_RETURN(v1::RotationStatus status, client.GetRotationStatus(get));
    if (!status.has_open_run()) return status;
    WaitFor(Clock::Real(), absl::Milliseconds(2));
  }
  return absl::DeadlineExceededError("its rotation does not end");
}

}  // namespace keyturn
