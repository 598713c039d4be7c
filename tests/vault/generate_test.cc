#include "vault/generate.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "absl/strings/escaping.h"
#include "base/coding.h"
#include "keyturn/v1/types.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

v1::GenerateSpec Bytes(uint32_t bytes, v1::GenerateSpec::Format format) {
  v1::GenerateSpec spec;
  spec.set_bytes(bytes);
  spec.set_format(format);
  return spec;
}

v1::GenerateSpec Length(uint32_t length, const std::string& alphabet) {
  v1::GenerateSpec spec;
  spec.set_length(length);
  spec.set_alphabet(alphabet);
  return spec;
}

std::string Value(const v1::GenerateSpec& spec, v1::Kind kind = v1::KIND_GENERIC,
                  const v1::PasswordPolicy* policy = nullptr) {
  const auto value = GenerateValue(spec, kind, policy);
  return value.ok() ? std::string(value->value.ExposeForCrypto())
                    : std::string(value.status().message());
}

TEST(Generate, Formats) {
  EXPECT_EQ(Value(Bytes(32, v1::GenerateSpec::HEX)).size(), 64u);
  EXPECT_EQ(Value(Bytes(32, v1::GenerateSpec::RAW)).size(), 32u);
  EXPECT_EQ(Base64UrlDecode(Value(v1::GenerateSpec()))->size(), 32u);
  EXPECT_EQ(Value(Bytes(33, v1::GenerateSpec::BASE64)).size(), 44u);
  EXPECT_NE(Value(v1::GenerateSpec()), Value(v1::GenerateSpec()));
  std::string key;
  EXPECT_TRUE(absl::Base64Unescape(Value(v1::GenerateSpec(), v1::KIND_JWT_KEY), &key));
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(Value(v1::GenerateSpec(), v1::KIND_JWT_KEY).size(), 88u) << "padded";
}

TEST(Generate, DrawsFromTheWholeAlphabet) {
  std::set<char> seen;
  for (int i = 0; i < 50; ++i) {
    for (const char c : Value(Length(128, "abcd"))) seen.insert(c);
  }
  EXPECT_EQ(seen, (std::set<char>{'a', 'b', 'c', 'd'}));
  for (const char c : Value(Length(100, ""))) EXPECT_TRUE(std::isalnum(c));
}

TEST(Generate, RefusesWeakValues) {
  EXPECT_EQ(Value(Bytes(15, v1::GenerateSpec::HEX)),
            "the value would have 120 bits of randomness; at least 128 are required (--force "
            "waives it)");
  EXPECT_EQ(Value(Length(21, "alphanumeric")),
            "the value would have 125 bits of randomness; at least 128 are required (--force "
            "waives it)");
  EXPECT_EQ(Value(Length(22, "alphanumeric")).size(), 22u);
  v1::GenerateSpec forced = Bytes(4, v1::GenerateSpec::HEX);
  forced.set_force(true);
  EXPECT_EQ(Value(forced).size(), 8u);
  forced.set_bytes(31);
  EXPECT_EQ(Value(forced, v1::KIND_API_KEY),
            "an API key has at least 32 random bytes, which are 256 bits; this one would have 248");
  forced.set_bytes(63);
  EXPECT_EQ(
      Value(forced, v1::KIND_JWT_KEY),
      "a JWT signing key for HS256 has at least 64 random bytes, which are 512 bits; this one "
      "would have 504");
}

TEST(Generate, KeysAreJudgedByTheirBitsNotTheirLength) {
  const auto forced = [](uint32_t length, const std::string& alphabet) {
    v1::GenerateSpec spec = Length(length, alphabet);
    spec.set_force(true);
    return spec;
  };
  const std::string weak =
      "an API key has at least 32 random bytes, which are 256 bits; this one would have ";
  EXPECT_EQ(Value(forced(32, "ab"), v1::KIND_API_KEY), weak + "32");
  EXPECT_EQ(Value(forced(42, "base64url"), v1::KIND_API_KEY), weak + "252");
  EXPECT_EQ(Value(forced(43, "base64url"), v1::KIND_API_KEY).size(), 43u);
  EXPECT_EQ(Value(forced(64, "hex"), v1::KIND_API_KEY).size(), 64u);
  EXPECT_EQ(Value(forced(256, "ab"), v1::KIND_API_KEY).size(), 256u);
  const std::string weak_jwt =
      "a JWT signing key for HS256 has at least 64 random bytes, which are 512 bits; this one "
      "would "
      "have ";
  EXPECT_EQ(Value(forced(127, "hex"), v1::KIND_JWT_KEY), weak_jwt + "508");
  EXPECT_EQ(Value(forced(128, "hex"), v1::KIND_JWT_KEY).size(), 128u);
  v1::PasswordPolicy policy;
  policy.set_length(64);
  policy.set_force(true);
  EXPECT_EQ(Value(v1::GenerateSpec(), v1::KIND_JWT_KEY, &policy), weak_jwt + "381");
  policy.set_length(86);
  EXPECT_EQ(Value(v1::GenerateSpec(), v1::KIND_JWT_KEY, &policy).size(), 86u);
}

TEST(Generate, SaysWhatIsWrong) {
  EXPECT_EQ(Value(Length(64, "aab")), "alphabet: 'a' is in it twice");
  EXPECT_EQ(Value(Length(64, "a")), "alphabet: needs at least 2 characters");
  EXPECT_EQ(Value(Length(64, "a b")), "alphabet: allowed are printable ASCII characters");
  EXPECT_EQ(Value(Length(0, "abc")), "alphabet: needs a length");
  EXPECT_EQ(Value(Bytes(4097, v1::GenerateSpec::HEX)),
            "at most 4096 bytes or characters are generated");
  v1::GenerateSpec both = Bytes(32, v1::GenerateSpec::HEX);
  both.set_length(3);
  EXPECT_EQ(Value(both), "give one of bytes, length and policy, not several");
}

TEST(Generate, PoliciesHoldTheirRules) {
  v1::PasswordPolicy policy;
  policy.set_length(24);
  policy.set_alphabet("printable");
  auto* digits = policy.add_rules();
  digits->set_characters("0123456789");
  digits->set_at_least(3);
  auto* marks = policy.add_rules();
  marks->set_characters("!?");
  marks->set_at_least(2);
  for (int i = 0; i < 200; ++i) {
    const std::string value = Value(v1::GenerateSpec(), v1::KIND_GENERIC, &policy);
    ASSERT_EQ(value.size(), 24u);
    EXPECT_GE(std::count_if(value.begin(), value.end(), [](char c) { return std::isdigit(c); }), 3);
    EXPECT_GE(
        std::count_if(value.begin(), value.end(), [](char c) { return c == '!' || c == '?'; }), 2);
  }
}

TEST(Generate, PoliciesThatCannotHoldAreRefused) {
  const auto try_policy = [](uint32_t length, const std::string& alphabet,
                             const std::vector<std::pair<std::string, uint32_t>>& rules) {
    v1::PasswordPolicy policy;
    policy.set_length(length);
    policy.set_alphabet(alphabet);
    for (const auto& [characters, at_least] : rules) {
      v1::PasswordPolicy::Rule* rule = policy.add_rules();
      rule->set_characters(characters);
      rule->set_at_least(at_least);
    }
    return Value(v1::GenerateSpec(), v1::KIND_GENERIC, &policy);
  };
  EXPECT_EQ(try_policy(0, "", {}), "length: 0; allowed are 1 to 4096");
  EXPECT_EQ(try_policy(4097, "", {}), "length: 4097; allowed are 1 to 4096");
  EXPECT_EQ(try_policy(32, "", {{"", 1}}), "rules: a rule has no characters");
  const std::string stray = "rules: characters must be of the alphabet, each once in a rule";
  EXPECT_EQ(try_policy(32, "", {{"!", 1}}), stray);
  EXPECT_EQ(try_policy(32, "", {{"00", 1}}), stray);
  EXPECT_EQ(try_policy(32, "", {{"01", 20}, {"ab", 13}}),
            "rules: require 33 characters of a value of 32");
  // 22 characters of 62 are 130 bits, but not when 10 of them are digits.
  EXPECT_EQ(try_policy(22, "", {}).size(), 22u);
  EXPECT_EQ(try_policy(22, "", {{"0123456789", 10}}),
            "the value would have 104 bits of randomness; at least 128 are required (--force "
            "waives it)");
}

}  // namespace
}  // namespace keyturn
