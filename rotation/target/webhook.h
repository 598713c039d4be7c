// A target that is reached over HTTPS, as docs/ROTATION.md describes: the request is the body of a
// POST, signed by Standard Webhooks, and the answer is that of the POST.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "rotation/target/target_spec.h"
#include "rotation/target/transport.h"

namespace keyturn {

// REQUIRES: !spec.url.empty(), and it is good by CheckTargetSpec. Reads the key; errors name the
// file. `clock` outlives it.
absl::StatusOr<std::unique_ptr<Transport>> NewWebhookTransport(const TargetSpec& spec,
                                                               Clock& clock);

}  // namespace keyturn
