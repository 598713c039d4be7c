#include "rotation/api_key/codec.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "tests/support/status.h"

namespace keyturn::api_key {
namespace {

std::string NewKey() {
  const absl::StatusOr<SecretBytes> text = NewText(NewId());
  EXPECT_OK(text);
  return std::string(text->ExposeForWire());
}

std::string Encoded(const std::string& bytes) {
  std::string out(kSecretSize, '-');
  EncodeSecret(bytes, absl::MakeSpan(out));
  return out;
}

TEST(ApiKeyCodec, AKeyIsItsIdASecretAndAChecksum) {
  const std::string id = NewId();
  ASSERT_OK_AND_ASSIGN(const SecretBytes text, NewText(id));
  const absl::string_view key = text.ExposeForWire();
  EXPECT_EQ(key.size(), 71u);
  ASSERT_TRUE(Parse(key).has_value());
  EXPECT_EQ(Parse(key)->id, id);
  EXPECT_EQ(key, absl::StrCat("kt1_", id, "_", Parse(key)->secret, "_", key.substr(65)));
  EXPECT_TRUE(IsId(id));
  EXPECT_TRUE(HasPrefix(key));
}

// Of the checksum that is published: scanners of others compute the same.
TEST(ApiKeyCodec, TheChecksumIsCrc32) {
  EXPECT_EQ(Checksum("123456789"), "3jZRME");  // 0xCBF43926
  EXPECT_EQ(Checksum(""), "000000");
  // A whole key that another program made.
  const absl::string_view key =
      "kt1_0123456789ABCDEF_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1_3lwc5u";
  ASSERT_TRUE(Parse(key).has_value());
  EXPECT_EQ(Parse(key)->id, "0123456789ABCDEF");
  EXPECT_EQ(Parse(key)->secret, Encoded(std::string(32, '\xff')));
}

TEST(ApiKeyCodec, SecretsAreNumbersOfTheirWholeRange) {
  EXPECT_EQ(Encoded(std::string(32, '\0')), std::string(43, '0'));
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x01'), std::string(42, '0') + "1");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x09'), std::string(42, '0') + "9");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x0a'), std::string(42, '0') + "A");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x23'), std::string(42, '0') + "Z");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x24'), std::string(42, '0') + "a");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x3d'), std::string(42, '0') + "z");
  EXPECT_EQ(Encoded(std::string(31, '\0') + '\x3e'), std::string(41, '0') + "10");
  // 2^256 - 1, by another program.
  EXPECT_EQ(Encoded(std::string(32, '\xff')), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
}

TEST(ApiKeyCodec, IdsAndSecretsDifferEachTime) {
  std::set<std::string> ids, secrets;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = NewKey();
    const Parts parts = *Parse(key);
    EXPECT_TRUE(ids.emplace(parts.id).second);
    EXPECT_TRUE(secrets.emplace(parts.secret).second);
  }
}

// Each character of 20 keys, changed into each other byte.
TEST(ApiKeyCodec, EveryChangeOfOneCharacterIsRefused) {
  for (int round = 0; round < 20; ++round) {
    const std::string key = NewKey();
    for (size_t at = 0; at < key.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = key;
        changed[at] = static_cast<char>(byte);
        if (changed == key) continue;
        ASSERT_FALSE(Parse(changed).has_value()) << "position " << at << ", byte " << byte;
      }
    }
  }
}

TEST(ApiKeyCodec, TranspositionsAndOtherLengthsAreRefused) {
  const std::string key = NewKey();
  for (size_t at = 0; at + 1 < key.size(); ++at) {
    std::string changed = key;
    std::swap(changed[at], changed[at + 1]);
    EXPECT_EQ(Parse(changed).has_value(), changed == key) << at;
  }
  for (size_t size = 0; size < key.size(); ++size) EXPECT_FALSE(Parse(key.substr(0, size)));
  EXPECT_FALSE(Parse(key + "0").has_value());
  EXPECT_FALSE(Parse(key + "\n").has_value());
  EXPECT_FALSE(Parse(" " + key).has_value());
  EXPECT_FALSE(Parse(absl::StrCat(key, absl::string_view("\0", 1))).has_value());
}

TEST(ApiKeyCodec, WhatHasAGoodChecksumAndAnotherFormIsRefused) {
  const std::string id(16, 'a'), secret(43, 'b');
  const auto with_checksum = [](const std::string& text) {
    return absl::StrCat(text, "_", Checksum(text));
  };
  EXPECT_TRUE(Parse(with_checksum("kt1_" + id + "_" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt2_" + id + "_" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("KT1_" + id + "_" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt1_" + id + "-" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt1-" + id + "_" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt1_" + std::string(15, 'a') + "__" + secret)).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt1_" + id + "_" + std::string(42, 'b') + "_")).has_value());
  EXPECT_FALSE(Parse(with_checksum("kt1_" + std::string(15, 'a') + "\xc3_" + secret)).has_value());
}

TEST(ApiKeyCodec, Ids) {
  EXPECT_TRUE(IsId("0123456789ABCxyz"));
  EXPECT_FALSE(IsId(""));
  EXPECT_FALSE(IsId("0123456789ABCxy"));
  EXPECT_FALSE(IsId("0123456789ABCxyz0"));
  EXPECT_FALSE(IsId("0123456789ABCxy_"));
}

}  // namespace
}  // namespace keyturn::api_key
