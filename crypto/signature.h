// Ed25519 signatures (RFC 8032; libsodium). Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

inline constexpr size_t kEd25519SeedSize = 32;
inline constexpr size_t kEd25519PublicKeySize = 32;
inline constexpr size_t kEd25519SignatureSize = 64;

// The public key of a 32-byte seed. INVALID_ARGUMENT for another size.
absl::StatusOr<std::string> Ed25519PublicKey(const SecretBytes& seed);
// 64 bytes over `message`.
absl::StatusOr<std::string> Ed25519Sign(const SecretBytes& seed, absl::string_view message);
bool Ed25519Verify(absl::string_view public_key, absl::string_view message,
                   absl::string_view signature);

}  // namespace keyturn
