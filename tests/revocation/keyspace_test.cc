#include "revocation/keyspace.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr int64_t kNowMs = 1'795'000'000'000;
constexpr int64_t kHourMs = 3'600'000;

class KeyspaceTest : public testing::Test {
 protected:
  KeyspaceTest() { New(false); }

  void New(bool keep_names, size_t side_bytes = 64 * limits::kMiB,
           size_t index_bytes = 64 * limits::kMiB) {
    auto keyspace = Keyspace::Create(
        {.index_bytes_max = index_bytes, .side_bytes_max = side_bytes, .keep_names = keep_names});
    ASSERT_OK(keyspace);
    keyspace_ = *std::move(keyspace);
  }

  ListKey Key(absl::string_view name) const {
    return {.name = name, .print = fingerprinter_.Of(name)};
  }
  // Whether there was something before.
  bool Put(absl::string_view name, absl::string_view value, int64_t expires_ms,
           int64_t now_ms = kNowMs) {
    auto former = keyspace_->Put(Key(name), value, expires_ms, now_ms);
    EXPECT_OK(former);
    return *former != nullptr;
  }
  void Add(absl::string_view name, std::vector<absl::string_view> members) {
    EXPECT_OK(keyspace_->AddMembers(Key(name), members, kNowMs));
  }
  bool Exists(absl::string_view name, int64_t now_ms = kNowMs) const {
    const bool exists = keyspace_->Exists(Key(name), now_ms);
    bool many = !exists;
    const ListKey key = Key(name);
    keyspace_->ExistsMany({key.name}, {key.print}, now_ms, absl::MakeSpan(&many, 1));
    EXPECT_EQ(many, exists);
    EXPECT_EQ(keyspace_->Find(key, now_ms).has_value(), exists);
    return exists;
  }
  std::string Value(absl::string_view name, int64_t now_ms = kNowMs) const {
    const auto info = keyspace_->Find(Key(name), now_ms);
    if (!info) return "(none)";
    return info->type == KeyType::kSet ? absl::StrCat("set of ", info->members) : info->value;
  }
  int64_t End(absl::string_view name) const {
    const auto info = keyspace_->Find(Key(name), kNowMs);
    return info ? info->expires_ms : -1;
  }
  uint64_t SideKeys() const { return keyspace_->stats().side_keys; }
  std::set<std::string> Scanned(int64_t now_ms = kNowMs) const {
    std::set<std::string> names;
    EXPECT_EQ(keyspace_->Scan(0, 1000, now_ms,
                              [&](absl::string_view name, KeyType) { names.emplace(name); }),
              0U);
    return names;
  }

  const Fingerprinter fingerprinter_ =
      *Fingerprinter::Create(*SecretBytes::CopyOf(std::string(32, 'k')));
  std::unique_ptr<Keyspace> keyspace_;
};

TEST_F(KeyspaceTest, UsualValuesOfUsualLivesAreKeptWithoutTheirName) {
  constexpr int64_t kMin = limits::kRevocationTtlMillisMin;
  constexpr int64_t kMax = RevokedEntry::kTtlSecondsMax * 1000;
  EXPECT_FALSE(Put("a", "1", kNowMs + kMin));
  EXPECT_FALSE(Put("b", "", kNowMs + kMax));
  EXPECT_FALSE(Put("c", "revoked", kNoExpiry));
  EXPECT_EQ(SideKeys(), 0U);
  EXPECT_TRUE(Scanned().empty());
  EXPECT_FALSE(Put("d", "1", kNowMs + kMin - 1));
  EXPECT_FALSE(Put("e", "1", kNowMs + kMax + 1));
  EXPECT_FALSE(Put("f", "other", kNoExpiry));
  Add("g", {"x"});
  EXPECT_EQ(SideKeys(), 4U);
  EXPECT_EQ(Scanned(), (std::set<std::string>{"d", "e", "f", "g"}));
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) EXPECT_TRUE(Exists(name)) << name;
  EXPECT_FALSE(Exists("h"));
  EXPECT_EQ(keyspace_->stats().keys, 7U);
}

TEST_F(KeyspaceTest, KeepsAllNamesWhenItIsToldTo) {
  New(true);
  Put("a", "1", kNowMs + kHourMs + 1);
  EXPECT_EQ(SideKeys(), 1U);
  EXPECT_EQ(End("a"), kNowMs + kHourMs + 1);
  EXPECT_EQ(Scanned(), std::set<std::string>{"a"});
}

// A key ends never early; without its name up to a second late, with it to the millisecond.
TEST_F(KeyspaceTest, EndsAreNeverEarlyAndExactWhereTheNameIsKept) {
  for (const int64_t fraction : {0, 1, 500, 999}) {
    const int64_t hot = kNowMs + 60'000 + fraction;
    const int64_t rounded = (hot + 999) / 1000 * 1000;
    Put("hot", "1", hot);
    EXPECT_EQ(End("hot"), rounded);
    EXPECT_TRUE(Exists("hot", rounded - 1));
    EXPECT_FALSE(Exists("hot", rounded));
    for (const int64_t life : {fraction + 1, fraction + 9000}) {
      const int64_t end = kNowMs + life;
      Put("side", "1", end);
      EXPECT_EQ(End("side"), end);
      EXPECT_TRUE(Exists("side", end - 1)) << life;
      EXPECT_FALSE(Exists("side", end)) << life;
      EXPECT_FALSE(Scanned(end).contains("side"));
    }
    Put("odd", "odd", hot);
    EXPECT_TRUE(Exists("odd", hot - 1));
    EXPECT_FALSE(Exists("odd", hot));
  }
  // Later than a slot can say.
  const int64_t late = kNowMs + 3 * RevokedEntry::kTtlSecondsMax * 1000 + 7;
  Put("late", "1", late);
  EXPECT_TRUE(Exists("late", late - 1));
  EXPECT_FALSE(Exists("late", late));
}

TEST_F(KeyspaceTest, PutsReplaceWhatIsThereWhereverItIs) {
  const std::vector<std::pair<std::string, int64_t>> states = {{"1", kNowMs + kHourMs},
                                                               {"true", kNoExpiry},
                                                               {"odd", kNowMs + kHourMs},
                                                               {"odder", kNoExpiry},
                                                               {"1", kNowMs + 500}};
  for (const auto& [value, end] : states) {
    for (const auto& [next, next_end] : states) {
      Put("k", value, end);
      auto former = keyspace_->Put(Key("k"), next, next_end, kNowMs);
      ASSERT_OK(former);
      ASSERT_NE(*former, nullptr);
      EXPECT_EQ((*former)->value, value);
      EXPECT_EQ((*former)->expires_ms, end);
      EXPECT_EQ(Value("k"), next);
      EXPECT_EQ(End("k"), next_end);
      // In one place: what is left when it is erased?
      EXPECT_NE(keyspace_->Erase(Key("k"), kNowMs), nullptr);
      EXPECT_FALSE(Exists("k"));
      EXPECT_EQ(SideKeys(), 0U);
      EXPECT_EQ(keyspace_->stats().keys, 0U);
    }
  }
  EXPECT_EQ(keyspace_->Erase(Key("k"), kNowMs), nullptr);
}

TEST_F(KeyspaceTest, WhatHasEndedIsNotThereForWritersEither) {
  Put("hot", "1", kNowMs + 20'000);
  Put("side", "1", kNowMs + 100);
  const int64_t later = kNowMs + 20'000;
  EXPECT_EQ(keyspace_->Erase(Key("hot"), later), nullptr);
  EXPECT_EQ(keyspace_->Erase(Key("side"), kNowMs + 100), nullptr);  // the marker is still there
  EXPECT_FALSE(Put("side", "odd", kNoExpiry, kNowMs + 100));
  EXPECT_FALSE(Put("hot", "odd", kNoExpiry, later));
}

TEST_F(KeyspaceTest, Sets) {
  EXPECT_EQ(keyspace_->AddMembers(Key("s"), {}, kNowMs)->members.size(), 0U);
  EXPECT_FALSE(Exists("s"));
  auto added = keyspace_->AddMembers(Key("s"), {"x", "y", "x"}, kNowMs);
  ASSERT_OK(added);
  EXPECT_TRUE(added->created);
  EXPECT_EQ(added->members.size(), 2U);
  EXPECT_OK(keyspace_->RetimeSet(Key("s"), kNowMs + 5000, kNowMs));
  added = keyspace_->AddMembers(Key("s"), {"y", "z"}, kNowMs);
  EXPECT_FALSE(added->created);
  EXPECT_EQ(added->members, std::vector<std::string>{"z"});
  EXPECT_EQ(added->expires_ms, kNowMs + 5000);
  EXPECT_EQ(Value("s"), "set of 3");
  EXPECT_FALSE(Exists("s", kNowMs + 5000));

  bool has[3];
  ASSERT_OK(keyspace_->FindMembers(Key("s"), {"x", "q", "z"}, kNowMs, absl::MakeSpan(has)));
  EXPECT_TRUE(has[0] && !has[1] && has[2]);
  ASSERT_OK(keyspace_->FindMembers(Key("s"), {"x", "q", "z"}, kNowMs + 5000, absl::MakeSpan(has)));
  EXPECT_FALSE(has[0] || has[1] || has[2]);
  ASSERT_OK(keyspace_->FindMembers(Key("t"), {"x", "q", "z"}, kNowMs, absl::MakeSpan(has)));
  EXPECT_FALSE(has[0] || has[1] || has[2]);
  Put("hot", "1", kNoExpiry);
  Put("odd", "odd", kNoExpiry);
  for (const char* name : {"hot", "odd"}) {
    EXPECT_CODE(keyspace_->FindMembers(Key(name), {"x"}, kNowMs, absl::MakeSpan(has).subspan(0, 1)),
                kInvalidArgument);
  }

  EXPECT_EQ(keyspace_->RemoveMembers(Key("s"), {"q"}, kNowMs), nullptr);
  const auto removed = keyspace_->RemoveMembers(Key("s"), {"x", "q", "y", "z"}, kNowMs);
  EXPECT_EQ(removed->members.size(), 3U);
  EXPECT_EQ(removed->expires_ms, kNowMs + 5000);
  EXPECT_FALSE(Exists("s"));
  EXPECT_EQ(keyspace_->RemoveMembers(Key("s"), {"x"}, kNowMs), nullptr);
  EXPECT_EQ(SideKeys(), 1U);  // "odd"
}

// By running the test again, since a forked child does not have the index's memory.
TEST_F(KeyspaceTest, MembersAreOfSetsOnly) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Put("hot", "1", kNoExpiry);
  Put("odd", "odd", kNoExpiry);
  for (const char* name : {"hot", "odd"}) {
    EXPECT_DEATH(keyspace_->AddMembers(Key(name), {"x"}, kNowMs).IgnoreError(), "");
    EXPECT_DEATH(keyspace_->RemoveMembers(Key(name), {"x"}, kNowMs), "");
    EXPECT_DEATH(keyspace_->RetimeSet(Key(name), kNoExpiry, kNowMs).IgnoreError(), "");
  }
}

// A set that has ended leaves nothing to one that is made anew.
TEST_F(KeyspaceTest, ASetThatHasEndedIsNotAddedTo) {
  Add("s", {"x"});
  ASSERT_OK(keyspace_->RetimeSet(Key("s"), kNowMs + 100, kNowMs));
  const auto added = keyspace_->AddMembers(Key("s"), {"y"}, kNowMs + 100);
  ASSERT_OK(added);
  EXPECT_TRUE(added->created);
  EXPECT_EQ(Value("s", kNowMs + 100), "set of 1");
  EXPECT_TRUE(Exists("s", kNowMs + kHourMs));
}

TEST_F(KeyspaceTest, WithoutMemoryNothingChanges) {
  New(false, 3000);
  Put("a", "odd", kNowMs + kHourMs);
  Add("s", {"x"});
  Put("hot", "1", kNowMs + kHourMs);
  const std::string large(3000, 'v');
  for (const char* name : {"a", "s", "hot", "new"}) {
    const std::string before = Value(name);
    EXPECT_CODE(keyspace_->Put(Key(name), large, kNoExpiry, kNowMs), kResourceExhausted);
    EXPECT_EQ(Value(name), before) << name;
  }
  EXPECT_CODE(keyspace_->AddMembers(Key("s"), {large}, kNowMs), kResourceExhausted);
  EXPECT_CODE(keyspace_->AddMembers(Key("t"), {large}, kNowMs), kResourceExhausted);
  EXPECT_EQ(Value("s"), "set of 1");
  EXPECT_FALSE(Exists("t"));
  Put("b", "1", kNoExpiry);  // takes none of it
}

// The index may be full when the side table is not: then the key is in neither.
TEST_F(KeyspaceTest, WithoutASlotForItsMarkerAKeyIsNowhere) {
  New(false, 64 * limits::kMiB, size_t{4} * limits::kMiB);
  absl::Status status;
  int keys = 0;
  for (; status.ok() && keys < 1'000'000; ++keys) {
    status = keyspace_->Put(Key(absl::StrCat(keys)), "1", kNoExpiry, kNowMs).status();
  }
  ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = absl::StrCat("odd", i);
    if (keyspace_->Put(Key(name), "odd", kNoExpiry, kNowMs).ok()) {
      EXPECT_TRUE(Exists(name));
      continue;
    }
    ++refused;
    EXPECT_FALSE(Exists(name));
    EXPECT_FALSE(Scanned().contains(name));
  }
  EXPECT_GT(refused, 0);
}

TEST_F(KeyspaceTest, SweepingFreesTheSideKeysThatHaveEnded) {
  for (int i = 0; i < 100; ++i) Put(absl::StrCat(i), "odd", kNowMs + 1000 + i);
  Put("stays", "odd", kNoExpiry);
  Put("99", "1", kNowMs + kHourMs);  // moved
  EXPECT_EQ(keyspace_->SweepSide(kNowMs + 1050, 10), 10U);
  EXPECT_EQ(keyspace_->SweepSide(kNowMs + 1050, 1000), 41U);
  EXPECT_EQ(keyspace_->SweepSide(kNowMs + 2000, 1000), 48U);
  EXPECT_EQ(SideKeys(), 1U);
  EXPECT_TRUE(Exists("stays"));
  EXPECT_TRUE(Exists("99", kNowMs + kHourMs - 1));
  EXPECT_EQ(keyspace_->stats().keys, 2U);  // no marker stays behind
}

// What has ended by name and is put again without is not swept away by the first end.
TEST_F(KeyspaceTest, SweepingAnEndedNameLeavesTheKeyThatWasPutSince) {
  Put("k", "odd", kNowMs + 1000);
  Put("k", "1", kNowMs + kHourMs, kNowMs + 1000);
  keyspace_->SweepSide(kNowMs + 2000, 100);
  EXPECT_TRUE(Exists("k", kNowMs + 2000));
  Put("k", "odd", kNoExpiry, kNowMs + 2000);
  keyspace_->SweepSide(kNowMs + 3000, 100);
  EXPECT_TRUE(Exists("k", kNowMs + 3000));
}

TEST_F(KeyspaceTest, UndoingGoesToTheSafeSide) {
  const auto put_back = [this](absl::string_view value, int64_t end) {
    auto former = NewSideKey("k", Key("k").print, KeyType::kString, end);
    former->value = std::string(value);
    keyspace_->Restore(std::move(former), kNowMs);
  };
  put_back("1", kNowMs + kHourMs);  // it was erased
  EXPECT_EQ(Value("k"), "1");
  Put("k", "odd", kNoExpiry);
  put_back("1", kNowMs + kHourMs);  // what was put ends later
  EXPECT_EQ(Value("k"), "odd");
  Put("k", "odd", kNowMs + 50);
  put_back("1", kNowMs + kHourMs);  // what was put ends earlier
  EXPECT_EQ(Value("k"), "1");
  EXPECT_EQ(SideKeys(), 0U);
  put_back("odd", kNowMs);  // has ended by now
  EXPECT_EQ(Value("k"), "1");
  keyspace_->Erase(Key("k"), kNowMs);
  Add("k", {"x"});
  put_back("1", kNowMs + kHourMs);  // another type
  EXPECT_EQ(Value("k"), "1");
}

TEST_F(KeyspaceTest, UndoingKeepsAllMembersThatWereThere) {
  Add("s", {"x", "y"});
  ASSERT_OK(keyspace_->RetimeSet(Key("s"), kNowMs + kHourMs, kNowMs));
  std::vector<Keyspace::Former> undo;
  undo.push_back(keyspace_->RemoveMembers(Key("s"), {"x"}, kNowMs));
  Add("s", {"z"});
  undo.push_back(*keyspace_->RetimeSet(Key("s"), kNowMs + 10, kNowMs));
  keyspace_->Undo(std::move(undo), kNowMs);
  EXPECT_EQ(Value("s"), "set of 3");
  EXPECT_EQ(End("s"), kNowMs + kHourMs);
  EXPECT_TRUE(Exists("s", kNowMs + kHourMs - 1));
  undo.clear();
  undo.push_back(keyspace_->RemoveMembers(Key("s"), {"x", "y", "z"}, kNowMs));
  EXPECT_FALSE(Exists("s"));
  keyspace_->Undo(std::move(undo), kNowMs);
  EXPECT_EQ(Value("s"), "set of 3");
}

TEST_F(KeyspaceTest, ClearingCanBeUndoneUntilItIsForgotten) {
  Put("hot", "1", kNoExpiry);
  Put("side", "odd", kNowMs + kHourMs);
  Put("both", "odd", kNoExpiry);
  EXPECT_FALSE(keyspace_->keeps_cleared());
  EXPECT_EQ(keyspace_->Clear(), 3U);
  EXPECT_TRUE(keyspace_->keeps_cleared());
  for (const char* name : {"hot", "side", "both"}) EXPECT_FALSE(Exists(name)) << name;
  EXPECT_TRUE(Scanned().empty());
  EXPECT_EQ(keyspace_->stats().keys, 0U);
  Put("new", "1", kNoExpiry);
  Put("both", "1", kNowMs + kHourMs);
  keyspace_->UndoClear();
  for (const char* name : {"hot", "side", "both", "new"}) EXPECT_TRUE(Exists(name)) << name;
  EXPECT_EQ(Value("side"), "odd");
  EXPECT_TRUE(Scanned().contains("side"));

  keyspace_->ForgetAll();
  for (const char* name : {"hot", "side", "both", "new"}) EXPECT_FALSE(Exists(name)) << name;
  EXPECT_FALSE(keyspace_->keeps_cleared());
}

TEST_F(KeyspaceTest, ForgettingWhatWasClearedLeavesTheRest) {
  for (int round = 0; round < 4; ++round) {  // each index in its turn
    Put("old", "1", kNoExpiry);
    Put("old side", "odd", kNoExpiry);
    keyspace_->Clear();
    Put("new", "1", kNoExpiry);
    Put("new side", "odd", kNoExpiry);
    keyspace_->ForgetCleared();
    EXPECT_FALSE(keyspace_->keeps_cleared());
    keyspace_->UndoClear();  // of nothing
    EXPECT_FALSE(Exists("old") || Exists("old side"));
    EXPECT_TRUE(Exists("new") && Exists("new side"));
    EXPECT_EQ(keyspace_->stats().keys, 2U);
    EXPECT_EQ(keyspace_->Clear(), 2U);
    EXPECT_EQ(keyspace_->Clear(), 0U);
    keyspace_->ForgetCleared();
  }
}

// Changes of a set that has ended by the time they are read again: a later one puts the end off.
TEST_F(KeyspaceTest, ApplyingChangesDoesNotDependOnWhatHasEnded) {
  const Fingerprint print = Key("s").print;
  const auto apply = [&](const ListChange& change) {
    ASSERT_OK(keyspace_->Apply(change, print, kNowMs));
  };
  apply({.kind = ChangeKind::kAdd, .key = "s", .members = {"x"}, .creates = true});
  apply({.kind = ChangeKind::kRetime, .key = "s", .expires_ms = kNowMs - 100 * kHourMs});
  apply({.kind = ChangeKind::kAdd,
         .key = "s",
         .expires_ms = kNowMs - 100 * kHourMs,
         .members = {"y"}});
  apply({.kind = ChangeKind::kRetime, .key = "s", .expires_ms = kNowMs + kHourMs});
  EXPECT_EQ(Value("s"), "set of 2");
  EXPECT_EQ(End("s"), kNowMs + kHourMs);
  apply({.kind = ChangeKind::kAdd, .key = "s", .members = {"z"}, .creates = true});
  EXPECT_EQ(Value("s"), "set of 1");
  EXPECT_EQ(End("s"), kNoExpiry);
  apply({.kind = ChangeKind::kRemove, .key = "s", .members = {"z"}});
  EXPECT_FALSE(Exists("s"));
  apply({.kind = ChangeKind::kRemove, .key = "s", .members = {"z"}});
  apply({.kind = ChangeKind::kRetime, .key = "s", .expires_ms = kNoExpiry});
  EXPECT_FALSE(Exists("s"));

  // A put that has ended replaces all the same.
  apply({.kind = ChangeKind::kAdd, .key = "s", .members = {"x"}, .creates = true});
  apply({.kind = ChangeKind::kPut, .key = "s", .value = "1", .expires_ms = kNowMs});
  EXPECT_FALSE(Exists("s"));
  EXPECT_EQ(SideKeys(), 0U);
  EXPECT_CODE(keyspace_->Apply({.kind = static_cast<ChangeKind>(9), .key = "s"}, print, kNowMs),
              kDataLoss);
}

// Two years and more behind, a second of the index's circle is taken for one ahead.
TEST_F(KeyspaceTest, ASetThatEndedLongAgoIsSweptAfterItWasApplied) {
  const Fingerprint print = Key("s").print;
  ASSERT_OK(keyspace_->Apply(
      {.kind = ChangeKind::kAdd, .key = "s", .members = {"x"}, .creates = true}, print, kNowMs));
  ASSERT_OK(keyspace_->Apply({.kind = ChangeKind::kRetime,
                              .key = "s",
                              .expires_ms = kNowMs - int64_t{3} * 365 * 24 * kHourMs},
                             print, kNowMs));
  EXPECT_FALSE(Exists("s"));
  EXPECT_EQ(keyspace_->SweepSide(kNowMs, 10), 1U);
  EXPECT_EQ(keyspace_->stats().keys, 0U);
}

// What is revoked all the while is found each time, though it changes places, values, types and
// ends, in either table and beside keys that come and go.
TEST_F(KeyspaceTest, ReadersBesideAWriterWhoMovesKeysMissNothing) {
  const uint64_t seed = TestSeed();
  constexpr int kKeys = 8;
  std::vector<std::string> names;
  for (int i = 0; i < kKeys; ++i) names.push_back(absl::StrCat("revoked", i));
  for (const std::string& name : names) Put(name, "1", kNoExpiry);
  std::atomic<bool> over = false;
  std::atomic<uint64_t> missed = 0;
  std::atomic<uint64_t> questions = 0;
  const auto read = [&] {
    std::vector<absl::string_view> views(names.begin(), names.end());
    std::vector<Fingerprint> prints;
    for (const absl::string_view name : views) prints.push_back(Key(name).print);
    do {
      for (int i = 0; i < kKeys; ++i) {
        const ListKey key = {.name = views[i], .print = prints[i]};
        if (!keyspace_->Exists(key, kNowMs)) ++missed;
        if (!keyspace_->Find(key, kNowMs)) ++missed;
      }
      bool results[kKeys] = {};
      keyspace_->ExistsMany(views, prints, kNowMs, absl::MakeSpan(results));
      for (const bool result : results) missed += result ? 0 : 1;
      questions += 3 * kKeys;
    } while (!over);
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  std::mt19937_64 random(seed);
  for (int round = 0; round < (kSanitized ? 20'000 : 200'000); ++round) {
    const std::string& name = names[random() % kKeys];
    switch (random() % 5) {
      case 0:
        Put(name, "1", kNowMs + kHourMs);
        break;
      case 1:
        Put(name, absl::StrCat("odd", round), kNowMs + 5000 + static_cast<int64_t>(random() % 100));
        break;
      case 2:
        Put(name, "true", kNowMs + 5000);  // short: by its name
        break;
      case 3:
        Put("passing", "odd", kNoExpiry);
        break;
      default:
        keyspace_->Erase(Key("passing"), kNowMs);
    }
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(missed, 0U) << "seed " << seed << ", of " << questions;
}

// Clearing and forgetting beside readers: what is put after it is found.
TEST_F(KeyspaceTest, ReadersBesideClearsFindWhatWasPutSince) {
  std::atomic<int> round_put = -1;
  std::atomic<bool> over = false;
  std::atomic<uint64_t> wrong = 0;
  std::thread reader([&] {
    do {
      const int round = round_put;
      // It is there from before this was read until after the next is cleared.
      if (round < 0) continue;
      const bool found = keyspace_->Exists(Key(absl::StrCat("k", round)), kNowMs);
      if (!found && round_put == round) ++wrong;
    } while (!over);
  });
  for (int round = 0; round < (kSanitized ? 50 : 500); ++round) {
    Put(absl::StrCat("k", round), round % 2 == 0 ? "1" : "odd", kNoExpiry);
    round_put = round;
    for (int i = 0; i < 20; ++i) Put(absl::StrCat("other", i), i % 2 == 0 ? "1" : "odd", kNoExpiry);
    round_put = -1;
    keyspace_->Clear();
    keyspace_->ForgetCleared();
  }
  over = true;
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace keyturn
