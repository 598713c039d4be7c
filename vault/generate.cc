#include "vault/generate.h"

#include <cmath>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyturn/v1/types.pb.h"

namespace keyturn {
namespace {

constexpr absl::string_view kAlphanumeric =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr uint32_t kBytesDefault = 32;

std::string Printable() {
  std::string out;
  for (char c = '!'; c <= '~'; ++c) out.push_back(c);
  return out;
}

absl::StatusOr<std::string> Alphabet(absl::string_view name) {
  if (name.empty() || name == "alphanumeric") return std::string(kAlphanumeric);
  if (name == "hex") return std::string("0123456789abcdef");
  if (name == "base64url") return absl::StrCat(kAlphanumeric, "-_");
  if (name == "printable") return Printable();
  std::set<char> distinct;
  for (const char c : name) {
    if (c < '!' || c > '~') {
      return absl::InvalidArgumentError("alphabet: allowed are printable ASCII characters");
    }
    if (!distinct.insert(c).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("alphabet: '", absl::string_view(&c, 1), "' is in it twice"));
    }
  }
  if (distinct.size() < 2) {
    return absl::InvalidArgumentError("alphabet: needs at least 2 characters");
  }
  return std::string(name);
}

// Keys are as strong as their chance, not as they are long: 32 characters of "ab" are 32 bits.
absl::Status CheckKey(absl::string_view what, double bits, size_t bytes_min) {
  const size_t bits_min = bytes_min * 8;
  if (bits >= static_cast<double>(bits_min)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has at least ", bytes_min, " random bytes, which are ", bits_min,
                   " bits; this one would have ", static_cast<int>(bits)));
}

absl::Status CheckStrength(double bits, v1::Kind kind, bool force) {
  if (kind == v1::KIND_API_KEY) {
    RETURN_IF_ERROR(CheckKey("an API key", bits, limits::kApiKeyBytesMin));
  }
  if (kind == v1::KIND_JWT_KEY) {
    RETURN_IF_ERROR(CheckKey("a JWT signing key for HS256", bits, limits::kHs256KeyBytesMin));
  }
  if (bits < limits::kGeneratedBitsMin && !force) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the value would have ", static_cast<int>(bits), " bits of randomness; at least ",
        limits::kGeneratedBitsMin, " are required (--force waives it)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<GeneratedValue> FromBytes(uint32_t size, v1::GenerateSpec::Format format) {
  GeneratedValue out;
  out.encoding = v1::ENCODING_TEXT;
  ASSIGN_OR_RETURN(SecretBytes raw, RandomSecret(size));
  std::string text;
  const absl::string_view bytes = raw.ExposeForCrypto();
  switch (format) {
    case v1::GenerateSpec::RAW:
      out.encoding = v1::ENCODING_BINARY;
      out.value = std::move(raw);
      return out;
    case v1::GenerateSpec::HEX:
      text = HexEncode(bytes);
      break;
    case v1::GenerateSpec::BASE64:
      absl::Base64Escape(bytes, &text);
      break;
    case v1::GenerateSpec::FORMAT_UNSPECIFIED:
    case v1::GenerateSpec::BASE64URL:
      text = Base64UrlEncode(bytes);
      break;
    default:
      return absl::InvalidArgumentError("format: allowed are base64url, base64, hex, raw");
  }
  absl::StatusOr<SecretBytes> copy = SecretBytes::CopyOf(text);
  WipeString(&text);
  RETURN_IF_ERROR(copy.status());
  out.value = *std::move(copy);
  return out;
}

absl::StatusOr<GeneratedValue> FromAlphabet(size_t length, absl::string_view alphabet) {
  GeneratedValue out;
  out.encoding = v1::ENCODING_TEXT;
  ASSIGN_OR_RETURN(out.value, SecretBytes::Allocate(length));
  for (char& c : out.value.Mutable()) c = alphabet[RandomBelow(alphabet.size())];
  return out;
}

// Bits of a value that a policy makes: those of each required character from its own set and of the
// rest from the alphabet. The shuffle adds some more, which are not counted.
absl::StatusOr<double> PolicyBits(const v1::PasswordPolicy& policy, absl::string_view alphabet) {
  if (policy.length() == 0 || policy.length() > limits::kGeneratedBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "length: ", policy.length(), "; allowed are 1 to ", limits::kGeneratedBytesMax));
  }
  uint64_t required = 0;
  double bits = 0;
  for (const v1::PasswordPolicy::Rule& rule : policy.rules()) {
    std::set<char> distinct;
    for (const char c : rule.characters()) {
      if (!absl::StrContains(alphabet, c) || !distinct.insert(c).second) {
        return absl::InvalidArgumentError(
            "rules: characters must be of the alphabet, each once in a rule");
      }
    }
    if (distinct.empty()) return absl::InvalidArgumentError("rules: a rule has no characters");
    required += rule.at_least();
    bits += rule.at_least() * std::log2(distinct.size());
  }
  if (required > policy.length()) {
    return absl::InvalidArgumentError(
        absl::StrCat("rules: require ", required, " characters of a value of ", policy.length()));
  }
  return bits + static_cast<double>(policy.length() - required) * std::log2(alphabet.size());
}

// The required characters first, the rest from the whole alphabet, then a uniform shuffle, so that
// every arrangement that meets the rules is as likely as any other of its composition.
absl::StatusOr<GeneratedValue> FromPolicy(const v1::PasswordPolicy& policy) {
  ASSIGN_OR_RETURN(const std::string alphabet, Alphabet(policy.alphabet()));
  ASSIGN_OR_RETURN(GeneratedValue out, FromAlphabet(policy.length(), alphabet));
  const absl::Span<char> value = out.value.Mutable();
  size_t at = 0;
  for (const v1::PasswordPolicy::Rule& rule : policy.rules()) {
    for (uint32_t i = 0; i < rule.at_least() && at < value.size(); ++i) {
      value[at++] = rule.characters()[RandomBelow(rule.characters().size())];
    }
  }
  for (size_t i = value.size(); i > 1; --i) std::swap(value[i - 1], value[RandomBelow(i)]);
  return out;
}

// That values can be made by it, and are strong enough for `kind`.
absl::Status CheckPolicy(const v1::PasswordPolicy& policy, v1::Kind kind, bool force) {
  ASSIGN_OR_RETURN(const std::string alphabet, Alphabet(policy.alphabet()));
  ASSIGN_OR_RETURN(const double bits, PolicyBits(policy, alphabet));
  return CheckStrength(bits, kind, force || policy.force());
}

}  // namespace

absl::Status CheckPasswordPolicy(const v1::PasswordPolicy& policy) {
  return CheckPolicy(policy, v1::KIND_GENERIC, false);
}

absl::StatusOr<GeneratedValue> GenerateValue(const v1::GenerateSpec& spec, v1::Kind kind,
                                             const v1::PasswordPolicy* policy) {
  const int ways = (spec.bytes() > 0) + (spec.length() > 0) + (policy != nullptr);
  if (ways > 1) {
    return absl::InvalidArgumentError("give one of bytes, length and policy, not several");
  }
  if (spec.length() == 0 && !spec.alphabet().empty()) {
    return absl::InvalidArgumentError("alphabet: needs a length");
  }
  if (spec.bytes() > limits::kGeneratedBytesMax || spec.length() > limits::kGeneratedBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", limits::kGeneratedBytesMax, " bytes or characters are generated"));
  }
  if (policy != nullptr) {
    RETURN_IF_ERROR(CheckPolicy(*policy, kind, spec.force()));
    return FromPolicy(*policy);
  }
  if (spec.length() > 0) {
    ASSIGN_OR_RETURN(const std::string alphabet, Alphabet(spec.alphabet()));
    RETURN_IF_ERROR(CheckStrength(spec.length() * std::log2(alphabet.size()), kind, spec.force()));
    return FromAlphabet(spec.length(), alphabet);
  }
  const bool jwt = kind == v1::KIND_JWT_KEY;
  const uint32_t fallback = jwt ? limits::kHs256KeyBytesMin : kBytesDefault;
  const uint32_t bytes = spec.bytes() > 0 ? spec.bytes() : fallback;
  RETURN_IF_ERROR(CheckStrength(bytes * 8.0, kind, spec.force()));
  // As a key that signs here is read (rotation/jwt): whoever signs by itself decodes one form.
  const bool base64 = jwt && spec.format() == v1::GenerateSpec::FORMAT_UNSPECIFIED;
  return FromBytes(bytes, base64 ? v1::GenerateSpec::BASE64 : spec.format());
}

}  // namespace keyturn
