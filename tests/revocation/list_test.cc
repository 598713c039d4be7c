#include "revocation/list.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "revocation/entry.h"
#include "tests/revocation/list_fixture.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

class ListTest : public ListFixture {};

TEST_F(ListTest, WhileSealedNothingIsThereAndNothingIsTaken) {
  const auto nothing = [this] {
    EXPECT_FALSE(list_->loaded());
    EXPECT_FALSE(Exists("k"));
    EXPECT_EQ(Value("k"), "(none)");
    bool results[20] = {true, true};
    const std::vector<absl::string_view> keys(20, "k");
    list_->ExistsMany(keys, list_->Now(), absl::MakeSpan(results));
    for (const bool result : results) EXPECT_FALSE(result);
    ASSERT_OK(list_->FindMembers("s", {"x"}, list_->Now(), absl::MakeSpan(results).first(1)));
    EXPECT_FALSE(results[0]);
    EXPECT_EQ(list_->Scan(0, 10, list_->Now(), [](absl::string_view, KeyType) { ADD_FAILURE(); }),
              0U);
    EXPECT_CODE(list_->Begin(writer_, list_->Now()), kFailedPrecondition);
    EXPECT_EQ(list_->stats().keys, 0U);
    EXPECT_OK(list_->Sweep());
  };
  nothing();
  Load();
  EXPECT_TRUE(list_->loaded());
  Put("k", "1", kHour);
  Add("s", {"x"});
  Load();  // again, without harm
  EXPECT_TRUE(Exists("k"));
  Unload();
  nothing();
  Unload();
  Load();
  EXPECT_TRUE(Exists("k"));
  EXPECT_EQ(Value("s"), "set of 1");
}

TEST_F(ListTest, SealingWaitsForWhatWaits) {
  Load();
  committer_->Hold();
  std::vector<uint64_t> changes;
  for (int i = 0; i < 100; ++i) changes.push_back(Put(absl::StrCat(i), "1", kHour));
  std::thread sealing([this] { Unload(); });
  committer_->LetGo();
  sealing.join();
  for (const uint64_t change : changes) {
    EXPECT_EQ(list_->DurabilityOf(change), Durability::kDurable);
  }
  Load();
  EXPECT_EQ(list_->stats().keys, 100U);
}

TEST_F(ListTest, TransactionsTakeTurnsAndSeeThemselves) {
  Load();
  auto transaction = Begin();
  ASSERT_OK(transaction->Put("k", "1", NowMs() + kHour));
  EXPECT_EQ(transaction->Find("k")->value, "1");
  EXPECT_TRUE(transaction->Erase("k"));
  EXPECT_FALSE(transaction->Erase("k"));
  EXPECT_FALSE(transaction->Find("k").has_value());
  EXPECT_EQ(*transaction->AddMembers("s", {"x", "y", "x"}), 2U);
  EXPECT_EQ(*transaction->AddMembers("s", {"x", "z"}), 1U);
  EXPECT_EQ(*transaction->RemoveMembers("s", {"q"}), 0U);
  bool has[2];
  ASSERT_OK(transaction->FindMembers("s", {"z", "q"}, absl::MakeSpan(has)));
  EXPECT_TRUE(has[0] && !has[1]);
  std::atomic<bool> began = false;
  std::thread other([&] {
    const auto second = list_->Begin(writer_, list_->Now());
    EXPECT_OK(second);
    began = true;
    EXPECT_TRUE((*second)->Find("last").has_value());
  });
  ASSERT_OK(transaction->Put("last", "1", kNoExpiry));
  EXPECT_FALSE(began);
  EXPECT_EQ(transaction->Commit(), 1U);
  EXPECT_EQ(transaction->Commit(), 1U);
  other.join();
}

TEST_F(ListTest, WhatHasEndedByItsPutOrRetimeIsErased) {
  Load();
  Put("k", "1", kHour);
  auto transaction = Begin();
  ASSERT_OK(transaction->Put("k", "1", NowMs()));
  EXPECT_FALSE(transaction->Find("k").has_value());
  ASSERT_OK(transaction->Put("k", "odd", NowMs() + 1));
  ASSERT_OK(transaction->Retime("k", NowMs() - 1));
  EXPECT_FALSE(transaction->Find("k").has_value());
  ASSERT_OK(transaction->AddMembers("s", {"x"}));
  ASSERT_OK(transaction->Retime("s", NowMs()));
  EXPECT_FALSE(transaction->Find("s").has_value());
}

TEST_F(ListTest, ATransactionThatDiesCommits) {
  Load();
  { ASSERT_OK(Begin()->Put("k", "1", kNoExpiry)); }
  Reload();
  EXPECT_TRUE(Exists("k"));
}

TEST_F(ListTest, ExistsManySaysWhatExistsSays) {
  NewList({.keep_names = false});
  Load();
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) {
    names.push_back(absl::StrCat("k", i));
    if (i % 3 == 0) Put(names.back(), "1", kHour);
    if (i % 7 == 0) Put(names.back(), "odd", kHour);
  }
  for (const size_t size : {0, 1, 16, 17, 50}) {
    const std::vector<absl::string_view> keys(names.begin(),
                                              names.begin() + static_cast<int64_t>(size));
    const auto raw = std::make_unique<bool[]>(size + 1);
    const absl::Span<bool> results(raw.get(), size);
    list_->ExistsMany(keys, list_->Now(), results);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(results[i], i % 3 == 0 || i % 7 == 0) << i;
  }
}

TEST_F(ListTest, WithNamesAllOfThemAreListed) {
  EXPECT_FALSE(list_->keeps_names());
  NewList({.keep_names = true});
  EXPECT_TRUE(list_->keeps_names());
  Load();
  for (int i = 0; i < 100; ++i) Put(absl::StrCat(i), "1", kHour + i);
  Reload();
  std::set<std::string> names;
  uint64_t cursor = 0;
  do {
    cursor = list_->Scan(cursor, 10, list_->Now(),
                         [&](absl::string_view name, KeyType) { names.emplace(name); });
  } while (cursor != 0);
  EXPECT_EQ(names.size(), 100U);
  EXPECT_EQ(list_->Find("7", list_->Now())->expires_ms, NowMs() + kHour + 7);
}

TEST_F(ListTest, AClockThatJumpsForwardEndsNoRevocation) {
  Load();
  Put("hot", "1", kHour);
  ASSERT_OK(list_->WaitFor(Put("side", "odd", kHour)));
  const auto records = Records();
  clock_.SetTime(clock_.Now() + absl::Hours(24 * 365));
  EXPECT_TRUE(Exists("hot") && Exists("side"));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(list_->stats().keys, 2U);
  EXPECT_EQ(Records(), records);
  clock_.AdvanceTime(absl::Minutes(59));
  EXPECT_TRUE(Exists("hot") && Exists("side"));
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_FALSE(Exists("hot") || Exists("side"));
  // Relative lives count from the wall's time, so that they end no earlier.
  EXPECT_EQ(list_->Now().wall_ms - list_->Now().now_ms, 365 * 24 * kHour);
}

TEST_F(ListTest, SweepingFreesMemory) {
  Load();
  for (int i = 0; i < 3000; ++i) {
    Put(absl::StrCat("odd", i), "odd", 1000);
    Put(absl::StrCat("hot", i), "1", 20'000);
  }
  Put("stays", "odd", kHour);
  clock_.AdvanceTime(absl::Seconds(20));
  for (int i = 0; i < 64; ++i) ASSERT_OK(list_->Sweep());  // a minute of them
  EXPECT_EQ(list_->stats().keys, 1U);
  EXPECT_EQ(list_->stats().side_keys, 1U);
  EXPECT_TRUE(Exists("stays"));
}

// The list against a map, through restarts, hours that are dropped, and a clock that moves. Ends
// are whole seconds, so that those of the index are exact too.
class ListModel : public ListFixture {
 protected:
  struct Key {
    bool is_set = false;
    std::string value;
    std::set<std::string> members;
    int64_t expires_ms = kNoExpiry;
  };

  int64_t Seconds() { return NowMs() / 1000 * 1000; }

  int64_t AnyEnd() {
    static constexpr int64_t kLives[] = {1000,        9000,           10'000,        60'000,
                                         kHour / 2,   kHour,          3 * kHour,     30 * kHour,
                                         500 * kHour, 20'000 * kHour, 40'000 * kHour};
    const uint64_t what = random_() % 14;
    if (what < 11) return Seconds() + kLives[what];
    if (what == 11) return Seconds() - 1000;
    return kNoExpiry;
  }

  Key* Alive(const std::string& name) {
    const auto at = model_.find(name);
    return at != model_.end() && NowMs() < at->second.expires_ms ? &at->second : nullptr;
  }

  void Change(RevocationList::Transaction& transaction) {
    static const char* const kValues[] = {"1", "", "revoked", "odd", "a longer value than usual"};
    const std::string name = absl::StrCat("key", random_() % 60);
    Key* const key = Alive(name);
    const std::string member = absl::StrCat("member", random_() % 6);
    const std::string second = absl::StrCat("member", random_() % 6);
    const uint64_t what = random_() % 100;
    if (what < 35) {
      const std::string value = kValues[random_() % 5];
      const int64_t end = AnyEnd();
      ASSERT_OK(transaction.Put(name, value, end));
      model_.erase(name);
      if (end > NowMs()) model_[name] = {.value = value, .members = {}, .expires_ms = end};
    } else if (what < 50) {
      ASSERT_EQ(transaction.Erase(name), key != nullptr);
      model_.erase(name);
    } else if (what < 68) {
      if (key == nullptr) return;
      key->expires_ms = AnyEnd();
      ASSERT_OK(transaction.Retime(name, key->expires_ms));
    } else if (what < 86) {
      if (key != nullptr && !key->is_set) return;
      if (key == nullptr) model_[name] = {.is_set = true, .value = "", .members = {}};
      size_t added = model_[name].members.insert(member).second ? 1 : 0;
      added += model_[name].members.insert(second).second ? 1 : 0;
      const auto count = transaction.AddMembers(name, {member, second});
      ASSERT_OK(count);
      ASSERT_EQ(*count, added);
    } else if (what < 99 || random_() % 10 != 0) {
      if (key != nullptr && !key->is_set) return;
      const size_t removed = key == nullptr ? 0 : key->members.erase(member);
      const auto count = transaction.RemoveMembers(name, {member});
      ASSERT_OK(count);
      ASSERT_EQ(*count, removed);
      if (key != nullptr && key->members.empty()) model_.erase(name);
    } else {
      transaction.Clear();
      model_.clear();
    }
  }

  void Compare(int step) {
    for (int i = 0; i < 60; ++i) {
      const std::string name = absl::StrCat("key", i);
      const Key* const key = Alive(name);
      const auto info = list_->Find(name, list_->Now());
      ASSERT_EQ(info.has_value(), key != nullptr)
          << name << ", step " << step << ", seed " << seed_;
      ASSERT_EQ(Exists(name), key != nullptr);
      if (key == nullptr) continue;
      ASSERT_EQ(info->type, key->is_set ? KeyType::kSet : KeyType::kString) << "seed " << seed_;
      ASSERT_EQ(info->value, key->value) << "seed " << seed_;
      ASSERT_EQ(info->expires_ms, key->expires_ms) << name << ", seed " << seed_;
      if (!key->is_set) continue;
      ASSERT_EQ(info->members, key->members.size()) << "seed " << seed_;
      for (const std::string& member : key->members) {
        bool has = false;
        ASSERT_OK(list_->FindMembers(name, {member}, list_->Now(), absl::MakeSpan(&has, 1)));
        ASSERT_TRUE(has) << "seed " << seed_;
      }
    }
  }

  void Run(int steps) {
    Load();
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
      {
        auto transaction = Begin();
        for (uint64_t i = 0; i <= random_() % 4; ++i) Change(*transaction);
        if (HasFatalFailure()) return;
        const uint64_t change = transaction->Commit();
        if (random_() % 4 == 0) ASSERT_OK(list_->WaitFor(change));
      }
      const uint64_t what = random_() % 60;
      if (what < 10) clock_.AdvanceTime(absl::Seconds(random_() % 20));
      if (what == 10) clock_.AdvanceTime(absl::Minutes(random_() % 90));
      if (what == 11) clock_.AdvanceTime(absl::Hours(random_() % 40));
      if (what < 20) ASSERT_OK(list_->Sweep());
      if (what == 20 || step == steps - 1) Reload();
      if (what % 8 == 0) Compare(step);
    }
    Compare(steps);
  }

  const uint64_t seed_ = TestSeed();
  std::mt19937_64 random_{seed_};
  std::map<std::string, Key> model_;
};

TEST_F(ListModel, IsAMapThatOutlivesRestartsAndDroppedHours) { Run(kSanitized ? 2000 : 10'000); }

// Snapshots all the while, a few keys at a time: each shows the list as it was at many times.
TEST_F(ListModel, IsTheSameThroughSnapshots) {
  const SnapshotOptions always = {.log_bytes_min = 1, .chunk_bytes_max = 1, .chunks_per_step = 6};
  NewList({.snapshots = always});
  Run(kSanitized ? 2000 : 10'000);
  EXPECT_GT(list_->stats().snapshots, kSanitized ? 5U : 50U);
  NewList({.keep_names = true, .snapshots = always});
  Run(kSanitized ? 500 : 3000);
  EXPECT_GT(list_->stats().snapshots, kSanitized ? 1U : 10U);
}

TEST_F(ListModel, IsTheSameWithNames) {
  NewList({.keep_names = true});
  Run(kSanitized ? 1000 : 4000);
}

// The store itself opened again, and memory that cannot hold what is acknowledged.
TEST_F(ListTest, LoadingIsNotHeldToTheBoundOfTheSideTable) {
  Load();
  const std::string value(1000, 'v');
  for (int i = 0; i < 100; ++i) Put(absl::StrCat(i), value, kNoExpiry);
  Unload();
  NewList({.side_bytes_max = 50'000});
  Load();
  EXPECT_EQ(list_->stats().side_keys, 100U);
  auto transaction = Begin();
  EXPECT_CODE(transaction->Put("new", value, kNoExpiry), kResourceExhausted);
  EXPECT_OK(transaction->Put("new", "1", kNoExpiry));
  EXPECT_EQ(transaction->Commit(), 1U);
}

// Readers, writers, sweeps, seals and unseals at once: for the sanitizers, and what is durable and
// never erased is there each time that the list is loaded.
TEST_F(ListTest, SealingBesideReadersAndWritersLosesNothing) {
  Load();
  for (int i = 0; i < 50; ++i) {
    Put(absl::StrCat("stays", i), i % 2 == 0 ? "1" : "odd", kNoExpiry);
  }
  std::atomic<bool> over = false;
  std::atomic<uint64_t> acknowledged = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!over) {
        for (int i = 0; i < 50; ++i) Exists(absl::StrCat("stays", i));
      }
    });
    threads.emplace_back([&, t] {
      std::vector<std::string> mine;
      while (!over) {
        const std::string name = absl::StrCat("by", t, "/", mine.size());
        auto transaction = list_->Begin(writer_, list_->Now());
        if (!transaction.ok()) continue;
        EXPECT_OK((*transaction)->Put(name, mine.size() % 2 == 0 ? "1" : "odd", kNoExpiry));
        const uint64_t change = (*transaction)->Commit();
        if (!list_->WaitFor(change).ok()) continue;
        mine.push_back(name);
        ++acknowledged;
      }
    });
  }
  threads.emplace_back([&] {
    while (!over) EXPECT_OK(list_->Sweep());
  });
  for (int round = 0; round < 20; ++round) {
    const uint64_t before = acknowledged;
    while (acknowledged < before + 20) std::this_thread::yield();
    Unload();
    EXPECT_FALSE(Exists("stays0"));
    Load();
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(Exists(absl::StrCat("stays", i)));
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  Reload();
  EXPECT_GE(list_->stats().keys, 50 + acknowledged);
}

}  // namespace
}  // namespace keyturn
