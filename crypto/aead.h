// Authenticated encryption with associated data, in one shot. Output is nonce || ciphertext || tag;
// the nonce is random, so a key may seal many messages in principle, but Keyturn's keys seal one.
// Suites: AES-256-GCM (NIST SP 800-38D; OpenSSL EVP), XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha;
// libsodium). Neither commits to its key: callers compare a commitment first (keyring/envelope.h).
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// Do not renumber: the value is stored.
enum class AeadSuite : uint8_t { kAes256Gcm = 1, kXChaCha20Poly1305 = 2 };

inline constexpr size_t kAeadKeySize = 32;

// Whether `suite` is one of the above: what a decoder asks before it casts a stored byte.
bool IsAeadSuite(uint8_t suite);
// Bytes that sealing adds.
size_t AeadOverhead(AeadSuite suite);

// REQUIRES: key.size() == kAeadKeySize.
absl::StatusOr<std::string> AeadSeal(AeadSuite suite, absl::string_view key,
                                     absl::string_view associated_data,
                                     absl::string_view plaintext);

// DATA_LOSS when the tag does not match; the message says nothing of key or data.
// RESOURCE_EXHAUSTED when the arena is full.
absl::StatusOr<SecretBytes> AeadOpen(AeadSuite suite, absl::string_view key,
                                     absl::string_view associated_data, absl::string_view sealed);

}  // namespace keyturn
