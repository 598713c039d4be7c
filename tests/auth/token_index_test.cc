#include "auth/token_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "auth/token_codec.h"
#include "base/coding.h"
#include "crypto/random.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

std::string Raw(uint64_t number) { return BigEndian64(number % 3) + BigEndian64(number); }
std::string Id(uint64_t number) { return "kts-" + HexEncode(Raw(number)); }

TEST(TokenIndexTest, AnIdAndItsSecretMatchAndNothingElse) {
  TokenIndex index;
  const std::string hash = RandomBytes(32), other = RandomBytes(32);
  EXPECT_FALSE(index.Matches(Raw(1), hash));
  index.Put(Id(1), hash);
  EXPECT_TRUE(index.Matches(Raw(1), hash));
  EXPECT_FALSE(index.Matches(Raw(1), other));
  EXPECT_FALSE(index.Matches(Raw(2), hash));
  EXPECT_FALSE(index.Matches(Raw(0), hash));
  EXPECT_FALSE(index.Matches(Raw(1), hash.substr(0, 31)));
  index.Put(Id(1), other);
  EXPECT_FALSE(index.Matches(Raw(1), hash));
  EXPECT_TRUE(index.Matches(Raw(1), other));
  index.Erase(Id(1));
  EXPECT_FALSE(index.Matches(Raw(1), other));
}

TEST(TokenIndexTest, WhatIsNoIdIsLeftOut) {
  TokenIndex index;
  const std::string hash = RandomBytes(32);
  for (const std::string& bad : {std::string(), NewTokenId('b'), Id(1).substr(1), Id(1) + "00",
                                 Id(1).substr(0, 34), std::string("kts-") + std::string(32, 'g')}) {
    index.Put(bad, hash);
    index.Erase(bad);
    EXPECT_FALSE(index.Matches(bad, hash)) << bad;
    EXPECT_FALSE(index.Matches(Raw(1), hash)) << bad;
  }
  index.Put(Id(1), hash.substr(1));
  EXPECT_FALSE(index.Matches(Raw(1), hash.substr(1)));
}

TEST(TokenIndexTest, ManyThatAreAppendedAreSortedOnce) {
  TokenIndex index;
  std::vector<std::string> hashes;
  for (uint64_t number = 0; number < 50; ++number) {
    hashes.push_back(RandomBytes(32));
    index.Append(Id(number * 7 % 50), hashes.back());
  }
  index.Append("no id", hashes[0]);
  index.Sort();
  for (uint64_t number = 0; number < 50; ++number) {
    EXPECT_TRUE(index.Matches(Raw(number * 7 % 50), hashes[number]));
  }
  EXPECT_FALSE(index.Matches(Raw(50), hashes[0]));
}

// Any size, also those that are no power of two, against a map.
TEST(TokenIndexTest, AgreesWithAMap) {
  std::mt19937_64 random(TestSeed());
  TokenIndex index;
  std::map<uint64_t, std::string> map;
  for (int step = 0; step < 3000; ++step) {
    const uint64_t number = random() % 60;
    if (random() % 3 == 0) {
      index.Erase(Id(number));
      map.erase(number);
    } else {
      map[number] = RandomBytes(32);
      index.Put(Id(number), map[number]);
    }
    for (uint64_t asked = 0; asked < 60; asked += 1 + random() % 7) {
      const auto known = map.find(asked);
      EXPECT_EQ(
          index.Matches(Raw(asked), known == map.end() ? std::string(32, '\0') : known->second),
          known != map.end());
    }
  }
}

}  // namespace
}  // namespace keyturn
