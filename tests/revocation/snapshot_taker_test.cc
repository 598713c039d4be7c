#include "revocation/snapshot_taker.h"

#include <set>

#include "base/limits.h"
#include "tests/revocation/list_fixture.h"

namespace keyturn {
namespace {

class SnapshotTakerTest : public ListFixture {
 protected:
  void SetUp() override { LoadWith({.log_bytes_min = 1}); }
  void LoadWith(const SnapshotOptions& options) {
    NewList({.snapshots = options});
    Load();
  }
  void Durably(uint64_t change) { ASSERT_OK(list_->WaitFor(change)); }
  void PutDurably(int from, int to) {
    for (int i = from; i < to; ++i) Durably(Put(absl::StrCat("k", i), "1", 100 * kHour));
  }
  void Sweep() { ASSERT_OK(list_->Sweep()); }

  struct Kept {
    int state = 0, records = 0;
    std::map<uint64_t, int> chunks = {};  // by snapshot
  };
  Kept InStore() {
    Kept kept;
    for (const auto& [key, value] : Records()) {
      const auto item = schema::ParseRevlogKey(key);
      const uint64_t id = item->revision.value();
      if (item->hour != kStateHour) {
        ++kept.records;
      } else if (id == 0) {
        ++kept.state;
      } else {
        ++kept.chunks[SnapshotOfChunk(id)];
      }
    }
    return kept;
  }
};

TEST_F(SnapshotTakerTest, StandsForTheLogWhichIsDropped) {
  PutDurably(0, 300);
  Durably(Put("odd", "a value", 50 * kHour));
  Durably(Add("set", {"x", "y"}));
  Durably(Erase("k7"));
  EXPECT_EQ(InStore().records, 303);
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 1U);
  EXPECT_EQ(InStore().chunks, (std::map<uint64_t, int>{{1, 1}}));
  EXPECT_EQ(list_->stats().log_bytes, 0U);
  Sweep();
  EXPECT_EQ(InStore().records, 0);
  EXPECT_EQ(list_->stats().snapshots, 1U);  // nothing was logged since
  PutDurably(300, 303);
  for (int times = 0; times < 2; ++times) {
    Reload();
    EXPECT_EQ(list_->stats().keys, 304U);
    EXPECT_TRUE(Exists("k0") && Exists("k299") && Exists("k302") && !Exists("k7"));
    EXPECT_EQ(Value("odd"), "a value");
    EXPECT_EQ(Value("set"), "set of 2");
  }
  EXPECT_EQ(list_->Find("k5", list_->Now())->expires_ms / kHour, (NowMs() + 100 * kHour) / kHour);
}

TEST_F(SnapshotTakerTest, TheNextOneTakesItsPlace) {
  PutDurably(0, 3);
  Sweep();
  PutDurably(3, 5);
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 2U);
  Sweep();
  EXPECT_EQ(InStore().chunks, (std::map<uint64_t, int>{{2, 1}}));
  EXPECT_EQ(InStore().records, 0);
  EXPECT_EQ(InStore().state, 1);
  Reload();
  EXPECT_EQ(list_->stats().keys, 5U);
  PutDurably(5, 6);
  Sweep();
  Sweep();
  EXPECT_EQ(InStore().chunks, (std::map<uint64_t, int>{{3, 1}}));
  Reload();
  EXPECT_EQ(list_->stats().keys, 6U);
}

TEST_F(SnapshotTakerTest, IsTakenWhenTheLogIsLongEnough) {
  LoadWith({.log_bytes_min = 100 * (limits::kRevocationRecordOverhead + 150)});
  PutDurably(0, 90);
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 0U);
  EXPECT_GT(list_->stats().log_bytes, 90 * limits::kRevocationRecordOverhead);
  Reload();  // which counts what is there
  EXPECT_GT(list_->stats().log_bytes, 90 * limits::kRevocationRecordOverhead);
  PutDurably(90, 120);
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 1U);
}

// A large snapshot is not written again for a little log.
TEST_F(SnapshotTakerTest, IsTakenWhenTheLogIsAQuarterOfTheLastOne) {
  const std::string large(400'000, 'l');
  for (int i = 0; i < 4; ++i) Durably(Put(absl::StrCat("large", i), large, 100 * kHour));
  Sweep();
  ASSERT_EQ(list_->stats().snapshots, 1U);
  for (int times = 0; times < 2; ++times) {
    PutDurably(0, 1);
    Sweep();
    EXPECT_EQ(list_->stats().snapshots, 1U);
    Reload();  // which knows how large the snapshot is
  }
  Durably(Put("large4", large, 100 * kHour));
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 2U);
}

// One that shows a change which is not durable does not count before that is.
TEST_F(SnapshotTakerTest, WaitsForWhatItShows) {
  PutDurably(0, 3);
  // The log tries again and again, as time goes on.
  committer_->FailFrom(absl::ResourceExhaustedError("busy"));
  const int tries = committer_->tries();
  const uint64_t change = Put("waiting", "1", 100 * kHour);
  const uint64_t erased = Erase("k1");
  committer_->WaitForTries(tries + 1);
  for (int i = 0; i < 5; ++i) Sweep();
  EXPECT_EQ(list_->stats().snapshots, 0U);
  EXPECT_EQ(InStore().chunks, (std::map<uint64_t, int>{{1, 1}}));
  EXPECT_EQ(InStore().records, 3);
  committer_->FailNext(absl::OkStatus(), 0);
  clock_.AdvanceTime(absl::Seconds(10));
  Durably(change);
  Durably(erased);
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 1U);
  Reload();
  EXPECT_TRUE(Exists("waiting") && !Exists("k1") && Exists("k2"));
}

TEST_F(SnapshotTakerTest, OfAListThatFailedNoneIsTaken) {
  LoadWith({.log_bytes_min = 1, .chunk_bytes_max = 1, .chunks_per_step = 1});
  PutDurably(0, 10);
  Sweep();
  ASSERT_EQ(InStore().chunks, (std::map<uint64_t, int>{{1, 1}}));
  committer_->FailFrom(absl::UnavailableError("the disk is gone"));
  EXPECT_CODE(list_->WaitFor(Erase("k3")), kUnavailable);
  for (int i = 0; i < 30; ++i) Sweep();
  EXPECT_EQ(list_->stats().snapshots, 0U);
  NewList();
  committer_->FailNext(absl::OkStatus(), 0);
  Load();
  EXPECT_EQ(list_->stats().keys, 10U);
  EXPECT_TRUE(Exists("k3"));
}

// Cut off at any chunk by a seal or a restart: what it wrote goes, and the next one begins anew.
TEST_F(SnapshotTakerTest, OneThatWasCutOffLeavesNothing) {
  for (int cut = 1; cut < 9; ++cut) {
    LoadWith({.log_bytes_min = 1, .chunk_bytes_max = 1, .chunks_per_step = 1});
    PutDurably(0, 12);
    const uint64_t before = list_->stats().snapshots;
    for (int i = 0; i < cut; ++i) Sweep();
    ASSERT_EQ(list_->stats().snapshots, before);
    if (cut % 2 == 0) Reload();
    LoadWith({.log_bytes_min = UINT64_MAX});
    Sweep();
    EXPECT_TRUE(InStore().chunks.empty()) << cut;
    EXPECT_EQ(list_->stats().keys, 12U);
  }
}

// The next attempt has the number of one that was cut off, and fewer chunks.
TEST_F(SnapshotTakerTest, ChunksOfACutOffAttemptAreNotThoseOfTheNext) {
  LoadWith({.log_bytes_min = 1, .chunk_bytes_max = 1, .chunks_per_step = 10});
  PutDurably(0, 20);
  Sweep();
  ASSERT_EQ(InStore().chunks, (std::map<uint64_t, int>{{1, 10}}));
  LoadWith({.log_bytes_min = 1});
  for (int i = 0; i < 18; ++i) Durably(Erase(absl::StrCat("k", i)));
  Sweep();
  ASSERT_EQ(list_->stats().snapshots, 1U);
  Reload();
  EXPECT_EQ(list_->stats().keys, 2U);
  Sweep();
  EXPECT_EQ(InStore().chunks, (std::map<uint64_t, int>{{1, 1}}));
}

TEST_F(SnapshotTakerTest, HoursThatPassWhileItIsTakenAreDropped) {
  LoadWith({.log_bytes_min = 1, .chunk_bytes_max = 1, .chunks_per_step = 1});
  for (int i = 0; i < 5; ++i) Durably(Put(absl::StrCat("short", i), "1", kHour / 2));
  PutDurably(0, 5);
  Sweep();
  for (int i = 5; i < 10; ++i) Durably(Put(absl::StrCat("short", i), "1", kHour / 2));
  PutDurably(5, 10);
  clock_.AdvanceTime(absl::Hours(2));
  Durably(Erase("k3"));
  while (list_->stats().snapshots == 0) Sweep();
  Sweep();
  EXPECT_EQ(InStore().records, 6);  // of k5 to k9 and the erasure
  Reload();
  EXPECT_EQ(list_->stats().keys, 9U);
  EXPECT_FALSE(Exists("k3"));
  PutDurably(10, 11);
  Reload();
  EXPECT_EQ(list_->stats().keys, 10U);
}

// A key that has ended stays by its name until it is swept; the same name is put again meanwhile.
TEST_F(SnapshotTakerTest, ANameThatHasEndedIsNotInPlaceOfTheKeyThatIsThere) {
  Durably(Put("k", "odd", 5000));
  clock_.AdvanceTime(absl::Seconds(6));
  Durably(Put("k", "1", kHour));
  clock_.SetTime(clock_.Now() - absl::Seconds(3));
  Sweep();
  ASSERT_EQ(list_->stats().snapshots, 1U);
  EXPECT_TRUE(Exists("k"));
  clock_.AdvanceTime(absl::Seconds(4));
  Reload();
  EXPECT_EQ(Value("k"), "1");
}

// A machine that starts with its clock at some date of years ago.
TEST_F(SnapshotTakerTest, AStartYearsTooEarlyEndsNothing) {
  PutDurably(0, 5);
  Sweep();
  Sweep();
  ASSERT_EQ(InStore().records, 0);
  const absl::Time now = clock_.Now();
  for (const int days : {1, 400, 1000, 1170, 1300, 1500, 1600, 3000}) {
    Unload();
    clock_.SetTime(now - absl::Hours(24 * days));
    Load();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(Exists(absl::StrCat("k", i))) << days;
  }
}

// Then the index may say of tokens that they have ended, and a snapshot would leave them out.
TEST_F(SnapshotTakerTest, ByAClockThatWasSetFarBackNoneIsTaken) {
  PutDurably(0, 5);
  Sweep();
  PutDurably(5, 6);
  clock_.SetTime(clock_.Now() - absl::Hours(24 * 31));
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 1U);
  clock_.AdvanceTime(absl::Hours(24 * 2));
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 2U);
}

TEST_F(SnapshotTakerTest, OfAnEmptyListThereIsOneToo) {
  PutDurably(0, 2);
  Durably(Clear());
  Sweep();
  Sweep();
  EXPECT_EQ(list_->stats().snapshots, 1U);
  EXPECT_EQ(InStore().records, 0);
  Reload();
  EXPECT_EQ(list_->stats().keys, 0U);
}

// Names are not kept of what is in the index alone.
TEST_F(SnapshotTakerTest, NamesComeBackOnlyIfTheyWereKept) {
  const SnapshotOptions always = {.log_bytes_min = 1};
  NewList({.keep_names = true, .snapshots = always});
  Load();
  PutDurably(0, 2);
  Durably(Add("set", {"x", "y"}));
  Sweep();
  NewList({.keep_names = true, .snapshots = always});
  Load();
  std::set<std::string> names;
  list_->Scan(0, 100, list_->Now(),
              [&names](absl::string_view name, KeyType) { names.emplace(name); });
  EXPECT_EQ(names, (std::set<std::string>{"k0", "k1", "set"}));
  Durably(Erase("set"));
  Sweep();
  NewList({.snapshots = always});
  Load();
  EXPECT_TRUE(Exists("k0") && Exists("k1"));
  EXPECT_EQ(list_->stats().side_keys, 0U);
  PutDurably(2, 3);
  Sweep();
  NewList({.keep_names = true, .snapshots = always});
  Load();
  EXPECT_TRUE(Exists("k0") && Exists("k1") && Exists("k2"));
  EXPECT_EQ(list_->stats().side_keys, 0U);
}

}  // namespace
}  // namespace keyturn
