// A fault that must be found: Base64UrlDecode without the second encoding takes padding and stray
// bits, so several texts are the same bytes.
#include "absl/strings/escaping.h"
#include "base/coding.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

std::optional<std::string> MutantBase64UrlDecode(absl::string_view text) {
  std::string out;
  if (!absl::WebSafeBase64Unescape(text, &out)) return std::nullopt;
  return out;
}

}  // namespace

void FuzzMutantRoundTrip(absl::string_view input) {
  const std::optional<std::string> bytes = MutantBase64UrlDecode(input);
  if (bytes.has_value()) Require(Base64UrlEncode(*bytes) == input, "base64url has one form");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzMutantRoundTrip)
