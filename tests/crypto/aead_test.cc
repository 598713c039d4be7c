#include "crypto/aead.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

const std::string kKey(32, 'k');

class AeadTest : public testing::TestWithParam<AeadSuite> {};

TEST_P(AeadTest, OpensWhatItSealed) {
  for (const size_t size : {0, 1, 15, 16, 17, 300, 70000}) {
    const std::string plaintext(size, 'p');
    ASSERT_OK_AND_ASSIGN(const std::string sealed, AeadSeal(GetParam(), kKey, "aad", plaintext));
    EXPECT_EQ(sealed.size(), size + AeadOverhead(GetParam()));
    ASSERT_OK_AND_ASSIGN(const SecretBytes opened, AeadOpen(GetParam(), kKey, "aad", sealed));
    EXPECT_EQ(opened.ExposeForCrypto(), plaintext);
  }
}

TEST_P(AeadTest, NoncesDiffer) {
  ASSERT_OK_AND_ASSIGN(const std::string a, AeadSeal(GetParam(), kKey, "", "same"));
  ASSERT_OK_AND_ASSIGN(const std::string b, AeadSeal(GetParam(), kKey, "", "same"));
  EXPECT_NE(a, b);
}

TEST_P(AeadTest, RefusesEveryFlippedBit) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed, AeadSeal(GetParam(), kKey, "aad", "plaintext"));
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_CODE(AeadOpen(GetParam(), kKey, "aad", flipped), kDataLoss);
  }
}

TEST_P(AeadTest, RefusesEveryTruncation) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed, AeadSeal(GetParam(), kKey, "aad", "plaintext"));
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_CODE(AeadOpen(GetParam(), kKey, "aad", sealed.substr(0, size)), kDataLoss);
  }
}

TEST_P(AeadTest, RefusesOtherKeyAndAssociatedData) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed, AeadSeal(GetParam(), kKey, "aad", "plaintext"));
  EXPECT_CODE(AeadOpen(GetParam(), std::string(32, 'x'), "aad", sealed), kDataLoss);
  EXPECT_CODE(AeadOpen(GetParam(), kKey, "aae", sealed), kDataLoss);
  EXPECT_CODE(AeadOpen(GetParam(), "short", "aad", sealed), kInvalidArgument);
  EXPECT_CODE(AeadSeal(GetParam(), "short", "aad", ""), kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Suites, AeadTest,
                         testing::Values(AeadSuite::kAes256Gcm, AeadSuite::kXChaCha20Poly1305));

// McGrew & Viega, "The Galois/Counter Mode of Operation", test case 16 (AES-256 with data).
TEST(AeadVectors, Gcm) {
  const std::string key =
      *HexDecode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string aad = *HexDecode("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string sealed = *HexDecode(
      "cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb0"
      "8e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  ASSERT_OK_AND_ASSIGN(const SecretBytes opened, AeadOpen(AeadSuite::kAes256Gcm, key, aad, sealed));
  EXPECT_EQ(
      HexEncode(opened.ExposeForCrypto()),
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
      "a6b525b16aedf5aa0de657ba637b39");
}

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
TEST(AeadVectors, XChaCha) {
  const std::string key =
      *HexDecode("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const std::string aad = *HexDecode("50515253c0c1c2c3c4c5c6c7");
  const std::string sealed = *HexDecode(
      "404142434445464748494a4b4c4d4e4f5051525354555657bd6d179d3e83d43b9576579493c0e939572a1700252b"
      "fa"
      "ccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40d"
      "b5"
      "d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec087"
      "5"
      "924c1c7987947deafd8780acf49");
  ASSERT_OK_AND_ASSIGN(const SecretBytes opened,
                       AeadOpen(AeadSuite::kXChaCha20Poly1305, key, aad, sealed));
  EXPECT_EQ(opened.ExposeForCrypto(),
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            "future, sunscreen would be it.");
}

}  // namespace
}  // namespace keyturn
