// A fault that must be found, or the fuzzers are worth nothing: ReadLengthPrefixed of base/coding
// without its check of the length reads beyond the input.
#include "base/coding.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::optional<absl::string_view> MutantReadLengthPrefixed(absl::string_view* in) {
  const std::optional<uint32_t> size = ReadBigEndian32(in);
  if (!size.has_value()) return std::nullopt;
  return absl::string_view(in->data(), *size);
}

}  // namespace

void FuzzMutantOverRead(absl::string_view input) {
  const std::optional<absl::string_view> bytes = MutantReadLengthPrefixed(&input);
  if (bytes.has_value() && bytes->size() < 64) (void)HexEncode(std::string(*bytes)).empty();
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzMutantOverRead)
