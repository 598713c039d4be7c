// Whether somebody may have a secret rotated at all. Pure; thread-safe.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "keyturn/v1/rotation.pb.h"
#include "vault/records.h"

namespace keyturn {

// That there is something for `run`, which is open, or for a new one to replace.
// FAILED_PRECONDITION, reason VERSION_DELETED while the current version is deleted, or
// NO_CURRENT_VERSION when it is gone for good.
absl::Status CheckReplaces(const SecretMetadata& metadata,
                           const std::optional<v1::RotationRun>& run, absl::Time now);

}  // namespace keyturn
