#include "revocation/index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr int64_t kNow = 1'795'000'000;
constexpr size_t kBytes = size_t{256} * limits::kMiB;

std::unique_ptr<RevocationIndex> NewIndex(size_t bytes = kBytes) {
  auto index = RevocationIndex::Create(bytes);
  EXPECT_OK(index);
  return *std::move(index);
}

// Any fingerprint; `regions`: in so many of the first, so that they grow.
Fingerprint AnyPrint(std::mt19937_64& random, uint32_t regions = limits::kRevocationRegions) {
  const auto region = static_cast<uint32_t>(random() % regions);
  return {.region = region, .tag = std::max<uint64_t>(random(), 1)};
}

RevokedEntry Until(int64_t expires_s, uint8_t value = 0) {
  return {.expires_s = expires_s, .value = value};
}

TEST(RevocationIndex, FindsWhatWasPutUntilItExpires) {
  const auto index = NewIndex();
  const Fingerprint print = {.region = 7, .tag = 42};
  EXPECT_EQ(index->Find(print, kNow), std::nullopt);
  ASSERT_OK(index->Put(print, Until(kNow + 10, 3), kNow));
  EXPECT_EQ(index->Find(print, kNow), Until(kNow + 10, 3));
  EXPECT_EQ(index->Find(print, kNow + 9), Until(kNow + 10, 3));
  EXPECT_EQ(index->Find(print, kNow + 10), std::nullopt);
  EXPECT_EQ(index->Find({.region = 7, .tag = 43}, kNow), std::nullopt);
  EXPECT_EQ(index->Find({.region = 8, .tag = 42}, kNow), std::nullopt);
}

TEST(RevocationIndex, APutReplacesTheOneBefore) {
  const auto index = NewIndex();
  const Fingerprint print = {.region = 0, .tag = 1};
  ASSERT_OK(index->Put(print, Until(kNow + 10, 3), kNow));
  ASSERT_OK(index->Put(print, Until(RevokedEntry::kNever, 31), kNow));
  EXPECT_EQ(index->Find(print, kNow + 11), Until(RevokedEntry::kNever, 31));
  ASSERT_OK(index->Put(print, Until(kNow + 5), kNow));
  EXPECT_EQ(index->Find(print, kNow + 5), std::nullopt);
  EXPECT_EQ(index->stats().tokens, 1U);
}

// Tokens of each region, as copied and filled into another index.
TEST(RevocationIndex, CopiedRegionsFilledElsewhereSayTheSame) {
  std::mt19937_64 random(TestSeed());
  const auto index = NewIndex();
  std::vector<std::pair<Fingerprint, RevokedEntry>> put;
  for (int i = 0; i < 20'000; ++i) {
    const Fingerprint print = AnyPrint(random, 40);
    const RevokedEntry entry =
        Until(i % 5 == 0 ? RevokedEntry::kNever : kNow + 1 + static_cast<int64_t>(random() % 1000),
              static_cast<uint8_t>(random() % RevokedEntry::kValueIds));
    ASSERT_OK(index->Put(print, entry, kNow));
    put.emplace_back(print, entry);
  }
  const int64_t later = kNow + 500;
  const auto other = NewIndex();
  std::vector<IndexedToken> tokens = {{1, 1}};
  size_t copied = 0;
  for (uint32_t region = 0; region < 41; ++region) {
    index->Copy(region, later, &tokens);
    copied += tokens.size();
    ASSERT_OK(other->Fill(region, tokens));
  }
  EXPECT_TRUE(tokens.empty());  // there is no region 40
  size_t alive = 0;
  for (const auto& [print, entry] : put) {
    alive += entry.expires_s > later ? 1 : 0;
    ASSERT_EQ(other->Find(print, later), index->Find(print, later));
    ASSERT_EQ(other->Find(print, later).has_value(), entry.expires_s > later);
    ASSERT_EQ(other->Find({.region = print.region, .tag = print.tag ^ 1}, later), std::nullopt);
  }
  EXPECT_EQ(copied, alive);
  EXPECT_EQ(other->stats().tokens, alive);
  // What was filled is like what was put.
  for (const auto& [print, entry] : put) {
    ASSERT_OK(other->Put(print, Until(later + 7), later));
    ASSERT_EQ(other->Find(print, later), Until(later + 7));
  }
  other->Sweep(later + 8, limits::kRevocationRegions);
  EXPECT_EQ(other->stats().tokens, 0U);
}

TEST(RevocationIndex, ARegionIsFilledOnceAndNotBeyondItsBounds) {
  const auto index = NewIndex(size_t{1} << 20);
  const std::vector<IndexedToken> one = {{.tag = 5, .entry = packed_entry::kNever << 5}};
  ASSERT_OK(index->Fill(3, one));
  EXPECT_CODE(index->Fill(3, one), kFailedPrecondition);
  EXPECT_TRUE(index->Erase({.region = 3, .tag = 5}));
  ASSERT_OK(index->Fill(3, one));  // over the block that was left
  EXPECT_EQ(index->stats().tokens, 1U);
  std::vector<IndexedToken> many(20'000, one[0]);
  EXPECT_CODE(index->Fill(4, many), kResourceExhausted);
  EXPECT_EQ(index->stats().tokens, 1U);
}

TEST(RevocationIndex, EraseForgets) {
  const auto index = NewIndex();
  const Fingerprint print = {.region = 5, .tag = 9};
  EXPECT_FALSE(index->Erase(print));
  ASSERT_OK(index->Put(print, Until(kNow + 10), kNow));
  EXPECT_TRUE(index->Erase(print));
  EXPECT_EQ(index->Find(print, kNow), std::nullopt);
  EXPECT_FALSE(index->Erase(print));
  EXPECT_EQ(index->stats().tokens, 0U);
}

TEST(RevocationIndex, ClearForgetsAllAndGivesTheMemoryBack) {
  const auto index = NewIndex();
  std::mt19937_64 random(TestSeed());
  std::vector<Fingerprint> prints;
  for (int i = 0; i < 50'000; ++i) prints.push_back(AnyPrint(random));
  for (const Fingerprint& print : prints) ASSERT_OK(index->Put(print, Until(kNow + 10), kNow));
  index->Clear();
  for (const Fingerprint& print : prints) ASSERT_EQ(index->Find(print, kNow), std::nullopt);
  EXPECT_EQ(index->stats().tokens, 0U);
  EXPECT_EQ(index->stats().bytes, 0U);
  ASSERT_OK(index->Put(prints[0], Until(kNow + 10), kNow));
  EXPECT_EQ(index->Find(prints[0], kNow), Until(kNow + 10));
}

// A clock that is set back must not make a token valid again, nor must one that runs for years.
TEST(RevocationIndex, ForgetsNothingEarlyWhateverTheClockDoes) {
  const auto index = NewIndex();
  constexpr int64_t kDay = limits::kDaySeconds;
  const Fingerprint print = {.region = 1, .tag = 2};
  for (int64_t now = kNow; now < kNow + 30 * 365 * kDay; now += 17 * kDay + 3) {
    for (const int64_t ttl : {int64_t{1}, kDay, 90 * kDay, RevokedEntry::kTtlSecondsMax}) {
      ASSERT_OK(index->Put(print, Until(now + ttl), now));
      const auto found = index->Find(print, now + ttl - 1);
      ASSERT_TRUE(found.has_value()) << now << " " << ttl;
      // One second of each circle stands for "never", and is moved on.
      ASSERT_LE(found->expires_s - (now + ttl), 1);
      ASSERT_GE(found->expires_s, now + ttl);
      ASSERT_EQ(index->Find(print, found->expires_s), std::nullopt);
      ASSERT_EQ(index->Find(print, found->expires_s + 300 * kDay), std::nullopt);
      ASSERT_TRUE(index->Find(print, now - 300 * kDay).has_value()) << now << " " << ttl;
    }
  }
}

// "Never" has a second of each circle for itself.
TEST(RevocationIndex, TheSecondThatStandsForNeverIsNotTakenForIt) {
  const auto index = NewIndex();
  const Fingerprint print = {.region = 1, .tag = 2};
  const int64_t second = int64_t{14} * (1 << 27) - 1;
  ASSERT_OK(index->Put(print, Until(second), second - 100));
  EXPECT_EQ(index->Find(print, second - 1), Until(second + 1));
  EXPECT_EQ(index->Find(print, second), Until(second + 1));
  EXPECT_EQ(index->Find(print, second + 1), std::nullopt);
}

TEST(RevocationIndex, ABlockThatGrowsLeavesOutWhatHasExpired) {
  const auto index = NewIndex();
  for (uint64_t tag = 1; tag <= 500; ++tag) {
    const int64_t ttl = tag % 2 == 0 ? 10 : 20;
    ASSERT_OK(index->Put({.region = 9, .tag = tag << 32}, Until(kNow + ttl), kNow));
  }
  EXPECT_EQ(index->stats().tokens, 500U);
  uint64_t put = 0;
  while (index->stats().tokens >= 500) {
    ++put;
    ASSERT_OK(index->Put({.region = 9, .tag = put << 32 | 1}, Until(kNow + 20), kNow + 10));
    ASSERT_LT(put, 100U);
  }
  EXPECT_EQ(index->stats().tokens, 250 + put);
  for (uint64_t tag = 1; tag <= 500; ++tag) {
    const auto found = index->Find({.region = 9, .tag = tag << 32}, kNow);
    ASSERT_EQ(found.has_value(), tag % 2 != 0);
  }
}

TEST(RevocationIndex, SweepingFreesWhatHasExpiredAndNothingElse) {
  const auto index = NewIndex();
  std::mt19937_64 random(TestSeed());
  std::vector<Fingerprint> short_lived;
  std::vector<Fingerprint> long_lived;
  for (int i = 0; i < 400'000; ++i) short_lived.push_back(AnyPrint(random, 500));
  for (int i = 0; i < 40'000; ++i) long_lived.push_back(AnyPrint(random, 500));
  for (const Fingerprint& print : short_lived) {
    ASSERT_OK(index->Put(print, Until(kNow + 100), kNow));
  }
  for (const Fingerprint& print : long_lived) {
    ASSERT_OK(index->Put(print, Until(kNow + 200, 1), kNow));
  }
  const size_t full = index->stats().bytes;
  EXPECT_EQ(index->Sweep(kNow + 99, limits::kRevocationRegions), 0U);
  EXPECT_EQ(index->Sweep(kNow + 100, limits::kRevocationRegions), short_lived.size());
  EXPECT_EQ(index->stats().tokens, long_lived.size());
  EXPECT_LT(index->stats().bytes, full / 2);
  for (const Fingerprint& print : long_lived) {
    ASSERT_EQ(index->Find(print, kNow + 100), Until(kNow + 200, 1));
  }
  for (const Fingerprint& print : short_lived) {
    ASSERT_EQ(index->Find(print, kNow), std::nullopt);  // even where the clock is set back
  }
  EXPECT_EQ(index->Sweep(kNow + 200, limits::kRevocationRegions), long_lived.size());
  EXPECT_EQ(index->stats().bytes, 0U);
}

TEST(RevocationIndex, SweepingTakesTheRegionsInTurn) {
  const auto index = NewIndex();
  ASSERT_OK(index->Put({.region = 3, .tag = 1}, Until(kNow + 1), kNow));
  ASSERT_OK(index->Put({.region = 10, .tag = 1}, Until(kNow + 1), kNow));
  EXPECT_EQ(index->Sweep(kNow + 1, 3), 0U);
  EXPECT_EQ(index->Sweep(kNow + 1, 1), 1U);
  EXPECT_EQ(index->Sweep(kNow + 1, 6), 0U);
  EXPECT_EQ(index->Sweep(kNow + 1, 1), 1U);
}

TEST(RevocationIndex, ATokenCostsAtMostTwentyBytesHoweverManyThereAre) {
  const auto index = NewIndex();
  std::mt19937_64 random(TestSeed());
  // In a part of the regions, as if there were 2^18 / kRegions as many.
  constexpr uint32_t kRegions = 4096;
  constexpr double kChunk = BlockPool::kChunkBuckets * sizeof(bucket::Bucket);
  double worst = 0;
  for (size_t tokens = 1; tokens <= (kSanitized ? 200'000 : 2'000'000); ++tokens) {
    ASSERT_OK(index->Put(AnyPrint(random, kRegions), Until(kNow + 10), kNow));
    // From the worth of 5 M tokens on, less the chunks that each of some sizes has begun.
    if (tokens % 1000 != 0 || tokens < 80'000) continue;
    const double bytes = static_cast<double>(index->stats().bytes) - 32 * kChunk;
    worst = std::max(worst, bytes / static_cast<double>(tokens));
  }
  EXPECT_LT(worst, 20);
  RecordProperty("worst_bytes_per_token", std::to_string(worst));
}

TEST(RevocationIndex, WhenItsMemoryIsFullItSaysSoAndKeepsWhatItHas) {
  const auto index = NewIndex(size_t{4} * limits::kMiB);
  std::mt19937_64 random(TestSeed());
  std::vector<Fingerprint> taken;
  absl::Status status;
  while (taken.size() < 1'000'000) {
    const Fingerprint print = AnyPrint(random, 300);
    status = index->Put(print, Until(kNow + 10), kNow);
    if (!status.ok()) break;
    taken.push_back(print);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the revocation index is full: it may take 4194304 bytes");
  EXPECT_GT(taken.size(), 150'000U);
  EXPECT_EQ(index->stats().tokens, taken.size());
  for (const Fingerprint& print : taken) {
    ASSERT_EQ(index->Find(print, kNow), Until(kNow + 10));
    ASSERT_OK(index->Put(print, Until(kNow + 11), kNow));  // needs no memory
  }
  // What expires makes room.
  EXPECT_EQ(index->Sweep(kNow + 11, limits::kRevocationRegions), taken.size());
  EXPECT_OK(index->Put(taken[0], Until(kNow + 20), kNow + 11));
}

TEST(RevocationIndex, FindManySaysWhatFindSays) {
  const auto index = NewIndex();
  std::mt19937_64 random(TestSeed());
  std::vector<Fingerprint> prints;
  for (uint8_t i = 0; i < 100; ++i) {
    prints.push_back(AnyPrint(random));
    if (i % 3 != 0) ASSERT_OK(index->Put(prints.back(), Until(kNow + i, i % 32), kNow));
  }
  for (const size_t size : {0, 1, 15, 16, 17, 100}) {
    std::vector<std::optional<RevokedEntry>> results(size, Until(1));
    index->FindMany(absl::MakeSpan(prints).first(size), kNow + 30, absl::MakeSpan(results));
    for (size_t i = 0; i < size; ++i) {
      ASSERT_EQ(results[i], index->Find(prints[i], kNow + 30)) << i << " of " << size;
      ASSERT_EQ(results[i].has_value(), i % 3 != 0 && i > 30) << i;
    }
  }
}

// Random operations against a map. Few regions, so that blocks grow, shrink and move; a tag has few
// values in its upper half, so that they collide.
TEST(RevocationIndex, IsAMapWithExpiry) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  const auto index = NewIndex();
  std::map<std::pair<uint32_t, uint64_t>, RevokedEntry> model;
  int64_t now = kNow;
  for (int operation = 0; operation < 1'000'000; ++operation) {
    const uint64_t tag = 1 + (random() % 50) * (uint64_t{1} << 58) + random() % 40;
    const Fingerprint print = {.region = static_cast<uint32_t>(random() % 12), .tag = tag};
    const std::pair<uint32_t, uint64_t> key = {print.region, print.tag};
    const uint64_t what = random() % 100;
    if (what < 40) {
      const RevokedEntry entry = Until(now + 1 + static_cast<int64_t>(random() % 3000),
                                       static_cast<uint8_t>(random() % 32));
      ASSERT_OK(index->Put(print, entry, now));
      model[key] = entry;
    } else if (what < 45) {
      const auto found = model.find(key);
      const bool alive = found != model.end() && found->second.expires_s > now;
      const bool erased = index->Erase(print);
      ASSERT_TRUE(erased || !alive) << "seed " << seed << ", operation " << operation;
      ASSERT_TRUE(!erased || found != model.end()) << "seed " << seed;
      if (found != model.end()) model.erase(found);
    } else if (what == 45) {
      now += static_cast<int64_t>(random() % 20);
      index->Sweep(now, static_cast<uint32_t>(random() % 12));
      if (random() % 200 == 0) {
        index->Clear();
        model.clear();
      }
    } else {
      const auto found = model.find(key);
      std::optional<RevokedEntry> expected;
      if (found != model.end() && found->second.expires_s > now) expected = found->second;
      ASSERT_EQ(index->Find(print, now), expected)
          << "seed " << seed << ", operation " << operation;
    }
  }
}

// The bound of docs/REVOCATION.md, n / 2^bits, measured where it can be seen: with 24 bits of a
// fingerprint instead of 82.
TEST(RevocationIndex, TakesAStrangerForARevokedTokenAsOftenAsTheBitsOfAFingerprintSay) {
  std::mt19937_64 random(TestSeed());
  const auto any = [&random] {  // 4 bits of region, 20 of tag: 10 in each half
    const uint64_t bits = random();
    return Fingerprint{.region = static_cast<uint32_t>(bits % 16),
                       .tag = (bits >> 54) << 54 | ((bits >> 8) % 1024) | uint64_t{1} << 20};
  };
  const auto index = NewIndex();
  constexpr int kTokens = 20'000;
  for (int i = 0; i < kTokens; ++i) ASSERT_OK(index->Put(any(), Until(kNow + 10), kNow));
  constexpr int kQuestions = kSanitized ? 400'000 : 4'000'000;
  int false_hits = 0;
  for (int i = 0; i < kQuestions; ++i) {
    if (index->Find(any(), kNow)) ++false_hits;
  }
  const double expected = double{kQuestions} * kTokens / (1 << 24);
  EXPECT_LT(false_hits, expected + 6 * std::sqrt(expected));
  // Some tokens share a fingerprint already, so it is a little less than the bound.
  EXPECT_GT(false_hits, expected * 0.99 - 6 * std::sqrt(expected));
}

// Readers beside a writer that makes blocks grow, move and shrink: what is revoked all along is
// found each time, what never was is never found, and what comes and goes has its own entry.
TEST(RevocationIndex, ReadersBesideAWriterMissNothing) {
  const uint64_t seed = TestSeed();
  const auto index = NewIndex();
  std::mt19937_64 random(seed);
  constexpr uint32_t kRegions = 40;
  std::vector<Fingerprint> revoked;
  std::vector<Fingerprint> strangers;
  std::vector<Fingerprint> passing;
  for (int i = 0; i < 2000; ++i) revoked.push_back(AnyPrint(random, kRegions));
  for (int i = 0; i < 2000; ++i) strangers.push_back(AnyPrint(random, kRegions));
  for (int i = 0; i < 20'000; ++i) passing.push_back(AnyPrint(random, kRegions));
  const auto entry_of = [](const Fingerprint& print) {
    return Until(kNow + 1 + static_cast<int64_t>(print.tag % 1000), print.tag % 32);
  };
  const RevokedEntry stays = Until(kNow + 100'000, 1);
  for (const Fingerprint& print : revoked) ASSERT_OK(index->Put(print, stays, kNow));

  std::atomic<bool> over = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> passes = 0;
  const auto read = [&] {
    std::vector<std::optional<RevokedEntry>> results(revoked.size());
    do {
      for (const Fingerprint& print : revoked) {
        if (index->Find(print, kNow) != stays) ++wrong;
      }
      index->FindMany(revoked, kNow, absl::MakeSpan(results));
      for (const auto& result : results) {
        if (result != stays) ++wrong;
      }
      for (const Fingerprint& print : strangers) {
        if (index->Find(print, kNow)) ++wrong;
      }
      for (const Fingerprint& print : passing) {
        const auto found = index->Find(print, kNow);
        if (found && found != entry_of(print)) ++wrong;
      }
      ++passes;
    } while (!over);
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  const int rounds = kSanitized ? 4 : 40;
  for (int round = 0; round < rounds; ++round) {
    for (const Fingerprint& print : passing) ASSERT_OK(index->Put(print, entry_of(print), kNow));
    if (round % 2 == 0) {
      for (const Fingerprint& print : passing) ASSERT_TRUE(index->Erase(print));
    }
    ASSERT_EQ(index->Sweep(kNow + 1001, limits::kRevocationRegions),
              round % 2 == 0 ? 0 : passing.size());
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U) << "seed " << seed;
  EXPECT_GE(passes, 3U);
}

// Two tokens take turns in one slot: whoever finds one finds its own entry, however often the other
// was there while it looked.
TEST(RevocationIndex, AReaderNeverSeesTheEntryOfTheSlotsNextToken) {
  const auto index = NewIndex();
  const auto print = [](uint64_t tag) { return Fingerprint{.region = 7, .tag = tag}; };
  const auto entry = [](uint64_t tag) { return Until(kNow + 100 * static_cast<int64_t>(tag)); };
  std::atomic<bool> over = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> found = 0;
  std::thread reader([&] {
    do {
      for (uint64_t tag = 1; tag <= 2; ++tag) {
        const auto is = index->Find(print(tag), kNow);
        if (is) ++found;
        if (is && *is != entry(tag)) ++wrong;
      }
    } while (!over);
  });
  const int rounds = kSanitized ? 100'000 : 3'000'000;
  for (int round = 0; round < rounds || found == 0; ++round) {
    for (uint64_t tag = 1; tag <= 2; ++tag) {
      EXPECT_OK(index->Put(print(tag), entry(tag), kNow));
      EXPECT_TRUE(index->Erase(print(tag)));
    }
  }
  over = true;
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace keyturn
