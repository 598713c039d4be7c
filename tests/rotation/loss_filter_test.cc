#include "rotation/usage/loss_filter.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(LossFilter, RemembersTheLastLossOfAVersion) {
  LossFilter filter;
  const Uuid secret = RandomUuid();
  EXPECT_EQ(filter.Last(secret, SecretVersion(1)), absl::InfinitePast());
  filter.Mark(secret, SecretVersion(1), kNow + absl::Milliseconds(400));
  filter.Mark(secret, SecretVersion(1), kNow - absl::Hours(1));
  EXPECT_EQ(filter.Last(secret, SecretVersion(1)), kNow + absl::Seconds(1));  // never too early
  EXPECT_EQ(filter.Last(secret, SecretVersion(2)), absl::InfinitePast());
  EXPECT_EQ(filter.marks(), 2u);
  filter.Clear();
  EXPECT_EQ(filter.Last(secret, SecretVersion(1)), absl::InfinitePast());
}

TEST(LossFilter, IsTheSameWhenItIsReadBack) {
  LossFilter filter;
  std::vector<Uuid> secrets;
  for (int i = 0; i < 500; ++i) {
    secrets.push_back(RandomUuid());
    filter.Mark(secrets.back(), SecretVersion(3), kNow + absl::Seconds(i));
  }
  LossFilter other;
  const Uuid later = RandomUuid();
  other.Mark(later, SecretVersion(1), kNow + absl::Hours(1));
  other.Load(filter.Save());
  for (size_t i = 0; i < secrets.size(); ++i) {
    EXPECT_GE(other.Last(secrets[i], SecretVersion(3)), kNow + absl::Seconds(i)) << i;
    EXPECT_GE(other.Last(secrets[i], SecretVersion(3)), filter.Last(secrets[i], SecretVersion(3)));
  }
  EXPECT_GE(other.Last(later, SecretVersion(1)), kNow + absl::Hours(1));
}

TEST(LossFilter, WhatIsNotUnderstoodSaysItOfAll) {
  LossFilter filter;
  record::v1::UsageLosses odd;
  odd.add_seconds(7);
  odd.add_seconds(9);
  filter.Load(odd);
  EXPECT_EQ(filter.Last(RandomUuid(), SecretVersion(1)), absl::FromUnixSeconds(9));
}

}  // namespace
}  // namespace keyturn
