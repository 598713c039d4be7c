// Values made by the server, from crypto/random only. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "keyturn/v1/policy_service.pb.h"
#include "keyturn/v1/secret_service.pb.h"

namespace keyturn {

struct GeneratedValue {
  SecretBytes value;
  int encoding = 0;  // keyturn.v1.Encoding
};

// What `spec` asks for. `policy` is the named password policy that spec.policy() names, else
// nullptr; `kind` that of the secret it is for, an existing one's own. Without bytes, length or
// policy: 32 bytes (64 for JWT_KEY), base64url. INVALID_ARGUMENT names the field, the bits it would
// have and the least allowed: limits::kGeneratedBitsMin unless forced, and, never waived, those of
// kApiKeyBytesMin random bytes for kind API_KEY and of kHs256KeyBytesMin for JWT_KEY.
absl::StatusOr<GeneratedValue> GenerateValue(const v1::GenerateSpec& spec, v1::Kind kind,
                                             const v1::PasswordPolicy* policy);

// INVALID_ARGUMENT when GenerateValue could not make a value by it: rules that its alphabet or
// length cannot meet, or less than limits::kGeneratedBitsMin without `force`. For who keeps
// policies.
absl::Status CheckPasswordPolicy(const v1::PasswordPolicy& policy);

}  // namespace keyturn
