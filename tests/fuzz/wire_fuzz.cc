// The pieces of protobuf's wire format that are read by hand: what is read, protobuf reads as well,
// with the same value and as long; what is written is read back.
#include "vault/wire.h"

#include <google/protobuf/io/coded_stream.h>

#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

void CheckVarint(absl::string_view input) {
  absl::string_view rest = input;
  const std::optional<uint64_t> value = wire::ReadVarint(&rest);
  if (!value.has_value()) return Require(rest == input, "a varint that fails leaves the input");
  google::protobuf::io::CodedInputStream theirs(reinterpret_cast<const uint8_t*>(input.data()),
                                                static_cast<int>(input.size()));
  uint64_t expected = 0;
  Require(theirs.ReadVarint64(&expected) && expected == *value, "protobuf reads the same");
  const size_t used = input.size() - rest.size();
  Require(theirs.CurrentPosition() == static_cast<int>(used), "as many bytes");
  Require(wire::VarintSize(*value) <= used, "none is shorter than what we write");
  char buffer[16];
  absl::Span<char> out(buffer);
  wire::WriteVarint(*value, &out);
  absl::string_view written(buffer, sizeof(buffer) - out.size());
  Require(written.size() == wire::VarintSize(*value), "its size is known");
  Require(wire::ReadVarint(&written) == value && written.empty(), "it is read back");
}

}  // namespace

void FuzzWire(absl::string_view input) {
  CheckVarint(input);
  std::string again(input.size() + 16, '\0');
  absl::Span<char> out(again.data(), again.size());
  absl::string_view rest = input;
  if (const std::optional<absl::string_view> bytes = wire::ReadDelimited(&rest)) {
    wire::WriteBytes(*bytes, &out);
    absl::string_view written(again.data(), again.size() - out.size());
    Require(written.size() + 1 == wire::DelimitedSize(bytes->size()), "its size is known");
    Require(wire::ReadDelimited(&written) == bytes && written.empty(), "it is read back");
  }
  // Fields one after another, as a message has them.
  while (!input.empty()) {
    const std::optional<wire::Tag> tag = wire::ReadTag(&input);
    if (!tag.has_value()) return;
    Require(tag->field > 0 && tag->type < 8, "a field has a number and a type");
    const size_t before = input.size();
    if (!wire::Skip(tag->type, &input)) return;
    Require(input.size() < before, "a field has bytes");
  }
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzWire)
