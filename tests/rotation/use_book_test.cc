#include "rotation/usage/use_book.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

const Uuid kOne = *Uuid::FromString("00112233-4455-4677-8899-aabbccddee00");
const Uuid kTwo = *Uuid::FromString("10112233-4455-4677-8899-aabbccddee00");  // of the same part

absl::Time At(int64_t millis) { return absl::FromUnixMillis(1'000'000 + millis); }

TEST(UseBook, CountsByVersionAndConsumer) {
  UseBook book;
  EXPECT_TRUE(book.Note({kOne, SecretVersion(1), "a", At(5)}));
  EXPECT_TRUE(book.Note({kOne, SecretVersion(1), "a", At(9)}));
  EXPECT_TRUE(book.Note({kOne, SecretVersion(1), "a", At(7)}));  // of a slower call
  EXPECT_TRUE(book.Note({kOne, SecretVersion(2), "a", At(10), true}));
  EXPECT_TRUE(book.Note({kTwo, SecretVersion(1), "a", At(11)}));
  std::vector<CountedUses> uses = book.Of(kOne);
  std::sort(uses.begin(), uses.end(),
            [](const auto& a, const auto& b) { return a.version < b.version; });
  const std::vector<CountedUses> expected = {
      {kOne, 1, "a", 1'000'005, 1'000'009, 3, 0},
      {kOne, 2, "a", 0, 0, 0, 1'000'010},
  };
  EXPECT_EQ(uses, expected);
  EXPECT_EQ(book.size(), 3u);
  const std::vector<CountedUses> all = book.All();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all.back().secret, kTwo);
}

TEST(UseBook, WhatCameAfterTheCopyStays) {
  UseBook book;
  book.Note({kOne, SecretVersion(1), "a", At(1)});
  book.Note({kOne, SecretVersion(1), "b", At(1)});
  const std::vector<CountedUses> written = book.All();
  book.Note({kOne, SecretVersion(1), "b", At(3)});
  book.Settle(written);
  const std::vector<CountedUses> left = book.Of(kOne);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].consumer, "b");
  EXPECT_EQ(left[0].count, 1u);
  EXPECT_EQ(left[0].last_ms, 1'000'003);
  book.Settle(book.All());
  EXPECT_EQ(book.size(), 0u);
}

TEST(UseBook, AnAcknowledgementAfterTheCopyStays) {
  UseBook book;
  book.Note({kOne, SecretVersion(1), "a", At(1)});
  const std::vector<CountedUses> written = book.All();
  book.Note({kOne, SecretVersion(1), "a", At(1), true});
  book.Settle(written);
  ASSERT_EQ(book.size(), 1u);
  EXPECT_EQ(book.Of(kOne)[0].count, 0u);
  EXPECT_EQ(book.Of(kOne)[0].acknowledged_ms, 1'000'001);
}

TEST(UseBook, TokensAreNoUsesAndStayAfterTheCopy) {
  UseBook book;
  book.Note({kOne, SecretVersion(1), "a", At(7), false, At(50)});
  book.Note({kOne, SecretVersion(1), "a", At(5), false, At(90)});
  const std::vector<CountedUses> written = book.All();
  const std::vector<CountedUses> expected = {{kOne, 1, "a", 0, 0, 0, 0, 1'000'007, 1'000'090}};
  EXPECT_EQ(written, expected);
  // A later one, and one that lives longer.
  book.Note({kOne, SecretVersion(1), "a", At(8), false, At(60)});
  book.Settle(written);
  ASSERT_EQ(book.size(), 1u);
  EXPECT_EQ(book.Of(kOne)[0].token_ms, 1'000'008);
  const std::vector<CountedUses> again = book.All();
  book.Note({kOne, SecretVersion(1), "a", At(6), false, At(99)});
  book.Settle(again);
  ASSERT_EQ(book.size(), 1u);
  EXPECT_EQ(book.Of(kOne)[0].token_end_ms, 1'000'099);
  book.Settle(book.All());
  EXPECT_EQ(book.size(), 0u);
}

TEST(UseBook, AFullPartTakesNoNewKeyAndSaysSo) {
  UseBook book;
  for (size_t i = 0; i < limits::kUsesPerShardMax; ++i) {
    EXPECT_EQ(book.crowded(), i >= limits::kUsesPerShardMax / 2);
    ASSERT_TRUE(book.Note({kOne, SecretVersion(1), absl::StrCat("c", i), At(1)}));
  }
  EXPECT_FALSE(book.Note({kTwo, SecretVersion(1), "a", At(2)}));
  EXPECT_TRUE(book.Note({kOne, SecretVersion(1), "c7", At(2)}));  // known keys count on
  EXPECT_EQ(book.size(), limits::kUsesPerShardMax);
  book.Drop(kOne, "c7");
  EXPECT_TRUE(book.Note({kTwo, SecretVersion(1), "a", At(2)}));
  book.Clear();
  EXPECT_EQ(book.size(), 0u);
  EXPECT_FALSE(book.crowded());
}

TEST(UseBook, LongNamesAreCutAndStayApart) {
  UseBook book;
  std::string longest(limits::kConsumerNameBytesMax, 'x');
  const std::string longer = longest + "\xc3\xa4";
  book.Note({kOne, SecretVersion(1), longest, At(1)});
  book.Note({kOne, SecretVersion(1), longer, At(1)});
  book.Note({kOne, SecretVersion(1), longer + "y", At(1)});
  EXPECT_EQ(book.size(), 3u);
  EXPECT_EQ(KeptName(longest), longest);
  EXPECT_LE(KeptName(longer).size(), limits::kConsumerNameBytesMax);
  EXPECT_TRUE(absl::StrContains(KeptName(longer), "..."));
  // Cut where a character ends.
  std::string odd = "x";
  while (odd.size() < 600) odd += "\xc3\xa4";
  const std::string kept = KeptName(odd);
  EXPECT_EQ(kept[kept.find("...") - 1], '\xa4');
}

// Under the thread sanitizer as well: readers, who writes, and who asks, at once.
TEST(UseBook, ManyThreadsLoseNothing) {
  UseBook book;
  constexpr int kThreads = 4, kUses = 20'000;
  std::vector<Uuid> secrets;
  for (int i = 0; i < 8; ++i) secrets.push_back(RandomUuid());
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = absl::StrCat("consumer", t % 2);
      for (int i = 0; i < kUses; ++i) {
        book.Note(
            {secrets[static_cast<size_t>(i) % secrets.size()], SecretVersion(1), name, At(i)});
      }
      running.fetch_sub(1);
    });
  }
  uint64_t counted = 0;
  int64_t last = 0;
  const auto write = [&] {
    const std::vector<CountedUses> all = book.All();
    for (const CountedUses& uses : all) {
      counted += uses.count;
      last = std::max(last, uses.last_ms);
    }
    book.Settle(all);
  };
  while (running.load() > 0) {
    write();
    book.Of(secrets[0]);
    book.crowded();
  }
  for (std::thread& thread : threads) thread.join();
  write();
  EXPECT_EQ(counted, uint64_t{kThreads} * kUses);
  EXPECT_EQ(last, 1'000'000 + kUses - 1);
  EXPECT_EQ(book.size(), 0u);
}

}  // namespace
}  // namespace keyturn
