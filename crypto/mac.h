// Hashes and message authentication: SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104).
// Outputs are public. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace keyturn {

inline constexpr size_t kSha256Size = 32;

// 32 bytes.
std::string Sha256(absl::string_view bytes);
// 32 bytes. Any key size; 32 is usual.
std::string HmacSha256(absl::string_view key, absl::string_view bytes);
// The first 16 bytes of HmacSha256: for index keys, where collisions and not forgeries matter.
std::string Mac16(absl::string_view key, absl::string_view bytes);

// Whether the two are equal, in time that depends on the sizes only.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace keyturn
