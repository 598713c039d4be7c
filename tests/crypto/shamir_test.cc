#include "crypto/shamir.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/random.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

absl::StatusOr<SecretBytes> CombineSubset(const std::vector<ShamirShare>& shares, unsigned mask) {
  std::vector<ShamirShare> subset;
  for (size_t i = 0; i < shares.size(); ++i) {
    if ((mask >> i & 1) == 0) continue;
    ShamirShare copy;
    copy.index = shares[i].index;
    copy.value = *SecretBytes::CopyOf(shares[i].value.ExposeForCrypto());
    subset.push_back(std::move(copy));
  }
  return ShamirCombine(subset);
}

TEST(Shamir, EverySubsetOfThresholdSizeRecovers) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, RandomSecret(32));
  for (int shares = 1; shares <= 6; ++shares) {
    for (int threshold = 1; threshold <= shares; ++threshold) {
      ASSERT_OK_AND_ASSIGN(const auto split, ShamirSplit(secret, shares, threshold));
      for (unsigned mask = 1; mask < (1u << shares); ++mask) {
        ASSERT_OK_AND_ASSIGN(const SecretBytes combined, CombineSubset(split, mask));
        EXPECT_EQ(combined == secret, __builtin_popcount(mask) >= threshold)
            << shares << " " << threshold << " " << mask;
      }
    }
  }
}

// Two points of the line y = 0x42 + 0x07 x over the AES field, worked by hand: 1 -> 0x45, 2 ->
// 0x4c.
TEST(Shamir, KnownAnswer) {
  std::vector<ShamirShare> shares(2);
  shares[0].index = 1;
  shares[0].value = *SecretBytes::CopyOf("\x45");
  shares[1].index = 2;
  shares[1].value = *SecretBytes::CopyOf("\x4c");
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, ShamirCombine(shares));
  EXPECT_EQ(secret.ExposeForCrypto(), "\x42");
}

TEST(Shamir, LargestSplitRecovers) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, RandomSecret(32));
  ASSERT_OK_AND_ASSIGN(const auto split, ShamirSplit(secret, 255, 255));
  ASSERT_OK_AND_ASSIGN(const SecretBytes combined, ShamirCombine(split));
  EXPECT_TRUE(combined == secret);
}

TEST(Shamir, RefusesBadParameters) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, RandomSecret(32));
  EXPECT_CODE(ShamirSplit(secret, 3, 0), kInvalidArgument);
  EXPECT_CODE(ShamirSplit(secret, 3, 4), kInvalidArgument);
  EXPECT_CODE(ShamirSplit(secret, 256, 2), kInvalidArgument);
  EXPECT_CODE(ShamirSplit(SecretBytes(), 3, 2), kInvalidArgument);
}

TEST(Shamir, RefusesBadShares) {
  ASSERT_OK_AND_ASSIGN(const SecretBytes secret, RandomSecret(32));
  ASSERT_OK_AND_ASSIGN(auto split, ShamirSplit(secret, 3, 2));
  EXPECT_CODE(ShamirCombine({}), kInvalidArgument);
  split[1].index = split[0].index;
  EXPECT_CODE(ShamirCombine(split), kInvalidArgument);
  split[1].index = 0;
  EXPECT_CODE(ShamirCombine(split), kInvalidArgument);
  split[1].index = 2;
  split[1].value.Truncate(31);
  EXPECT_CODE(ShamirCombine(split), kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
