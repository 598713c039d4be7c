#include "revocation/replay.h"

#include <gtest/gtest.h>

#include <random>

#include "base/coding.h"
#include "base/limits.h"
#include "tests/revocation/list_fixture.h"
#include "tests/revocation/map_snapshot.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

class ReplayTest : public ListFixture {
 protected:
  using Log = std::map<std::string, std::string>;

  void PutDurably(absl::string_view key, int64_t life_ms) {
    ASSERT_OK(list_->WaitFor(Put(key, "1", life_ms)));
  }
  // What Load says of such a log.
  absl::Status LoadOf(const Log& log) {
    Unload();
    SetRecords(log);
    return list_->Load(keys_);
  }
  void ExpectDamage(const Log& log, const std::string& what) {
    const absl::Status status = LoadOf(log);
    EXPECT_CODE(status, kDataLoss);
    EXPECT_EQ(status.message().substr(0, 20), "the revocation log: ") << what;
    EXPECT_FALSE(list_->loaded()) << what;
    EXPECT_EQ(list_->stats().keys, 0U) << what;
  }
  // With groups of one record and of several, dropped hours, a state, and later groups.
  void WriteALog() {
    Load();
    for (int i = 0; i < 4; ++i) PutDurably(absl::StrCat("short", i), kHour / 2);
    for (int i = 0; i < 4; ++i) PutDurably(absl::StrCat("long", i), 10 * kHour);
    for (int i = 0; i < 4; ++i) {
      auto transaction = Begin();
      ASSERT_OK(transaction->Put(absl::StrCat("a", i), "1", NowMs() + 10 * kHour));
      ASSERT_OK(transaction->Put(absl::StrCat("b", i), "1", NowMs() + 20 * kHour));
      ASSERT_OK(transaction->Put(absl::StrCat("c", i), "1", NowMs() + kHour / 2));
      ASSERT_OK(list_->WaitFor(transaction->Commit()));
    }
    clock_.AdvanceTime(absl::Hours(2));
    ASSERT_OK(list_->Sweep());
    for (int i = 4; i < 8; ++i) PutDurably(absl::StrCat("long", i), 8 * kHour);
    auto transaction = Begin();
    ASSERT_OK(transaction->Put("a9", "1", NowMs() + 10 * kHour));
    ASSERT_OK(transaction->Put("b9", "1", NowMs() + 20 * kHour));
    ASSERT_OK(list_->WaitFor(transaction->Commit()));
    log_ = Records();
    ASSERT_EQ(log_.size(), 4 + 8 + 1 + 4 + 2U);
    ASSERT_EQ(log_.begin()->first, std::string(12, '\0'));  // the state
  }

  Log log_;
};

TEST_F(ReplayTest, AnEmptyLogIsAnEmptyList) {
  Load();
  EXPECT_EQ(list_->stats().keys, 0U);
  PutDurably("k", kHour);
  Reload();
  EXPECT_TRUE(Exists("k"));
}

TEST_F(ReplayTest, TheLogThatWasWrittenLoads) {
  WriteALog();
  ASSERT_OK(LoadOf(log_));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Exists(absl::StrCat("long", i)));
  EXPECT_TRUE(Exists("a0") && Exists("b3") && Exists("a9") && !Exists("short0") && !Exists("c0"));
}

TEST_F(ReplayTest, ARemovedRecordIsNoticed) {
  WriteALog();
  const auto newest = schema::ParseRevlogKey(std::prev(log_.end())->first)->revision;
  for (const auto& [key, value] : log_) {
    Log log = log_;
    log.erase(key);
    ExpectDamage(log, HexEncode(key));
  }
  // But not when the newest group is cut off whole: the audit log knows of it.
  Log log = log_;
  std::erase_if(log, [&](const auto& record) {
    return schema::ParseRevlogKey(record.first)->revision == newest;
  });
  EXPECT_EQ(log.size(), log_.size() - 2);
  EXPECT_OK(LoadOf(log));
}

TEST_F(ReplayTest, SwappedOrCopiedRecordsAreNoticed) {
  WriteALog();
  for (const auto& [key, value] : log_) {
    for (const auto& [other_key, other_value] : log_) {
      if (key >= other_key) continue;
      Log log = log_;
      std::swap(log[key], log[other_key]);
      ExpectDamage(log, HexEncode(key) + " with " + HexEncode(other_key));
      log = log_;
      log[key] = other_value;
      ExpectDamage(log, HexEncode(other_key) + " for " + HexEncode(key));
    }
    // A second time, at another revision.
    const auto item = schema::ParseRevlogKey(key);
    for (const uint64_t revision : {uint64_t{1}, item->revision.value() + 1000}) {
      if (item->hour == kStateHour) continue;
      Log log = log_;
      log[schema::RevlogKey(item->hour, Revision(revision))] = value;
      ExpectDamage(log, HexEncode(key) + " again");
    }
  }
}

// The records that a snapshot stands for are gone, and kept by somebody.
TEST_F(ReplayTest, ARecordFromBeforeTheSnapshotIsNotOneBehindIt) {
  NewList({.snapshots = {.log_bytes_min = 2000}});
  Load();
  for (int i = 0; i < 4; ++i) PutDurably(absl::StrCat("k", i), kNoExpiry);
  ASSERT_OK(list_->WaitFor(Erase("k1")));
  PutDurably("k1", kNoExpiry);
  const Log before = Records();
  ASSERT_OK(list_->Sweep());
  ASSERT_EQ(list_->stats().snapshots, 1U);
  ASSERT_OK(list_->Sweep());
  PutDurably("behind", kNoExpiry);
  PutDurably("short", kHour / 2);
  clock_.AdvanceTime(absl::Hours(2));
  ASSERT_OK(list_->Sweep());  // whose state counts it
  const Log log = Records();
  ASSERT_EQ(list_->stats().snapshots, 1U);
  ASSERT_EQ(log.size(), 3U);  // state, chunk, record
  ASSERT_OK(LoadOf(log));
  EXPECT_TRUE(Exists("k1") && Exists("behind"));
  const std::string place = std::prev(log.end())->first;
  for (const auto& [key, value] : before) {
    Log mixed = log;
    mixed[place] = value;
    ExpectDamage(mixed, HexEncode(key));
    mixed = log;
    mixed[key] = value;  // where it was it counts for nothing
    ASSERT_OK(LoadOf(mixed));
    EXPECT_TRUE(Exists("k1") && Exists("behind"));
  }
}

TEST_F(ReplayTest, ASnapshotWithoutItsStateIsNoticed) {
  NewList({.snapshots = {.log_bytes_min = 1}});
  Load();
  PutDurably("k", kNoExpiry);
  for (int i = 0; i < 2; ++i) ASSERT_OK(list_->Sweep());
  Log log = Records();
  ASSERT_EQ(log.size(), 2U);  // state, chunk
  log.erase(std::string(12, '\0'));
  ExpectDamage(log, "no state");
}

TEST_F(ReplayTest, AStoreThatIsOlderThanTheSnapshotIsNoticed) {
  NewList({.snapshots = {.log_bytes_min = 1}});
  Load();
  PutDurably("k", kNoExpiry);
  for (int i = 0; i < 2; ++i) ASSERT_OK(list_->Sweep());
  class OlderStore : public MapSnapshot {
   public:
    using MapSnapshot::MapSnapshot;
    Revision revision() const override { return Revision(1); }
  };
  const Log log = Records();
  const auto nothing = [](auto&&...) { return absl::OkStatus(); };
  const auto sealer = LogSealer::Create(*keys_);
  EXPECT_OK(ReplayLog(MapSnapshot(log), *sealer, NowMs(), nothing, nothing));
  EXPECT_CODE(ReplayLog(OlderStore(log), *sealer, NowMs(), nothing, nothing), kDataLoss);
}

TEST_F(ReplayTest, AnOlderLogInPartsIsNoticed) {
  Load();
  PutDurably("revoked", 10 * kHour);
  PutDurably("other", 10 * kHour);
  const Log older = Records();
  ASSERT_OK(list_->WaitFor(Erase("other")));
  PutDurably("other", 10 * kHour);
  PutDurably("short", kHour / 2);
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(list_->Sweep());
  const Log with_state = Records();
  PutDurably("short", kHour / 2);
  PutDurably("long", 10 * kHour);
  const Log undropped = Records();
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(list_->Sweep());
  const Log log = Records();
  ASSERT_EQ(log.size() + 1, undropped.size());
  ASSERT_NE(log.at(std::string(12, '\0')), with_state.at(std::string(12, '\0')));
  ASSERT_OK(LoadOf(log));
  // The state of before, or none: it does not vouch for what was dropped since.
  Log mixed = log;
  mixed[std::string(12, '\0')] = with_state.at(std::string(12, '\0'));
  ExpectDamage(mixed, "an older state");
  mixed.erase(std::string(12, '\0'));
  ExpectDamage(mixed, "no state");
  // Dropped records that are brought back count for nothing.
  mixed = undropped;
  mixed[std::string(12, '\0')] = log.at(std::string(12, '\0'));
  EXPECT_OK(LoadOf(mixed));
  EXPECT_FALSE(Exists("short"));
  // An older log whole is not noticed here.
  EXPECT_OK(LoadOf(older));
}

TEST_F(ReplayTest, NoByteCanBeChanged) {
  WriteALog();
  std::mt19937_64 random(TestSeed());
  for (auto& [key, value] : log_) {
    for (const size_t at : {size_t{0}, size_t{1}, size_t{13}, size_t{20}, size_t{50},
                            value.size() - 1, random() % value.size()}) {
      Log log = log_;
      log[key][at] = static_cast<char>(log[key][at] ^ 1 << random() % 8);
      ExpectDamage(log, absl::StrCat(HexEncode(key), " at ", at));
    }
  }
}

TEST_F(ReplayTest, MalformedKeysAreNoticed) {
  WriteALog();
  for (const std::string& key :
       {std::string("\xff"), std::string(13, '\xff'), std::prev(log_.end())->first + "x"}) {
    Log log = log_;
    log[key] = "";
    ExpectDamage(log, HexEncode(key));
  }
}

TEST_F(ReplayTest, AnotherVaultsKeysOpenNothing) {
  WriteALog();
  Unload();
  EXPECT_CODE(list_->Load(TestKeys()), kDataLoss);
  EXPECT_OK(list_->Load(keys_));
}

TEST_F(ReplayTest, RecordsWhoseHourHasPassedAreDroppedAndNoOthers) {
  Load();
  constexpr int kRecords = 1000;  // more than one update takes
  for (int i = 0; i < kRecords; ++i) PutDurably(absl::StrCat("short", i), kHour / 2);
  PutDurably("long", 10 * kHour);
  PutDurably("forever", kNoExpiry);
  EXPECT_EQ(Records().size(), kRecords + 2U);
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Records().size(), kRecords + 2U);  // the hour has not passed
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Records().size(), 3U);
  const uint64_t revision = store_->LastRevision().value();
  ASSERT_OK(list_->Sweep());
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(store_->LastRevision().value(), revision);  // nothing to do, nothing written
  Reload();
  EXPECT_TRUE(Exists("long") && Exists("forever"));
  EXPECT_EQ(list_->stats().keys, 2U);
}

// A drop that a crash cut off goes on at the next start.
TEST_F(ReplayTest, ADropThatWasCutOffGoesOn) {
  Load();
  for (int i = 0; i < 10; ++i) PutDurably(absl::StrCat("short", i), kHour / 2);
  PutDurably("long", 10 * kHour);
  const Log before = Records();
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(list_->Sweep());
  Log half = Records();
  const size_t dropped = half.size();
  half.insert(std::next(before.begin(), 5), std::next(before.begin(), 9));
  ASSERT_EQ(half.size(), dropped + 4);
  ASSERT_OK(LoadOf(half));
  EXPECT_TRUE(Exists("long"));
  PutDurably("new", kHour / 2);
  ASSERT_OK(list_->Sweep());
  EXPECT_EQ(Records().size(), dropped + 1);
  Reload();
  EXPECT_TRUE(Exists("long") && Exists("new"));
}

TEST_F(ReplayTest, ALogOfManyHoursIsReadInOrder) {
  Load();
  // Each name is put again and again with lives of all lengths; the last one counts.
  std::mt19937_64 random(TestSeed());
  std::map<std::string, int64_t> ends;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = absl::StrCat(random() % 100);
    const int64_t end = NowMs() / 1000 * 1000 + (1 + static_cast<int64_t>(random() % 300)) * kHour;
    auto transaction = Begin();
    ASSERT_OK(transaction->Put(name, "1", end));
    const uint64_t change = transaction->Commit();
    if (i % 50 == 0) ASSERT_OK(list_->WaitFor(change));
    ends[name] = end;
  }
  Reload();
  for (const auto& [name, end] : ends) {
    const auto info = list_->Find(name, list_->Now());
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->expires_ms, end);
  }
}

}  // namespace
}  // namespace keyturn
