#include "rotation/target/json_sink.h"

#include <algorithm>
#include <cstdint>

namespace keyturn {
namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kHex[] = "0123456789abcdef";

}  // namespace

void JsonSink::Put(absl::string_view text) {
  if (out_ != nullptr) std::copy(text.begin(), text.end(), out_ + size_);
  size_ += text.size();
}

void JsonSink::String(absl::string_view text) {
  PutOne('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      PutOne('\\');
      PutOne(c);
    } else if (byte < 0x20) {
      Put("\\u00");
      PutOne(kHex[byte >> 4]);
      PutOne(kHex[byte & 15]);
    } else {
      PutOne(c);
    }
  }
  PutOne('"');
}

void JsonSink::Base64(absl::string_view bytes) {
  PutOne('"');
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t block = 0;
    for (size_t j = 0; j < 3; ++j) {
      block = block << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      PutOne(j <= left ? kBase64[block >> (18 - 6 * j) & 63] : '=');
    }
  }
  PutOne('"');
}

void JsonSink::Begin() {
  PutOne('{');
  first_ = true;
}

void JsonSink::Name(absl::string_view name) {
  if (!first_) PutOne(',');
  first_ = false;
  String(name);
  PutOne(':');
}

void JsonSink::End() {
  PutOne('}');
  first_ = false;
}

}  // namespace keyturn
