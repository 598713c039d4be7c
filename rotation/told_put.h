// A value that was put as news of a rotation: what a policy's secret gets by hand is promoted as
// what the engine makes. Thread-safe (no state).
#pragma once

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "rotation/context.h"
#include "vault/put_news.h"

namespace keyturn {

// For Vault's PutTeller: calls `tell` within the update of the put. What an open run has waited for
// is news of that run; any other value has the cause PUT. The run's own end (rotation_fulfilled)
// comes later, and is no second news.
absl::Status TellOfPut(const PutNews& put, const KeyringSnapshot& keys, const View& view,
                       absl::FunctionRef<absl::Status(const RotationNews& news)> tell);

}  // namespace keyturn
