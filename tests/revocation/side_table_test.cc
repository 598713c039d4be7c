#include "revocation/side_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr size_t kTableBytes = 64 * limits::kMiB;

std::unique_ptr<SideKey> Text(absl::string_view name, absl::string_view value,
                              int64_t expires_ms = kNoExpiry) {
  auto key = NewSideKey(name, {}, KeyType::kString, expires_ms);
  key->value = std::string(value);
  return key;
}

std::string ValueIn(const SideTable& table, absl::string_view name) {
  std::string value = "(none)";
  table.See(name, [&value](const SideKey& key) { value = key.value; });
  return value;
}

// All names, by pages; fails if a page is much larger than asked for.
std::multiset<std::string> Names(const SideTable& table, size_t count, int64_t now_ms = 0) {
  std::multiset<std::string> names;
  uint64_t cursor = 0;
  do {
    size_t page = 0;
    cursor = table.Scan(cursor, count, now_ms, [&](absl::string_view name, KeyType) {
      names.emplace(name);
      ++page;
    });
    EXPECT_LE(page, count);
    EXPECT_LT(cursor, uint64_t{1} << 63);
  } while (cursor != 0);
  return names;
}

std::unique_ptr<SideKey> Set(absl::string_view name, int members, size_t bytes) {
  auto key = NewSideKey(name, {}, KeyType::kSet, 5000);
  for (int i = 0; i < members; ++i) {
    key->members.insert(absl::StrCat(i, std::string(bytes, 'm')));
  }
  return key;
}

// What a copy gives, in so many changes at a time, put together again.
std::map<std::string, std::multiset<std::string>> Copied(const SideTable& table, size_t changes,
                                                         int64_t now_ms = 0) {
  std::map<std::string, std::multiset<std::string>> copied;
  SideCursor cursor;
  while (!cursor.ended) {
    size_t left = changes;
    const auto alive = [now_ms](const SideKey& key) { return key.alive(now_ms); };
    cursor = table.Copy(cursor, alive, [&](const ListChange& change) {
      if (left == 0) return false;
      --left;
      auto& values = copied[std::string(change.key)];
      if (change.kind == ChangeKind::kPut) values.emplace(change.value);
      for (const absl::string_view member : change.members) values.emplace(member);
      EXPECT_TRUE(change.kind == ChangeKind::kPut || change.expires_ms == 5000);
      EXPECT_FALSE(change.creates);
      size_t bytes = 0;
      for (const absl::string_view member : change.members) bytes += member.size();
      EXPECT_TRUE(bytes <= limits::kRevocationSetPartBytes || change.members.size() == 1);
      return true;
    });
  }
  return copied;
}

TEST(SideTable, ACopyGivesEachKeyOnceHoweverItIsCut) {
  SideTable table(kTableBytes);
  for (int i = 0; i < 100; ++i) ASSERT_OK(table.Put(Text(absl::StrCat("key", i), "v"), true));
  ASSERT_OK(table.Put(Text("ended", "v", 1000), true));
  ASSERT_OK(table.Put(Set("small", 3, 1), true));
  ASSERT_OK(table.Put(Set("large", 300, 1000), true));
  ASSERT_OK(table.Put(Set("wide", 3, limits::kRevocationSetPartBytes), true));
  const auto whole = Copied(table, SIZE_MAX, 1000);
  EXPECT_EQ(whole.size(), 103U);
  EXPECT_FALSE(whole.contains("ended"));
  EXPECT_EQ(whole.at("large").size(), 300U);
  EXPECT_EQ(whole.at("wide").size(), 3U);
  EXPECT_EQ(whole.at("key7"), std::multiset<std::string>{"v"});
  for (const size_t changes : {1, 2, 7}) EXPECT_EQ(Copied(table, changes, 1000), whole);
  EXPECT_TRUE(Copied(SideTable(kTableBytes), 1).empty());
}

// However few of them are wanted, nobody waits for all.
TEST(SideTable, ACopyLooksAtSomeKeysAtATime) {
  SideTable table(kTableBytes);
  const size_t keys = limits::kRevocationCopyKeys * 2 + 5;
  for (size_t i = 0; i < keys; ++i) ASSERT_OK(table.Put(Text(absl::StrCat("key", i), "v"), true));
  size_t looked = 0, rounds = 0;
  SideCursor cursor;
  for (; !cursor.ended; ++rounds) {
    const size_t before = looked;
    const auto none = [&looked](const SideKey&) {
      ++looked;
      return false;
    };
    cursor = table.Copy(cursor, none, [](const ListChange&) { return true; });
    EXPECT_LE(looked - before, limits::kRevocationCopyKeys);
  }
  EXPECT_EQ(looked, keys);
  EXPECT_EQ(rounds, 3U);
}

// What does not change is given, whatever else does while it is copied.
TEST(SideTable, ACopyBesideChangesGivesWhatStays) {
  std::mt19937_64 random(TestSeed());
  SideTable table(kTableBytes);
  for (int i = 0; i < 50; ++i) ASSERT_OK(table.Put(Text(absl::StrCat("stays", i), "v"), true));
  ASSERT_OK(table.Put(Set("set", 200, 1000), true));
  std::set<std::string> given;
  std::set<std::string> members;
  SideCursor cursor;
  while (!cursor.ended) {
    bool first = true;
    const auto all = [](const SideKey&) { return true; };
    cursor = table.Copy(cursor, all, [&](const ListChange& change) {
      if (!std::exchange(first, false)) return false;
      given.emplace(change.key);
      members.insert(change.members.begin(), change.members.end());
      return true;
    });
    const std::string other = absl::StrCat("other", random() % 50);
    if (random() % 2 == 0) table.Take(other);
    if (random() % 2 == 0) ASSERT_OK(table.Put(Text(other, "w"), true));
    // Also that at which it goes on.
    if (cursor.name.starts_with("other") && random() % 2 == 0) table.Take(cursor.name);
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(given.contains(absl::StrCat("stays", i)));
  EXPECT_EQ(members.size(), 200U);
}

TEST(SideTable, KeepsFindsReplacesAndTakes) {
  SideTable table(kTableBytes);
  ASSERT_OK_AND_ASSIGN(auto former, table.Put(Text("a", "1"), true));
  EXPECT_EQ(former, nullptr);
  ASSERT_OK_AND_ASSIGN(former, table.Put(Text("a", "2"), true));
  EXPECT_EQ(former->value, "1");
  EXPECT_EQ(ValueIn(table, "a"), "2");
  EXPECT_EQ(ValueIn(table, "b"), "(none)");
  EXPECT_EQ(table.Find("b"), nullptr);
  EXPECT_EQ(table.taken(), 0U);
  EXPECT_EQ(table.Take("a")->value, "2");
  EXPECT_EQ(table.taken(), 1U);
  EXPECT_EQ(table.Take("a"), nullptr);
  EXPECT_EQ(table.taken(), 1U);
  EXPECT_EQ(table.stats().keys, 0U);
  EXPECT_EQ(table.stats().bytes, 0U);
}

TEST(SideTable, SetsHaveTheirMembersOnce) {
  SideTable table(kTableBytes);
  ASSERT_OK(table.Put(NewSideKey("s", {}, KeyType::kSet, kNoExpiry), true));
  const size_t empty = table.stats().bytes;
  ASSERT_OK_AND_ASSIGN(auto added, table.AddMembers("s", {"x", "y", "x"}, true));
  EXPECT_EQ(added.size(), 2U);
  ASSERT_OK_AND_ASSIGN(added, table.AddMembers("s", {"y", std::string(100, 'z')}, true));
  EXPECT_EQ(added, std::vector<std::string>{std::string(100, 'z')});
  EXPECT_EQ(table.Find("s")->members.size(), 3U);
  EXPECT_EQ(table.RemoveMembers("s", {"y", "nobody", "y"}), std::vector<std::string>{"y"});
  EXPECT_EQ(table.RemoveMembers("s", {"x", std::string(100, 'z')}).size(), 2U);
  EXPECT_EQ(table.stats().bytes, empty);
}

TEST(SideTable, WhatItMayNotTakeChangesNothing) {
  SideTable table(10'000);
  ASSERT_OK(table.Put(Text("a", std::string(5000, 'v')), true));
  const size_t bytes = table.stats().bytes;
  EXPECT_GT(bytes, 5000U);
  EXPECT_CODE(table.Put(Text("b", std::string(5000, 'v')), true), kResourceExhausted);
  EXPECT_CODE(table.Put(Text("a", std::string(10'000, 'w')), true), kResourceExhausted);
  EXPECT_EQ(ValueIn(table, "a"), std::string(5000, 'v'));
  EXPECT_EQ(table.stats().bytes, bytes);
  ASSERT_OK(table.Put(Text("a", std::string(9000, 'x')), true));  // in place of the other
  EXPECT_OK(table.Put(Text("b", std::string(5000, 'v')), false));
  EXPECT_OK(table.Put(Text("a", "less is always taken"), true));
  ASSERT_OK(table.Put(NewSideKey("s", {}, KeyType::kSet, kNoExpiry), true));
  EXPECT_CODE(table.AddMembers("s", {std::string(5000, 'm')}, true), kResourceExhausted);
  EXPECT_TRUE(table.Find("s")->members.empty());
}

TEST(SideTable, NamesWhatHasEndedFirst) {
  SideTable table(kTableBytes);
  ASSERT_OK(table.Put(Text("never", ""), true));
  for (int i = 9; i >= 0; --i) ASSERT_OK(table.Put(Text(absl::StrCat(i), "", 100 + i), true));
  table.Retime("3", 500);
  table.Retime("9", 50);
  EXPECT_EQ(table.Ended(49, 10).size(), 0U);
  ASSERT_EQ(table.Ended(102, 10).size(), 4U);  // 100, 101, 102 and 50
  EXPECT_EQ(table.Ended(102, 10)[0].first, "9");
  EXPECT_EQ(table.Ended(102, 2).size(), 2U);
  table.Retime("9", kNoExpiry);
  EXPECT_EQ(table.Ended(1000, 100).size(), 9U);
  for (const auto& [name, print] : table.Ended(1000, 100)) table.Take(name);
  EXPECT_EQ(Names(table, 10), (std::multiset<std::string>{"9", "never"}));
}

TEST(SideTable, AScanGivesEachKeyOnceAndNoneThatHasEnded) {
  SideTable table(kTableBytes);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(table.Put(Text(absl::StrCat(i), "", i % 2 == 0 ? kNoExpiry : 100), true));
  }
  for (const size_t count : {1, 7, 1000, 5000}) {
    const auto names = Names(table, count, 100);
    EXPECT_EQ(names.size(), 500U) << count;
    EXPECT_EQ(names.count("0"), 1U);
    EXPECT_EQ(names.count("998"), 1U);
    EXPECT_EQ(Names(table, count, 99).size(), 1000U);
  }
}

// Redis's promise: what is there from the first to the last page is given, whatever comes and goes.
TEST(SideTable, AScanGivesWhatStaysWhateverComesAndGoes) {
  SideTable table(kTableBytes);
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 500; ++i) ASSERT_OK(table.Put(Text(absl::StrCat("stays", i), ""), true));
  for (int round = 0; round < 20; ++round) {
    std::set<std::string> given;
    uint64_t cursor = 0;
    do {
      cursor = table.Scan(cursor, 5, 0,
                          [&given](absl::string_view name, KeyType) { given.emplace(name); });
      for (int i = 0; i < 30; ++i) {
        const std::string name = absl::StrCat("passes", random() % 500);
        if (random() % 2 == 0) {
          table.Take(name);
        } else {
          ASSERT_OK(table.Put(Text(name, ""), true));
        }
        // Put again in its place, it stays as well.
        ASSERT_OK(table.Put(Text(absl::StrCat("stays", random() % 500), "new"), true));
      }
    } while (cursor != 0);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(given.contains(absl::StrCat("stays", i))) << i;
  }
}

TEST(SideTable, AllCanBeTakenAndPutBack) {
  SideTable table(kTableBytes);
  ASSERT_OK(table.Put(Text("a", "old", 500), true));
  ASSERT_OK(table.Put(Text("b", "old", 600), true));
  const size_t bytes = table.stats().bytes;
  SideTable::Contents contents = table.TakeAll();
  EXPECT_EQ(table.taken(), 1U);
  EXPECT_EQ(table.stats().bytes, 0U);
  EXPECT_TRUE(table.Ended(1000, 10).empty());
  ASSERT_OK(table.Put(Text("b", "new", 700), true));
  table.PutMissing(std::move(contents));
  EXPECT_EQ(ValueIn(table, "a"), "old");
  EXPECT_EQ(ValueIn(table, "b"), "new");
  EXPECT_EQ(table.stats().bytes, bytes);
  EXPECT_EQ(table.Ended(650, 10).size(), 1U);
}

// The count is near what an allocator gives: bytes of a table of known contents.
TEST(SideTable, CountsNames) {
  SideTable table(kTableBytes);
  ASSERT_OK(table.Put(Text("a", ""), true));
  const size_t small = table.stats().bytes;
  EXPECT_GT(small, sizeof(SideKey));
  ASSERT_OK(table.Put(Text(std::string(1000, 'n'), ""), true));
  EXPECT_GE(table.stats().bytes, 2 * small + 1000);
}

}  // namespace
}  // namespace keyturn
