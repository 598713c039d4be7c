// What a target is told: one JSON object, which docs/ROTATION.md describes. It holds values, so it
// is made in locked memory, and nothing of it passes through a std::string. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/secret_bytes.h"
#include "rotation/driver.h"

namespace keyturn {

struct TargetRequest {
  absl::string_view call;  // "apply", "probe", ...
  const DriverCall& about;
  const SecretBytes& value;                 // of about.version, in stored form
  const SecretBytes* current = nullptr;     // of Apply
  absl::Time end = absl::InfiniteFuture();  // of ArmExpiry
};

// The same for a call that is repeated, another for any other: of the secret, the version, the
// call, the run and the end. In public characters.
std::string CallId(const TargetRequest& request);

// RESOURCE_EXHAUSTED without locked memory; DATA_LOSS when a value is not in stored form.
absl::StatusOr<SecretBytes> EncodeRequest(absl::string_view target, const TargetRequest& request);

}  // namespace keyturn
