// Byte encodings used in keys, associated data and hashes: fixed-width big-endian integers (so that
// keys sort as numbers) and length-prefixed strings (so that no two lists of fields encode alike).
// Also hexadecimal and unpadded base64url (RFC 4648 section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace keyturn {

void AppendBigEndian16(uint16_t value, std::string* out);
void AppendBigEndian32(uint32_t value, std::string* out);
void AppendBigEndian64(uint64_t value, std::string* out);
// Appends a 4-byte big-endian length, then the bytes. REQUIRES: bytes shorter than 4 GiB.
void AppendLengthPrefixed(absl::string_view bytes, std::string* out);

std::string BigEndian64(uint64_t value);

// Each reader takes its field off the front of `*in`; std::nullopt leaves `*in` as it was.
std::optional<uint8_t> ReadByte(absl::string_view* in);
std::optional<uint16_t> ReadBigEndian16(absl::string_view* in);
std::optional<uint32_t> ReadBigEndian32(absl::string_view* in);
std::optional<uint64_t> ReadBigEndian64(absl::string_view* in);
std::optional<absl::string_view> ReadBytes(size_t size, absl::string_view* in);
std::optional<absl::string_view> ReadLengthPrefixed(absl::string_view* in);

std::string HexEncode(absl::string_view bytes);
std::optional<std::string> HexDecode(absl::string_view hex);
std::string Base64UrlEncode(absl::string_view bytes);
// Strict: no padding, no other alphabet, no stray bits in the last character.
std::optional<std::string> Base64UrlDecode(absl::string_view text);

}  // namespace keyturn
