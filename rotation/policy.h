// Which policies are allowed, and what they mean in the terms of due_time.h. Pure; thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/v1/rotation.pb.h"
#include "keyturn/v1/types.pb.h"
#include "rotation/due_time.h"
#include "rotation/windows.h"
#include "vault/records.h"

namespace keyturn {

// INVALID_ARGUMENT names the field, what it is and what is allowed.
absl::Status CheckRotationPolicy(const v1::RotationPolicy& policy, v1::Kind kind);

// Of what somebody gives as the reason of a call. INVALID_ARGUMENT when it is too long, or absent
// and `required`.
absl::Status CheckReason(const std::string& reason, bool required);

// That no version is still to end at a target, which nobody would know of without the policy.
// FAILED_PRECONDITION names it. REQUIRES: metadata.has_rotation().
absl::Status CheckForgetsNothing(const SecretMetadata& metadata);

// INVALID_ARGUMENT as CheckRotationPolicy says it of windows.
absl::StatusOr<WindowSet> WindowsOf(const v1::RotationPolicy& policy);

// When the current version is to be replaced. Windows that are not valid any more (a time zone that
// went with the system's tzdata) count as none: a secret must not stop rotating for them. REQUIRES:
// metadata.has_rotation().
DueTime DueTimeOf(const KeyringSnapshot& keys, const SecretMetadata& metadata);

// Whether the server makes new values; otherwise their owner is asked for them.
bool MakesValues(const v1::RotationPolicy& policy, v1::Kind kind);

// The same of a secret. REQUIRES: metadata.has_rotation().
bool MakesValues(const SecretMetadata& metadata);

// The spec and field of values that the server makes.
v1::RotationSource::Generate GenerateOf(const v1::RotationPolicy& policy);

}  // namespace keyturn
