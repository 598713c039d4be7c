#include "base/coding.h"

#include "absl/strings/escaping.h"

namespace keyturn {
namespace {

template <typename T>
void AppendBigEndian(T value, std::string* out) {
  for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

template <typename T>
std::optional<T> ReadBigEndian(absl::string_view* in) {
  if (in->size() < sizeof(T)) return std::nullopt;
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((value << 8) | static_cast<uint8_t>((*in)[i]));
  }
  in->remove_prefix(sizeof(T));
  return value;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void AppendBigEndian16(uint16_t value, std::string* out) { AppendBigEndian(value, out); }
void AppendBigEndian32(uint32_t value, std::string* out) { AppendBigEndian(value, out); }
void AppendBigEndian64(uint64_t value, std::string* out) { AppendBigEndian(value, out); }

void AppendLengthPrefixed(absl::string_view bytes, std::string* out) {
  AppendBigEndian32(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes.data(), bytes.size());
}

std::string BigEndian64(uint64_t value) {
  std::string out;
  AppendBigEndian64(value, &out);
  return out;
}

std::optional<uint8_t> ReadByte(absl::string_view* in) { return ReadBigEndian<uint8_t>(in); }
std::optional<uint16_t> ReadBigEndian16(absl::string_view* in) {
  return ReadBigEndian<uint16_t>(in);
}
std::optional<uint32_t> ReadBigEndian32(absl::string_view* in) {
  return ReadBigEndian<uint32_t>(in);
}
std::optional<uint64_t> ReadBigEndian64(absl::string_view* in) {
  return ReadBigEndian<uint64_t>(in);
}

std::optional<absl::string_view> ReadBytes(size_t size, absl::string_view* in) {
  if (in->size() < size) return std::nullopt;
  const absl::string_view bytes = in->substr(0, size);
  in->remove_prefix(size);
  return bytes;
}

std::optional<absl::string_view> ReadLengthPrefixed(absl::string_view* in) {
  absl::string_view rest = *in;
  const std::optional<uint32_t> size = ReadBigEndian32(&rest);
  if (!size.has_value()) return std::nullopt;
  const std::optional<absl::string_view> bytes = ReadBytes(*size, &rest);
  if (bytes.has_value()) *in = rest;
  return bytes;
}

std::string HexEncode(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

std::optional<std::string> HexDecode(absl::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]);
    const int low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string Base64UrlEncode(absl::string_view bytes) {
  std::string out;
  absl::WebSafeBase64Escape(bytes, &out);
  return out;
}

// Abseil's decoder accepts padding and ignores stray bits; encoding again catches both.
std::optional<std::string> Base64UrlDecode(absl::string_view text) {
  std::string out;
  if (!absl::WebSafeBase64Unescape(text, &out)) return std::nullopt;
  if (Base64UrlEncode(out) != text) return std::nullopt;
  return out;
}

}  // namespace keyturn
