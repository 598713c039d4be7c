#include "crypto/signature.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

struct Vector {
  const char *seed, *public_key, *message, *signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519, KnownAnswers) {
  for (const Vector& v : kVectors) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes seed, SecretBytes::CopyOf(*HexDecode(v.seed)));
    ASSERT_OK_AND_ASSIGN(const std::string public_key, Ed25519PublicKey(seed));
    EXPECT_EQ(HexEncode(public_key), v.public_key);
    ASSERT_OK_AND_ASSIGN(const std::string signature, Ed25519Sign(seed, *HexDecode(v.message)));
    EXPECT_EQ(HexEncode(signature), v.signature);
    EXPECT_TRUE(Ed25519Verify(public_key, *HexDecode(v.message), signature));
  }
}

TEST(Ed25519, VerifiesNothingButWhatWasSigned) {
  const std::string public_key = *HexDecode(kVectors[2].public_key);
  const std::string message = *HexDecode(kVectors[2].message);
  const std::string signature = *HexDecode(kVectors[2].signature);
  ASSERT_TRUE(Ed25519Verify(public_key, message, signature));
  for (size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string flipped = signature;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(Ed25519Verify(public_key, message, flipped)) << bit;
  }
  EXPECT_FALSE(Ed25519Verify(public_key, message + "x", signature));
  EXPECT_FALSE(Ed25519Verify(public_key, message.substr(1), signature));
  EXPECT_FALSE(Ed25519Verify(*HexDecode(kVectors[0].public_key), message, signature));
}

TEST(Ed25519, RefusesOtherSizes) {
  const std::string public_key = *HexDecode(kVectors[0].public_key);
  const std::string signature = *HexDecode(kVectors[0].signature);
  EXPECT_FALSE(Ed25519Verify(public_key.substr(1), "", signature));
  EXPECT_FALSE(Ed25519Verify(public_key + "x", "", signature));
  EXPECT_FALSE(Ed25519Verify(public_key, "", signature.substr(1)));
  EXPECT_FALSE(Ed25519Verify(public_key, "", signature + "x"));
  for (const size_t size : {0, 31, 33}) {
    ASSERT_OK_AND_ASSIGN(const SecretBytes seed, SecretBytes::CopyOf(std::string(size, 's')));
    const absl::Status refused = Ed25519PublicKey(seed).status();
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "an Ed25519 seed has 32 bytes");
    EXPECT_EQ(Ed25519Sign(seed, "m").status(), refused);
  }
}

}  // namespace
}  // namespace keyturn
