// Walks over trees of names alone: no secret is read, and a damaged tree is quickly made.
#include "vault/walker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/limits.h"
#include "crypto/random.h"
#include "keyring/envelope.h"
#include "storage/rocks_store.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"
#include "vault/tree.h"

namespace keyturn {
namespace {

class WalkerTest : public testing::Test {
 protected:
  using Names = std::vector<std::string>;

  WalkerTest() : store_(*OpenRocksStore({.directory = "/mem", .in_memory = true}, clock_)) {
    store_->SetRecordHasher(NewRecordHasher(*keys_));
  }

  // Paths as walks give them: "a/b" is a secret, "a/b/" a directory.
  void Add(const Names& paths) {
    for (const std::string& path : paths) {
      ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
        Names segments = absl::StrSplit(path, '/');
        const std::string name = segments.back();
        segments.pop_back();
        const absl::StatusOr<Uuid> parent = MakeDirectories(*keys_, view, segments, batch);
        if (!parent.ok() || name.empty()) return parent.status();
        return WriteEntry(*keys_, *parent, {name, false, RandomUuid()}, batch);
      }));
    }
  }
  // In one directory, as many as an update takes at once.
  void AddEntries(const Uuid& directory, const std::vector<Entry>& entries) {
    for (size_t first = 0; first < entries.size(); first += limits::kBatchKeysMax) {
      const size_t end = std::min(entries.size(), first + limits::kBatchKeysMax);
      ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
        absl::Status status;
        for (size_t i = first; i < end && status.ok(); ++i) {
          status = WriteEntry(*keys_, directory, entries[i], batch);
        }
        return status;
      }));
    }
  }
  static std::vector<Entry> Secrets(size_t count) {
    std::vector<Entry> entries;
    for (size_t i = 0; i < count; ++i) entries.push_back({absl::StrCat("n", i), false, Uuid()});
    return entries;
  }

  // The directory of a path's last name, and its key there.
  std::pair<Uuid, std::string> Place(absl::string_view path) {
    const bool directory = absl::ConsumeSuffix(&path, "/");
    Names segments = absl::StrSplit(path, '/');
    const std::string name = segments.back();
    segments.pop_back();
    const Uuid parent = **FindDirectory(*keys_, *store_->GetSnapshot(), segments);
    return {parent, EntryKey(*keys_, parent, name, directory)};
  }
  void Remove(const std::string& path) {
    const std::string key = Place(path).second;
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Delete(Family::kIndex, key);
      return absl::OkStatus();
    }));
  }
  void RenameDirectory(const std::string& path, const std::string& name) {
    const Uuid uuid = DirectoryAt(path);
    const Uuid parent = Place(path).first;
    Remove(path);
    AddEntries(parent, {{name, true, uuid}});
  }
  void Damage(const std::string& path) {
    const std::string key = Place(path).second;
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kIndex, key, "no record");
      return absl::OkStatus();
    }));
  }
  Uuid DirectoryAt(absl::string_view path) {
    absl::ConsumeSuffix(&path, "/");
    const Names segments = absl::StrSplit(path, '/', absl::SkipEmpty());
    return **FindDirectory(*keys_, *store_->GetSnapshot(), segments);
  }

  absl::StatusOr<bool> WalkFrom(WalkPosition* position, WalkFn fn, const Uuid& top = Uuid()) {
    return Walk(*keys_, *store_->GetSnapshot(), top, position, fn);
  }
  // All names after the position, or only `count` of them: "a b/ b/c", with " ..." if it stopped.
  std::string Next(WalkPosition* position, size_t count = SIZE_MAX, const Uuid& top = Uuid()) {
    Names seen;
    const auto ended = WalkFrom(
        position,
        [&](const Entry&, const std::string& relative) -> absl::StatusOr<WalkStep> {
          if (seen.size() == count) return WalkStep::kStop;
          seen.push_back(relative);
          return WalkStep::kInto;
        },
        top);
    if (!ended.ok()) return ended.status().ToString();
    return absl::StrJoin(seen, " ") + (*ended ? "" : " ...");
  }
  std::string All() {
    WalkPosition start;
    return Next(&start);
  }
  // "b/,c/:key,", each level's name and whether it was walked in key order.
  static std::string Show(const WalkPosition& position) {
    std::string out;
    for (const WalkPosition::Level& level : position.levels) {
      absl::StrAppend(&out, level.name, level.by_key ? ":key," : ",");
    }
    return out;
  }

  void SortByKey(Names* names) {
    std::map<std::string, std::string> by_key;
    for (const std::string& name : *names) by_key[Place(name).second] = name;
    names->clear();
    for (const auto& [key, name] : by_key) names->push_back(name);
  }

  std::string Has(const std::string& path, size_t budget) {
    const size_t before = budget;
    const auto has = HasSecrets(*keys_, *store_->GetSnapshot(), DirectoryAt(path), &budget);
    if (!has.ok()) return has.status().ToString();
    return absl::StrCat(*has ? "yes" : "no", ", looked at ", before - budget);
  }
  std::string Size(const std::string& path, size_t limit = SIZE_MAX) {
    const auto size = Measure(*keys_, *store_->GetSnapshot(), DirectoryAt(path), limit);
    if (!size.ok()) return size.status().ToString();
    return absl::StrCat(size->entries, " entries, ", size->segments, " segments, ", size->bytes,
                        " bytes");
  }

  SimulatedClock clock_;
  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  const std::unique_ptr<Store> store_;
};

TEST_F(WalkerTest, NamesAreInTheOrderOfWhatIsShown) {
  EXPECT_EQ(All(), "");
  Add({"b", "a0", "a/", "a", "a-b", "ä", "Z"});
  EXPECT_EQ(All(), "Z a a-b a/ a0 b ä");
}

TEST_F(WalkerTest, ADirectoryComesBeforeWhatIsInItAndThatBeforeItsNeighbours) {
  Add({"a/b/c", "a/b/a/", "a/d", "e", "a/b0", "0"});
  EXPECT_EQ(All(), "0 a/ a/b/ a/b/a/ a/b/c a/b0 a/d e");
  WalkPosition start;
  EXPECT_EQ(Next(&start, SIZE_MAX, DirectoryAt("a")), "b/ b/a/ b/c b0 d");
}

TEST_F(WalkerTest, EntriesAreGivenWithTheirPaths) {
  Add({"a/b"});
  std::string given;
  WalkPosition start;
  ASSERT_OK(WalkFrom(&start, [&](const Entry& entry, const std::string& relative) {
    absl::StrAppend(&given, entry.name, entry.directory ? " (directory) " : " (secret) ", relative,
                    ", ");
    return absl::StatusOr<WalkStep>(WalkStep::kInto);
  }));
  EXPECT_EQ(given, "a (directory) a/, b (secret) a/b, ");
}

TEST_F(WalkerTest, GoesOnlyIntoTheDirectoriesItIsTold) {
  Add({"a/x", "b/c/x", "b/d/x", "e"});
  std::string seen;
  WalkPosition start;
  const auto ended = WalkFrom(&start, [&](const Entry&, const std::string& relative) {
    absl::StrAppend(&seen, relative, " ");
    const bool into = relative == "b/" || relative == "b/d/";
    return absl::StatusOr<WalkStep>(into ? WalkStep::kInto : WalkStep::kOver);
  });
  ASSERT_OK(ended);
  EXPECT_TRUE(*ended);
  EXPECT_EQ(seen, "a/ b/ b/c/ b/d/ b/d/x e ");
}

TEST_F(WalkerTest, ThePositionIsTheLastEntryThatWasNotStoppedAt) {
  Add({"a", "b/c/x", "d"});
  WalkPosition position;
  EXPECT_EQ(Next(&position, 0), " ...");
  EXPECT_EQ(Show(position), "");
  EXPECT_EQ(Next(&position, 1), "a ...");
  EXPECT_EQ(Show(position), "a,");
  // Inside, before the first entry.
  EXPECT_EQ(Next(&position, 1), "b/ ...");
  EXPECT_EQ(Show(position), "b/,,");
  EXPECT_EQ(Next(&position, 2), "b/c/ b/c/x ...");
  EXPECT_EQ(Show(position), "b/,c/,x,");
  EXPECT_EQ(Next(&position, 0), " ...");
  EXPECT_EQ(Show(position), "b/,c/,x,");
  EXPECT_EQ(Next(&position), "d");
  EXPECT_EQ(Show(position), "d,");
  EXPECT_EQ(Next(&position), "");
}

TEST_F(WalkerTest, ADirectoryThatWasPassedOverIsNotEnteredLater) {
  Add({"a/x", "b"});
  WalkPosition position;
  const auto ended = WalkFrom(&position, [](const Entry& entry, const std::string&) {
    return absl::StatusOr<WalkStep>(entry.directory ? WalkStep::kOver : WalkStep::kStop);
  });
  ASSERT_OK(ended);
  EXPECT_FALSE(*ended);
  EXPECT_EQ(Show(position), "a/,");
  EXPECT_EQ(Next(&position), "b");
}

TEST_F(WalkerTest, AnErrorEndsTheWalkAndThePositionStays) {
  Add({"a", "b", "c"});
  WalkPosition position;
  const auto failed =
      WalkFrom(&position, [](const Entry& entry, const std::string&) -> absl::StatusOr<WalkStep> {
        if (entry.name == "b") return absl::AbortedError("enough");
        return WalkStep::kOver;
      });
  EXPECT_EQ(failed.status().ToString(), "ABORTED: enough");
  EXPECT_EQ(Next(&position), "b c");
}

TEST_F(WalkerTest, TakenUpAgainAnywhereNothingIsLostOrComesTwice) {
  Add({"a", "a/", "b/c/d/e", "b/c/d/f", "b/c/g", "b/h/", "b/i", "j/k/", "l"});
  const std::string whole = All();
  const Names names = absl::StrSplit(whole, ' ');
  for (size_t page = 1; page <= names.size(); ++page) {
    WalkPosition position;
    Names seen;
    for (size_t pages = 0; pages <= names.size(); ++pages) {
      const std::string next = Next(&position, page);
      seen.emplace_back(absl::StripSuffix(next, " ..."));
      if (seen.back() == next) break;
    }
    EXPECT_EQ(absl::StrJoin(seen, " "), whole) << page;
  }
}

// Wherever it stopped, and whichever of the names on the way there is gone since.
TEST_F(WalkerTest, GoesOnBehindNamesThatWereRemoved) {
  Add({"a", "b/c/x", "b/c/y", "b/d", "e"});
  WalkPosition position;
  EXPECT_EQ(Next(&position, 4), "a b/ b/c/ b/c/x ...");
  const auto rest = [this, position] {
    WalkPosition again = position;
    return Next(&again);
  };
  EXPECT_EQ(rest(), "b/c/y b/d e");
  Remove("b/c/x");
  EXPECT_EQ(rest(), "b/c/y b/d e");
  Remove("b/c/");
  EXPECT_EQ(rest(), "b/d e");
  Remove("b/");
  EXPECT_EQ(rest(), "e");
  Remove("e");
  EXPECT_EQ(rest(), "");
  Add({"d", "0", "b"});
  EXPECT_EQ(rest(), "d") << "and not what came before the position";
}

TEST_F(WalkerTest, GoesOnWhereDirectoriesWereRenamed) {
  Add({"b/c/x", "b/c/y", "b/d", "e"});
  WalkPosition position;
  EXPECT_EQ(Next(&position, 3), "b/ b/c/ b/c/x ...");
  RenameDirectory("b/c/", "a");
  WalkPosition before = position;
  EXPECT_EQ(Next(&before), "b/d e");
  RenameDirectory("b/a/", "z");
  WalkPosition behind = position;
  EXPECT_EQ(Next(&behind), "b/d b/z/ b/z/x b/z/y e");
  // Another directory of the same name is gone into, behind the same names.
  Add({"b/c/new", "b/c/z"});
  EXPECT_EQ(Next(&position), "b/c/z b/d b/z/ b/z/x b/z/y e");
}

TEST_F(WalkerTest, ASecretIsNotTakenForTheDirectoryItStandsFor) {
  Add({"b/x", "b/y", "c"});
  WalkPosition position;
  EXPECT_EQ(Next(&position, 2), "b/ b/x ...");
  Remove("b/");
  Add({"b"});
  EXPECT_EQ(Next(&position), "c");
}

TEST_F(WalkerTest, WhatDoesNotOpenEndsTheWalk) {
  Add({"a", "b/x"});
  Damage("b/x");
  WalkPosition position;
  EXPECT_EQ(Next(&position), "DATA_LOSS: a sealed record of purpose 2 is malformed");
  EXPECT_EQ(Show(position), "b/,,");
  EXPECT_EQ(Size("b"), "DATA_LOSS: a sealed record of purpose 2 is malformed");
  EXPECT_EQ(Has("b", 10), "DATA_LOSS: a sealed record of purpose 2 is malformed");
}

TEST_F(WalkerTest, ATreeThatIsACircleHasAnEnd) {
  Add({"a/"});
  AddEntries(DirectoryAt("a"), {{"a", true, DirectoryAt("a")}});
  WalkPosition position;
  size_t entries = 0;
  const auto ended = WalkFrom(&position, [&](const Entry&, const std::string&) {
    ++entries;
    return absl::StatusOr<WalkStep>(WalkStep::kInto);
  });
  ASSERT_OK(ended);
  EXPECT_TRUE(*ended);
  EXPECT_EQ(entries, limits::kPathSegmentsMax);
  // Deeper than a path can be, so that nothing moves below such a tree.
  EXPECT_EQ(Size("a"), "33 entries, 33 segments, 66 bytes");
  EXPECT_EQ(Has("a", 100), "yes, looked at 100");
}

// Many names for one directory make a large tree of few records.
TEST_F(WalkerTest, StopsByItselfAndGoesOnFromThere) {
  constexpr size_t kInside = 1000;
  const size_t directories = limits::kListScanMax / (kInside + 1) + 1;
  const Uuid shared = RandomUuid();
  AddEntries(shared, Secrets(kInside));
  std::vector<Entry> entries;
  for (size_t i = 0; i < directories; ++i) entries.push_back({absl::StrCat("d", i), true, shared});
  AddEntries(Uuid(), entries);
  WalkPosition position;
  std::string last;
  size_t seen = 0;
  const auto count = [&](const Entry&, const std::string& relative) {
    EXPECT_NE(relative, last);
    last = relative;
    ++seen;
    return absl::StatusOr<WalkStep>(WalkStep::kInto);
  };
  const auto first = WalkFrom(&position, count);
  ASSERT_OK(first);
  EXPECT_FALSE(*first);
  EXPECT_EQ(seen, limits::kListScanMax);
  const auto rest = WalkFrom(&position, count);
  ASSERT_OK(rest);
  EXPECT_TRUE(*rest);
  EXPECT_EQ(seen, directories * (kInside + 1));
}

// A position says how its directory was walked, however few names there are in it now.
TEST_F(WalkerTest, AWalkInKeyOrderGoesOnInKeyOrder) {
  Names names = {"a", "a/", "b", "c", "d", "e/", "f"};
  Add({"a", "a/x", "b", "c", "d", "e/x", "f"});
  SortByKey(&names);
  const auto behind = [&](size_t index) {
    Names expected;
    for (size_t i = index + 1; i < names.size(); ++i) {
      expected.push_back(names[i]);
      if (absl::EndsWith(names[i], "/")) expected.push_back(names[i] + "x");
    }
    return absl::StrJoin(expected, " ");
  };
  for (size_t i = 0; i < names.size(); ++i) {
    WalkPosition position = {{{names[i], true}}};
    EXPECT_EQ(Next(&position), behind(i)) << names[i];
    EXPECT_TRUE(position.levels[0].by_key);
  }
  WalkPosition position = {{{names[0], true}}};
  Names seen;
  for (std::string next = " ..."; absl::EndsWith(next, " ...") && seen.size() < 10;) {
    next = Next(&position, 1);
    seen.emplace_back(absl::StripSuffix(next, " ..."));
    EXPECT_TRUE(position.levels[0].by_key);
  }
  EXPECT_EQ(absl::StrJoin(seen, " "), behind(0));
  Remove(names[3]);
  position = {{{names[3], true}}};
  EXPECT_EQ(Next(&position), behind(3)) << "a name that is gone has a place in the order still";
}

TEST_F(WalkerTest, InKeyOrderManyNamesAreReadAFewAtATime) {
  Names names;
  for (const Entry& entry : Secrets(2100)) names.push_back(entry.name);
  AddEntries(Uuid(), Secrets(names.size()));
  SortByKey(&names);
  WalkPosition position = {{{names[0], true}}};
  names.erase(names.begin());
  EXPECT_TRUE(Next(&position) == absl::StrJoin(names, " "));
}

TEST_F(WalkerTest, ADirectoryTooLargeToSortIsWalkedInKeyOrder) {
  std::vector<Entry> entries = Secrets(limits::kListSortedMax);
  Add({"top/sub/a", "top/sub/b", "u"});
  AddEntries(DirectoryAt("top"), entries);
  std::set<std::string> seen;
  const auto count = [&](const Entry&, const std::string& relative) {
    if (relative == "top/sub/b" && seen.count("top/sub/a/stopped") == 0) {
      seen.insert("top/sub/a/stopped");
      return absl::StatusOr<WalkStep>(WalkStep::kStop);
    }
    EXPECT_TRUE(seen.insert(relative).second) << relative;
    return absl::StatusOr<WalkStep>(WalkStep::kInto);
  };
  WalkPosition position;
  EXPECT_EQ(*WalkFrom(&position, count), false);
  // What is below it is in the order of names.
  EXPECT_EQ(Show(position), "top/,sub/:key,a,");
  EXPECT_EQ(*WalkFrom(&position, count), true);
  EXPECT_EQ(Show(position), "u,");
  EXPECT_EQ(seen.size(), entries.size() + 6);
}

TEST_F(WalkerTest, ADirectoryThatGrewTooLargeStartsAnewAndLosesNothing) {
  AddEntries(Uuid(), Secrets(limits::kListSortedMax + 1));
  WalkPosition position = {{{"n5", false}}};
  size_t seen = 0;
  EXPECT_EQ(*WalkFrom(&position,
                      [&](const Entry&, const std::string&) {
                        ++seen;
                        return absl::StatusOr<WalkStep>(WalkStep::kOver);
                      }),
            true);
  EXPECT_EQ(seen, limits::kListSortedMax + 1);
  EXPECT_TRUE(position.levels[0].by_key);
}

TEST_F(WalkerTest, DirectoriesWithoutSecretsHaveNone) {
  Add({"a/", "b/c/d/", "e/f/g"});
  EXPECT_EQ(Has("a", 10), "no, looked at 1");
  EXPECT_EQ(Has("b", 10), "no, looked at 3");
  EXPECT_EQ(Has("e", 10), "yes, looked at 2");
  EXPECT_EQ(Has("e/f", 10), "yes, looked at 1");
}

TEST_F(WalkerTest, WhereTheBudgetDoesNotSufficeThereMayBeSecrets) {
  Add({"a/b/", "a/c/", "a/d/e/"});
  EXPECT_EQ(Has("a", 5), "no, looked at 5");
  for (size_t budget = 0; budget < 5; ++budget) {
    const std::string said = Has("a", budget);
    EXPECT_TRUE(absl::StartsWith(said, "yes, looked at ")) << budget << ": " << said;
  }
  EXPECT_EQ(Has("a", 0), "yes, looked at 0");
  EXPECT_EQ(Has("a", 1), "yes, looked at 1");
}

TEST_F(WalkerTest, MeasuresTheDeepestAndTheLongestPathBelow) {
  Add({"top/a/bb/ccc", "top/a/d", "top/e-longer-name", "top/f/", "beside/a/b/c/d/e"});
  EXPECT_EQ(Size("top"), "6 entries, 3 segments, 14 bytes");
  EXPECT_EQ(Size("top/a"), "3 entries, 2 segments, 7 bytes");
  EXPECT_EQ(Size("top/f"), "0 entries, 0 segments, 0 bytes");
}

TEST_F(WalkerTest, MeasuresNoFurtherThanToOneOverTheLimit) {
  Add({"a/1", "a/2", "a/3", "a/4", "a/5"});
  const auto entries = [this](size_t limit) {
    return Measure(*keys_, *store_->GetSnapshot(), DirectoryAt("a"), limit)->entries;
  };
  EXPECT_EQ(entries(6), 5u);
  EXPECT_EQ(entries(5), 5u);
  EXPECT_EQ(entries(4), 5u);
  EXPECT_EQ(entries(3), 4u);
  EXPECT_EQ(entries(0), 1u);
}

}  // namespace
}  // namespace keyturn
