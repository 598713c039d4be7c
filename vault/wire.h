// The few pieces of protobuf's wire format that move values without a protobuf object
// (https://protobuf.dev/programming-guides/encoding/). Thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace keyturn::wire {

enum Type : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

struct Tag {
  uint32_t field = 0;
  uint32_t type = 0;
};

// Each takes its item off the front of `*in`; std::nullopt for malformed or missing bytes.
std::optional<uint64_t> ReadVarint(absl::string_view* in);
std::optional<Tag> ReadTag(absl::string_view* in);
std::optional<absl::string_view> ReadDelimited(absl::string_view* in);
// Skips a field of this type.
bool Skip(uint32_t type, absl::string_view* in);

size_t VarintSize(uint64_t value);
// Bytes of a length-delimited field of a one-byte tag (fields 1 to 15).
size_t DelimitedSize(size_t size);

// Writes to the front of `*out` and moves it on. REQUIRES: enough room.
void WriteVarint(uint64_t value, absl::Span<char>* out);
void WriteTag(uint32_t field, Type type, absl::Span<char>* out);
void WriteBytes(absl::string_view bytes, absl::Span<char>* out);

}  // namespace keyturn::wire
