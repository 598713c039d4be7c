// That no secret comes to wait for itself: by those that it rotates after (RotationPolicy.after),
// those that they rotate after, and so on. Each of such a circle would wait for the others until a
// day beyond its deadline. What a policy names is a path: whoever is there is waited for, and a
// path without a secret that rotates is waited for by nobody. So a rename may still close a circle.
// Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/rotation.pb.h"
#include "storage/store.h"

namespace keyturn {

// Whether the secret at `path`, with the policy `stored` so far, may have the orders of `policy`.
// INVALID_ARGUMENT names the circle, or says that more than limits::kRotationOrdersFollowedMax
// others would be waited for. Orders that `stored` has as well are not looked at: they make nothing
// worse. Of a circle no more is named than may be seen by who may list those that `policy` names.
absl::Status CheckNoOrderCycle(const KeyringSnapshot& keys, const View& view,
                               const std::string& path, const v1::RotationPolicy& stored,
                               const v1::RotationPolicy& policy);

}  // namespace keyturn
