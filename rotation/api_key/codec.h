// The text of an API key: kt1_<id>_<secret>_<checksum>, 71 characters. Id (16), secret (43, 256
// random bits) and checksum (6) are base62, digits before capitals before small letters. The
// checksum is the CRC-32 (IEEE 802.3) of all before its underscore: it lets anyone refuse what was
// mistyped without asking, and scanners tell a key from other text. It protects nothing.
// Ids are public. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/secret_bytes.h"

namespace keyturn::api_key {

inline constexpr absl::string_view kPrefix = "kt1_";
inline constexpr size_t kIdSize = 16;
inline constexpr size_t kSecretSize = 43;
inline constexpr size_t kChecksumSize = 6;
inline constexpr size_t kTextSize = kPrefix.size() + kIdSize + 1 + kSecretSize + 1 + kChecksumSize;

// Uniform.
std::string NewId();
bool IsId(absl::string_view text);

// A key with a fresh secret. RESOURCE_EXHAUSTED when the arena is full.
absl::StatusOr<SecretBytes> NewText(absl::string_view id);

// Views into the text.
struct Parts {
  absl::string_view id;
  absl::string_view secret;  // its 43 characters, which are what is hashed
};
// std::nullopt for what is no key, to the last character.
std::optional<Parts> Parse(absl::string_view text);
// Whether it claims to be one.
bool HasPrefix(absl::string_view text);

// For those above, and their tests. 32 bytes as 43 characters, the most significant first.
void EncodeSecret(absl::string_view bytes, absl::Span<char> out);
std::string Checksum(absl::string_view text);

}  // namespace keyturn::api_key
