#include "vault/wire.h"

#include <cstring>

namespace keyturn::wire {

std::optional<uint64_t> ReadVarint(absl::string_view* in) {
  uint64_t value = 0;
  for (size_t i = 0; i < in->size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>((*in)[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      in->remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<Tag> ReadTag(absl::string_view* in) {
  const std::optional<uint64_t> raw = ReadVarint(in);
  if (!raw.has_value() || *raw > UINT32_MAX || *raw >> 3 == 0) return std::nullopt;
  return Tag{static_cast<uint32_t>(*raw >> 3), static_cast<uint32_t>(*raw & 7)};
}

std::optional<absl::string_view> ReadDelimited(absl::string_view* in) {
  const std::optional<uint64_t> size = ReadVarint(in);
  if (!size.has_value() || *size > in->size()) return std::nullopt;
  const absl::string_view out = in->substr(0, *size);
  in->remove_prefix(*size);
  return out;
}

bool Skip(uint32_t type, absl::string_view* in) {
  switch (type) {
    case kVarint:
      return ReadVarint(in).has_value();
    case kLengthDelimited:
      return ReadDelimited(in).has_value();
    case kFixed64:
    case kFixed32: {
      const size_t size = type == kFixed64 ? 8 : 4;
      if (in->size() < size) return false;
      in->remove_prefix(size);
      return true;
    }
    default:
      return false;
  }
}

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

size_t DelimitedSize(size_t size) { return 1 + VarintSize(size) + size; }

void WriteVarint(uint64_t value, absl::Span<char>* out) {
  while (value >= 0x80) {
    out->front() = static_cast<char>(value | 0x80);
    out->remove_prefix(1);
    value >>= 7;
  }
  out->front() = static_cast<char>(value);
  out->remove_prefix(1);
}

void WriteTag(uint32_t field, Type type, absl::Span<char>* out) {
  WriteVarint(field << 3 | type, out);
}

void WriteBytes(absl::string_view bytes, absl::Span<char>* out) {
  WriteVarint(bytes.size(), out);
  if (!bytes.empty()) std::memcpy(out->data(), bytes.data(), bytes.size());
  out->remove_prefix(bytes.size());
}

}  // namespace keyturn::wire
