#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/coding.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"
#include "crypto/password_hash.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Hash, Sha256KnownAnswer) {  // FIPS 180-4 examples
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, HmacKnownAnswers) {  // RFC 4231, cases 1, 2 and 6
  EXPECT_EQ(HexEncode(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha256(std::string(131, '\xaa'),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(Mac16("Jefe", "x"), HmacSha256("Jefe", "x").substr(0, 16));
}

TEST(Hash, ConstantTimeEqualsCompares) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("same", "same"));
  EXPECT_FALSE(ConstantTimeEquals("same", "samE"));
  EXPECT_FALSE(ConstantTimeEquals("same", "sam"));
}

TEST(Hkdf, KnownAnswers) {  // RFC 5869, cases 1 and 3
  ASSERT_OK_AND_ASSIGN(const SecretBytes one,
                       HkdfSha256(std::string(22, '\x0b'), *HexDecode("000102030405060708090a0b0c"),
                                  *HexDecode("f0f1f2f3f4f5f6f7f8f9"), 42));
  EXPECT_EQ(HexEncode(one.ExposeForCrypto()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  ASSERT_OK_AND_ASSIGN(const SecretBytes three, HkdfSha256(std::string(22, '\x0b'), "", "", 42));
  EXPECT_EQ(HexEncode(three.ExposeForCrypto()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, RefusesSizesOutsideTheRfc) {
  EXPECT_CODE(HkdfSha256("k", "", "", 0), kInvalidArgument);
  EXPECT_CODE(HkdfSha256("k", "", "", 8161), kInvalidArgument);
  EXPECT_OK(HkdfSha256("k", "", "", 8160));
}

TEST(Random, BelowIsUniformEnough) {
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 7000; ++i) ++seen[RandomBelow(7)];
  ASSERT_EQ(seen.size(), 7u);
  for (const auto& [value, count] : seen) {
    EXPECT_LT(value, 7u);
    EXPECT_NEAR(count, 1000, 200);  // more than six standard deviations
  }
  EXPECT_EQ(RandomBelow(1), 0u);
}

TEST(Random, UuidsAreVersionFourAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = RandomUuid().ToString();
    EXPECT_EQ(text[14], '4');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(text).second);
  }
}

TEST(Argon2, IsDeterministicAndDependsOnEverything) {
  const Argon2Params params{1, 64 * 1024};
  const std::string salt(16, 's');
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, Argon2idKey("passphrase", salt, params));
  ASSERT_OK_AND_ASSIGN(const SecretBytes again, Argon2idKey("passphrase", salt, params));
  ASSERT_OK_AND_ASSIGN(const SecretBytes other, Argon2idKey("passphrasf", salt, params));
  ASSERT_OK_AND_ASSIGN(const SecretBytes salted,
                       Argon2idKey("passphrase", std::string(16, 't'), params));
  EXPECT_EQ(key.size(), 32u);
  EXPECT_TRUE(key == again);
  EXPECT_FALSE(key == other);
  EXPECT_FALSE(key == salted);
}

TEST(Argon2, RefusesParametersOutOfBounds) {
  const std::string salt(16, 's');
  EXPECT_CODE(Argon2idKey("p", "short", {1, 64 * 1024}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {0, 64 * 1024}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {65, 64 * 1024}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {1, 1024}), kInvalidArgument);
  EXPECT_CODE(Argon2idKey("p", salt, {1, uint64_t{5} << 30}), kInvalidArgument);
}

TEST(Ed25519, KnownAnswer) {  // RFC 8032, section 7.1, test 2
  ASSERT_OK_AND_ASSIGN(const SecretBytes seed,
                       SecretBytes::CopyOf(*HexDecode(
                           "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")));
  ASSERT_OK_AND_ASSIGN(const std::string public_key, Ed25519PublicKey(seed));
  EXPECT_EQ(HexEncode(public_key),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  ASSERT_OK_AND_ASSIGN(std::string signature, Ed25519Sign(seed, "\x72"));
  EXPECT_EQ(
      HexEncode(signature),
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
      "1d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(Ed25519Verify(public_key, "\x72", signature));
  EXPECT_FALSE(Ed25519Verify(public_key, "\x73", signature));
  signature[0] ^= 1;
  EXPECT_FALSE(Ed25519Verify(public_key, "\x72", signature));
  EXPECT_FALSE(Ed25519Verify("short", "\x72", signature));
}

}  // namespace
}  // namespace keyturn
