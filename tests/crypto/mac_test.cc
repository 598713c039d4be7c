#include "crypto/mac.h"

#include <gtest/gtest.h>

#include "base/coding.h"

namespace keyturn {
namespace {

TEST(Sha256, KnownAnswers) {  // FIPS 180-4 examples
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexEncode(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(HmacSha256, KnownAnswers) {  // RFC 4231, cases 1 to 4, 6 and 7
  struct Case {
    std::string key, bytes;
    const char* mac;
  };
  std::string counting;
  for (char c = 1; c <= 25; ++c) counting.push_back(c);
  const std::string long_key(131, '\xaa');
  const Case cases[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting, std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {long_key,
       "This is a test using a larger than block-size key and a larger than block-size data. "
       "The key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const Case& c : cases) EXPECT_EQ(HexEncode(HmacSha256(c.key, c.bytes)), c.mac) << c.bytes;
}

// The last key that is not hashed first has just the size of a block, so zeros at its end are free.
TEST(HmacSha256, HashesOnlyKeysLongerThanABlock) {
  const std::string key(63, 'k');
  EXPECT_EQ(HmacSha256(key + '\0', "x"), HmacSha256(key, "x"));
  EXPECT_NE(HmacSha256(key + std::string(2, '\0'), "x"), HmacSha256(key, "x"));
}

TEST(Mac16, IsTheFirstHalfOfTheMac) {  // RFC 4231, case 5
  EXPECT_EQ(HexEncode(Mac16(std::string(20, '\x0c'), "Test With Truncation")),
            "a3b6167473100ee06e0c796c2955552b");
}

TEST(ConstantTimeEquals, ComparesEveryByteAndTheSize) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  const std::string same = "the same thirty-two byte string.";
  EXPECT_TRUE(ConstantTimeEquals(same, std::string(same)));
  for (size_t i = 0; i < same.size(); ++i) {
    std::string other = same;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(ConstantTimeEquals(same, other)) << i;
  }
  EXPECT_FALSE(ConstantTimeEquals(same, same.substr(0, 31)));
  EXPECT_FALSE(ConstantTimeEquals("", "x"));
}

}  // namespace
}  // namespace keyturn
