// Readers of base/coding take off exactly the bytes that the writers make of what was read, or
// leave the input as it was. Text decodes to bytes that encode to the same text.
#include "base/coding.h"

#include "absl/strings/ascii.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

// `consumed` is what a reader that succeeded took off.
template <typename Value, typename Read, typename Write>
void CheckReader(absl::string_view input, Read read, Write write) {
  absl::string_view rest = input;
  const std::optional<Value> value = read(&rest);
  if (!value.has_value()) return Require(rest == input, "a reader that fails leaves the input");
  std::string again;
  write(*value, &again);
  Require(again + std::string(rest) == input, "what was read is written as it was");
}

}  // namespace

void FuzzCoding(absl::string_view input) {
  CheckReader<uint16_t>(input, ReadBigEndian16, AppendBigEndian16);
  CheckReader<uint32_t>(input, ReadBigEndian32, AppendBigEndian32);
  CheckReader<uint64_t>(input, ReadBigEndian64, AppendBigEndian64);
  CheckReader<absl::string_view>(input, ReadLengthPrefixed, AppendLengthPrefixed);
  CheckReader<uint8_t>(input, ReadByte, [](uint8_t byte, std::string* out) {
    out->push_back(static_cast<char>(byte));
  });
  if (const std::optional<std::string> bytes = HexDecode(input)) {
    Require(HexEncode(*bytes) == absl::AsciiStrToLower(input), "hexadecimal, but for its case");
  }
  if (const std::optional<std::string> bytes = Base64UrlDecode(input)) {
    Require(Base64UrlEncode(*bytes) == input, "base64url");
  }
  Require(HexDecode(HexEncode(input)) == input, "any bytes as hexadecimal");
  Require(Base64UrlDecode(Base64UrlEncode(input)) == input, "any bytes as base64url");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzCoding)
