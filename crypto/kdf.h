// Key derivation: HKDF-SHA256 (RFC 5869). Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// `size` bytes (at most 8160) from `key`, `salt` (may be empty) and `info`.
absl::StatusOr<SecretBytes> HkdfSha256(absl::string_view key, absl::string_view salt,
                                       absl::string_view info, size_t size);

}  // namespace keyturn
