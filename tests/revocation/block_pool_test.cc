#include "revocation/block_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/limits.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

using Block = BlockPool::Block;

constexpr size_t kChunkBytes = BlockPool::kChunkBuckets * sizeof(bucket::Bucket);

BlockPool NewPool(size_t chunks) {
  auto pool = BlockPool::Create(chunks * kChunkBytes);
  EXPECT_OK(pool);
  return *std::move(pool);
}

void Stamp(const BlockPool& pool, Block block, uint64_t what) {
  for (uint32_t i = 0; i < block.buckets; ++i) pool.At(block.place)[i].tags[i % 5] = what + i;
}

bool HasStamp(const BlockPool& pool, Block block, uint64_t what) {
  for (uint32_t i = 0; i < block.buckets; ++i) {
    if (pool.At(block.place)[i].tags[i % 5] != what + i) return false;
  }
  return true;
}

TEST(BlockPool, GivesZeros) {
  BlockPool pool = NewPool(2);
  for (int i = 0; i < 3; ++i) {
    const auto block = pool.Take(100, 0);
    ASSERT_OK(block);
    for (uint32_t at = 0; at < 100; ++at) {
      for (const uint64_t tag : pool.At(block->place)[at].tags) ASSERT_EQ(tag, 0U);
    }
    Stamp(pool, *block, 1000);
    pool.Give(*block, [](uint32_t, Block) { FAIL(); });
  }
}

TEST(BlockPool, TheLastBlockTakesThePlaceOfOneGivenBack) {
  BlockPool pool = NewPool(2);
  const Block first = *pool.Take(10, 1);
  const Block second = *pool.Take(10, 2);
  const Block third = *pool.Take(10, 3);
  Stamp(pool, second, 2000);
  Stamp(pool, third, 3000);
  std::map<uint32_t, uint32_t> moves;
  pool.Give(first, [&](uint32_t owner, Block to) { moves[owner] = to.place; });
  EXPECT_EQ(moves, (std::map<uint32_t, uint32_t>{{3, first.place}}));
  EXPECT_TRUE(HasStamp(pool, first, 3000));
  EXPECT_TRUE(HasStamp(pool, second, 2000));
}

TEST(BlockPool, WhatIsInTheOldPlaceStaysUntilTheOwnerKnows) {
  BlockPool pool = NewPool(3);
  // The second block has a chunk of its own, which is free as soon as it has moved.
  const Block first = *pool.Take(BlockPool::kChunkBuckets, 1);
  const Block second = *pool.Take(BlockPool::kChunkBuckets, 2);
  Stamp(pool, second, 2000);
  bool told = false;
  pool.Give(first, [&](uint32_t, Block) {
    told = true;
    EXPECT_TRUE(HasStamp(pool, second, 2000));
  });
  EXPECT_TRUE(told);
}

TEST(BlockPool, ChunksServeAnySizeAgain) {
  BlockPool pool = NewPool(1);
  const Block small = *pool.Take(1, 1);
  EXPECT_EQ(pool.Take(2, 2).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pool.bytes(), kChunkBytes);
  pool.Give(small, [](uint32_t, Block) { FAIL(); });
  EXPECT_EQ(pool.bytes(), 0U);
  EXPECT_OK(pool.Take(2, 2));
}

TEST(BlockPool, IsFullWhenEachChunkHasAsManyBlocksAsItHolds) {
  BlockPool pool = NewPool(3);
  const uint32_t buckets = 1000;  // four in a chunk
  for (uint32_t i = 0; i < 12; ++i) EXPECT_OK(pool.Take(buckets, i));
  EXPECT_EQ(pool.Take(buckets, 12).status().message(),
            "the revocation index is full: it may take 786432 bytes");
  pool.GiveAll();
  EXPECT_EQ(pool.bytes(), 0U);
  EXPECT_OK(pool.Take(buckets, 0));
}

// Random blocks come and go; each keeps what was written to it, wherever it is moved.
TEST(BlockPool, BlocksKeepWhatIsInThemAndWasteNoChunk) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  BlockPool pool = NewPool(400);
  std::map<uint32_t, Block> blocks;  // by owner
  std::map<uint32_t, size_t> of_size;
  uint32_t next_owner = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (blocks.size() < 500 && random() % 2 == 0) {
      const uint32_t buckets = 1 + static_cast<uint32_t>(random() % 8) * 97;
      const auto block = pool.Take(buckets, next_owner);
      ASSERT_OK(block);
      Stamp(pool, *block, uint64_t{next_owner} << 20);
      blocks[next_owner++] = *block;
      ++of_size[buckets];
    } else if (!blocks.empty()) {
      const auto gone = std::next(blocks.begin(), static_cast<int64_t>(random() % blocks.size()));
      ASSERT_TRUE(HasStamp(pool, gone->second, uint64_t{gone->first} << 20)) << "seed " << seed;
      const Block block = gone->second;
      blocks.erase(gone);
      --of_size[block.buckets];
      pool.Give(block, [&](uint32_t owner, Block to) { blocks.at(owner) = to; });
    }
    size_t chunks = 0;
    for (const auto& [buckets, count] : of_size) {
      const size_t per_chunk = BlockPool::kChunkBuckets / buckets;
      chunks += (count + per_chunk - 1) / per_chunk;
    }
    ASSERT_EQ(pool.bytes(), chunks * kChunkBytes) << "seed " << seed;
  }
  for (const auto& [owner, block] : blocks) {
    ASSERT_TRUE(HasStamp(pool, block, uint64_t{owner} << 20)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace keyturn
