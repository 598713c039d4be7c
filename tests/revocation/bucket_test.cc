#include "revocation/bucket.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace keyturn::bucket {
namespace {

uint64_t TagAt(uint32_t home, uint32_t buckets, uint64_t low) {
  return ((uint64_t{home} << 32) / buckets + 1) << 32 | low;
}

TEST(Bucket, ATagsHomeIsByItsUpperHalf) {
  for (const uint32_t buckets : {1U, 2U, 3U, 100U, 4096U}) {
    EXPECT_EQ(Home(1, buckets), 0U);
    EXPECT_EQ(Home(UINT64_MAX, buckets), buckets - 1);
    for (uint32_t home = 0; home < buckets; ++home) {
      EXPECT_EQ(Home(TagAt(home, buckets, 7), buckets), home) << buckets;
    }
  }
}

TEST(Bucket, GoesOnToTheNextBucketAndRoundTheEnd) {
  std::array<Bucket, 3> block{};
  std::vector<uint64_t> tags;
  for (uint64_t low = 1; low <= 3 * kSlots; ++low) tags.push_back(TagAt(2, 3, low));
  for (const uint64_t tag : tags) {
    EXPECT_EQ(Find(block.data(), 3, tag), std::nullopt);
    Insert(block.data(), 3, tag, static_cast<uint32_t>(tag) + 100);
  }
  for (const uint64_t tag : tags) {
    EXPECT_EQ(Find(block.data(), 3, tag), static_cast<uint32_t>(tag) + 100);
    const Slot slot = Locate(block.data(), 3, tag);
    ASSERT_NE(slot.bucket, nullptr);
    EXPECT_EQ(slot.bucket->tags[slot.index], tag);
  }
  EXPECT_EQ(Locate(block.data(), 3, tags[0]).bucket, &block[2]);
  EXPECT_EQ(Locate(block.data(), 3, tags[kSlots]).bucket, &block[0]);
  EXPECT_EQ(Locate(block.data(), 3, tags[2 * kSlots]).bucket, &block[1]);
}

// A full block in which every overflow bit is set: the search ends after one round.
TEST(Bucket, ASearchEndsWhereverItLeads) {
  std::array<Bucket, 2> block{};
  for (Bucket& bucket : block) {
    bucket.overflow = UINT32_MAX;
    for (uint64_t& tag : bucket.tags) tag = 5;
  }
  EXPECT_EQ(Find(block.data(), 2, 6), std::nullopt);
  EXPECT_EQ(Locate(block.data(), 2, 6).bucket, nullptr);
}

TEST(Bucket, AnAbsentTagCostsOneLine) {
  std::array<Bucket, 2> block{};
  for (uint64_t low = 1; low <= kSlots; ++low) Insert(block.data(), 2, TagAt(0, 2, low), 0);
  EXPECT_EQ(block[0].overflow, 0U);  // full, and nothing went on
  Insert(block.data(), 2, TagAt(0, 2, 33), 0);
  EXPECT_EQ(block[0].overflow, 1U << 1);
  EXPECT_EQ(block[1].overflow, 0U);
}

}  // namespace
}  // namespace keyturn::bucket
