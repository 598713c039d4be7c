#include "crypto/siphash.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "base/coding.h"

namespace keyturn {
namespace {

std::string Counting(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

std::string LittleEndianHex(const SipHash128& hash) {
  std::string bytes;
  for (const uint64_t half : {hash.low, hash.high}) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(half >> shift));
  }
  return HexEncode(bytes);
}

// vectors_sip128 of the reference implementation (github.com/veorq/SipHash, vectors.h): key and
// input count up from 0.
TEST(SipHash, KnownAnswers) {
  const std::string key = Counting(kSipHashKeySize);
  const std::pair<size_t, const char*> cases[] = {
      {0, "a3817f04ba25a8e66df67214c7550293"},  {1, "da87c1d86b99af44347659119b22fc45"},
      {2, "8177228da4a45dc7fca38bdef60affe4"},  {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
      {63, "5150d1772f50834a503e069a973fbd7c"},
  };
  for (const auto& [size, hash] : cases) {
    EXPECT_EQ(LittleEndianHex(SipHash(key, Counting(size))), hash) << size;
  }
}

TEST(SipHash, EachBitOfKeyAndInputCounts) {
  const std::string key = Counting(kSipHashKeySize);
  const std::string input = Counting(44);
  std::set<std::string> seen = {LittleEndianHex(SipHash(key, input))};
  for (size_t bit = 0; bit < 8 * key.size(); ++bit) {
    std::string other = key;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    seen.insert(LittleEndianHex(SipHash(other, input)));
  }
  for (size_t bit = 0; bit < 8 * input.size(); ++bit) {
    std::string other = input;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    seen.insert(LittleEndianHex(SipHash(key, other)));
  }
  EXPECT_EQ(seen.size(), 1 + 8 * (key.size() + input.size()));
}

TEST(SipHashDeathTest, AKeyHasSixteenBytes) { EXPECT_DEATH(SipHash("short", "x"), ""); }

}  // namespace
}  // namespace keyturn
