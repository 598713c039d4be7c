#include "rotation/api_key/codec.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/random.h"

namespace keyturn::api_key {
namespace {

constexpr absl::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kBase = kDigits.size();
constexpr size_t kSecretBytes = 32;

bool IsBase62(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
    }
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

uint32_t Crc32(absl::string_view text) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : text) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

}  // namespace

std::string NewId() {
  std::string id(kIdSize, '0');
  for (char& c : id) c = kDigits[RandomBelow(kBase)];
  return id;
}

bool IsId(absl::string_view text) { return text.size() == kIdSize && IsBase62(text); }

void EncodeSecret(absl::string_view bytes, absl::Span<char> out) {
  std::array<uint32_t, kSecretBytes> number{};  // base 256
  for (size_t i = 0; i < number.size(); ++i) number[i] = static_cast<uint8_t>(bytes[i]);
  for (size_t i = out.size(); i > 0; --i) {
    uint32_t rest = 0;
    for (uint32_t& digit : number) {
      const uint32_t value = rest * 256 + digit;
      digit = value / kBase;
      rest = value % kBase;
    }
    // Not by index: what is looked up would show in the processor's cache.
    char c = static_cast<char>('0' + rest);
    c = static_cast<char>(c + ('A' - '0' - 10) * static_cast<int>(rest >= 10));
    c = static_cast<char>(c + ('a' - 'A' - 26) * static_cast<int>(rest >= 36));
    out[i - 1] = c;
  }
}

std::string Checksum(absl::string_view text) {
  uint64_t value = Crc32(text);
  std::string out(kChecksumSize, '0');
  for (size_t i = kChecksumSize; i > 0; --i) {
    out[i - 1] = kDigits[value % kBase];
    value /= kBase;
  }
  return out;
}

absl::StatusOr<SecretBytes> NewText(absl::string_view id) {
  ASSIGN_OR_RETURN(const SecretBytes secret, RandomSecret(kSecretBytes));
  ASSIGN_OR_RETURN(SecretBytes text, SecretBytes::Allocate(kTextSize));
  const absl::Span<char> out = text.Mutable();
  size_t at = 0;
  const auto append = [&out, &at](absl::string_view part) {
    std::memcpy(out.data() + at, part.data(), part.size());
    at += part.size();
  };
  append(kPrefix);
  append(id);
  append("_");
  EncodeSecret(secret.ExposeForCrypto(), out.subspan(at, kSecretSize));
  at += kSecretSize;
  const std::string checksum = Checksum(text.ExposeForCrypto().substr(0, at));
  append("_");
  append(checksum);
  return text;
}

bool HasPrefix(absl::string_view text) { return absl::StartsWith(text, kPrefix); }

std::optional<Parts> Parse(absl::string_view text) {
  if (text.size() != kTextSize || !HasPrefix(text)) return std::nullopt;
  const size_t secret_at = kPrefix.size() + kIdSize + 1;
  const size_t checksum_at = secret_at + kSecretSize + 1;
  const Parts parts = {text.substr(kPrefix.size(), kIdSize), text.substr(secret_at, kSecretSize)};
  if (text[secret_at - 1] != '_' || text[checksum_at - 1] != '_' || !IsBase62(parts.id) ||
      !IsBase62(parts.secret)) {
    return std::nullopt;
  }
  if (text.substr(checksum_at) != Checksum(text.substr(0, checksum_at - 1))) return std::nullopt;
  return parts;
}

}  // namespace keyturn::api_key
