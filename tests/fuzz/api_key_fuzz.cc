// API keys as clients present them. What is one has one form: its parts, put together again, are
// the same text, and any other last character than its own makes it none. What is not one may be
// made one by its right checksum alone, if it has the form of one. Secrets are numbers below 2^256
// of their own bytes: written down and read again, they are the same.
#include <array>

#include "absl/strings/str_cat.h"
#include "rotation/api_key/codec.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr absl::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void CheckParsed(absl::string_view text) {
  const std::optional<api_key::Parts> parts = api_key::Parse(text);
  if (!parts.has_value()) return;
  Require(api_key::HasPrefix(text) && api_key::IsId(parts->id), "its id");
  const std::string body = absl::StrCat("kt1_", parts->id, "_", parts->secret);
  Require(absl::StrCat(body, "_", api_key::Checksum(body)) == text, "one form");
  std::string changed(text);
  for (const char c : kDigits) {
    changed.back() = c;
    Require(changed == text || !api_key::Parse(changed).has_value(), "one checksum");
  }
}

// By long multiplication, where the encoder divides.
std::string Decoded(absl::string_view text) {
  std::array<uint32_t, 33> number{};
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    Require(digit != absl::string_view::npos, "base62");
    uint32_t carry = static_cast<uint32_t>(digit);
    for (size_t i = number.size(); i > 0; --i) {
      carry += number[i - 1] * 62;
      number[i - 1] = carry & 0xFF;
      carry >>= 8;
    }
  }
  Require(number[0] == 0, "below 2^256");
  std::string out;
  for (size_t i = 1; i < number.size(); ++i) out.push_back(static_cast<char>(number[i]));
  return out;
}

}  // namespace

void FuzzApiKey(absl::string_view input) {
  CheckParsed(input);
  // The same with the checksum that it should have.
  const size_t at = input.rfind('_');
  if (at != absl::string_view::npos) {
    const absl::string_view body = input.substr(0, at);
    CheckParsed(absl::StrCat(body, "_", api_key::Checksum(body)));
  }
  std::string bytes(input.substr(0, 32));
  bytes.resize(32, '\0');
  std::string text(api_key::kSecretSize, '-');
  api_key::EncodeSecret(bytes, absl::MakeSpan(text));
  Require(Decoded(text) == bytes, "a secret is its bytes");
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzApiKey)
