// One flipped bit in a record of the revocation log, thousands of times, by who can write to the
// store and get every checksum of it right; and records removed, exchanged, and brought back from
// any earlier time. Each must be refused as DATA_LOSS when the log is read, or be in a record whose
// hour has passed, where nothing counts any more (docs/FORMAT.md, "The revocation log"). A log that
// is read gives the same changes, or else the test fails. KEYTURN_FLIPS runs longer.
#include <random>

#include "base/coding.h"
#include "revocation/replay.h"
#include "tests/revocation/list_fixture.h"
#include "tests/revocation/map_snapshot.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// kOther: it is read, and is not what was written.
enum class Reading { kRefused, kSame, kOther };

class LogFlipTest : public ListFixture {
 protected:
  using Log = std::map<std::string, std::string>;

  void SetUp() override {
    random_.seed(TestSeed());
    NewList({.snapshots = {.log_bytes_min = 20'000, .chunk_bytes_max = 100}});
    Load();
    for (int i = 0; i < 6; ++i) Durably(Put(absl::StrCat("short", i), "1", kHour / 2));
    for (int i = 0; i < 8; ++i) Durably(Put(absl::StrCat("long", i), "1", 30 * kHour));
    SeveralHours("before", 5);
    Durably(Add("set", {"x", "y", "z"}));
    Durably(Put("large", std::string(20'000, 'l'), kNoExpiry));
    clock_.AdvanceTime(absl::Hours(2));
    // The first drops the hours, and takes a snapshot; the second drops what that stands for.
    for (int i = 0; i < 2; ++i) {
      ASSERT_OK(list_->Sweep());
      Note();
    }
    ASSERT_EQ(list_->stats().snapshots, 1U);
    for (int i = 0; i < 6; ++i) Durably(Put(absl::StrCat("passing", i), "1", 2 * kHour));
    Durably(Put("short", "1", kHour / 2));
    // Behind the snapshot, counted by the next state, and of hours that stay.
    Durably(Put("kept", "1", kNoExpiry));
    SeveralHours("counted", 2);
    Durably(Put("kept too", "odd", kNoExpiry));
    clock_.AdvanceTime(absl::Hours(1));
    ASSERT_OK(list_->Sweep());  // whose state counts what is passing
    Note();
    Durably(Erase("long3"));
    Durably(Clear());
    SeveralHours("after", 5);
    for (int i = 0; i < 6; ++i) Durably(Put(absl::StrCat("more", i), "odd", 9 * kHour));
    clock_.AdvanceTime(absl::Hours(3));  // "passing" is over, and its records are there
    log_ = Records();
    ASSERT_EQ(Read(log_), Reading::kSame);
    ASSERT_GT(log_.size(), 35U);
    for (const auto& [key, value] : log_) {
      if (!IsOfSnapshot(key)) newest_ = std::max(newest_, RevisionOf(key));
    }
  }

  void Durably(uint64_t change) {
    ASSERT_OK(list_->WaitFor(change));
    Note();
  }
  // What the log has been by now.
  void Note() {
    for (const auto& [key, value] : Records()) earlier_.insert({key, value});
  }
  void SeveralHours(absl::string_view name, int groups) {
    for (int i = 0; i < groups; ++i) {
      auto transaction = Begin();
      for (int hours = 0; hours < 4; ++hours) {
        ASSERT_OK(
            transaction->Put(absl::StrCat(name, i, hours), "1", NowMs() + (1 + 5 * hours) * kHour));
      }
      Durably(transaction->Commit());
    }
  }

  Reading Read(const Log& log) {
    std::vector<std::string> changes;
    ChangeEncoder encoder;
    const auto apply = [&](const ListChange& change) {
      encoder.Append(change, &changes.emplace_back());
      return absl::OkStatus();
    };
    const auto fill = [&](uint32_t region, int64_t taken_s, std::vector<IndexedToken>* tokens) {
      std::string& change = changes.emplace_back(absl::StrCat(region, " ", taken_s));
      for (const IndexedToken& token : *tokens) {
        absl::StrAppend(&change, " ", token.tag, " ", token.entry);
      }
      return absl::OkStatus();
    };
    const auto replayed =
        ReplayLog(MapSnapshot(log), *LogSealer::Create(*keys_), NowMs(), fill, apply);
    if (!replayed.ok()) {
      EXPECT_CODE(replayed.status(), kDataLoss);
      return Reading::kRefused;
    }
    const LogState& state = replayed->state;
    if (changes_.empty()) {
      changes_ = changes;
      counted_ = state.counted;
      in_snapshot_ = state.snapshot.revision.value();
    }
    return changes == changes_ && state.counted == counted_ ? Reading::kSame : Reading::kOther;
  }
  // Its chunks, and the state.
  static bool IsOfSnapshot(const std::string& key) {
    return schema::ParseRevlogKey(key)->hour == kStateHour;
  }
  // A record in whose place nothing counts.
  bool CountsNot(const std::string& key) {
    return Passed(key) || (!IsOfSnapshot(key) && RevisionOf(key) <= in_snapshot_);
  }
  static uint64_t RevisionOf(const std::string& key) {
    return schema::ParseRevlogKey(key)->revision.value();
  }
  bool Passed(const std::string& key) {
    const uint32_t hour = schema::ParseRevlogKey(key)->hour;
    return hour != kStateHour && hour <= HourNow(NowMs());
  }

  std::mt19937_64 random_;
  Log log_;
  std::set<std::pair<std::string, std::string>> earlier_;  // every record that ever was
  std::vector<std::string> changes_;
  uint64_t counted_ = 0;
  uint64_t in_snapshot_ = 0;  // revision
  uint64_t newest_ = 0;       // revision; of one record
};

TEST_F(LogFlipTest, NoBitOfARecordIsFlippedUnnoticed) {
  const int flips = TestCount("KEYTURN_FLIPS", kSanitized ? 1000 : 10'000);
  int refused = 0, outside = 0, unnoticed = 0;
  for (int n = 0; n < flips; ++n) {
    Log log = log_;
    auto& [key, value] = *std::next(log.begin(), n % static_cast<std::ptrdiff_t>(log.size()));
    const size_t at = random_() % value.size();
    value[at] = static_cast<char>(value[at] ^ (1 << random_() % 8));
    const Reading reading = Read(log);
    const bool passed = Passed(key);
    refused += reading == Reading::kRefused ? 1 : 0;
    outside += reading == Reading::kSame && passed ? 1 : 0;
    if (reading == Reading::kRefused || (reading == Reading::kSame && passed)) continue;
    ++unnoticed;
    ADD_FAILURE() << "byte " << at << " of " << HexEncode(key);
  }
  std::printf("%d flips: %d refused, %d outside, %d unnoticed\n", flips, refused, outside,
              unnoticed);
  EXPECT_GT(outside, 0);
  EXPECT_GT(refused, flips / 2);
}

// Keys are not sealed; what counts is that no change is read otherwise than it was written.
TEST_F(LogFlipTest, NoBitOfAKeyIsFlippedUnnoticed) {
  int refused = 0, same = 0, cut_off = 0;
  for (const auto& [key, value] : log_) {
    for (size_t bit = 0; bit < key.size() * 8; ++bit) {
      std::string other = key;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
      if (log_.contains(other)) continue;
      Log log = log_;
      log.erase(key);
      log[other] = value;
      const Reading reading = Read(log);
      refused += reading == Reading::kRefused ? 1 : 0;
      // At another revision between the same two groups it says the same.
      same += reading == Reading::kSame ? 1 : 0;
      if (reading != Reading::kOther) continue;
      // The newest group as a whole, moved to where things were dropped: a log that is older.
      const bool newest_moved = RevisionOf(key) == newest_ && !IsOfSnapshot(key) &&
                                (IsOfSnapshot(other) || CountsNot(other));
      EXPECT_TRUE(newest_moved) << HexEncode(key) << " as " << HexEncode(other);
      cut_off += newest_moved ? 1 : 0;
    }
  }
  std::printf("%d refused, %d in a place that says the same, %d cut off the newest group\n",
              refused, same, cut_off);
  EXPECT_GT(refused, same);
}

TEST_F(LogFlipTest, AnyTwoRecordsExchangedOrOneRemovedIsNoticed) {
  int pairs = 0;
  for (auto one = log_.begin(); one != log_.end(); ++one) {
    if (Passed(one->first)) continue;
    for (auto other = std::next(one); other != log_.end(); ++other) {
      if (Passed(other->first)) continue;
      Log log = log_;
      std::swap(log[one->first], log[other->first]);
      EXPECT_EQ(Read(log), Reading::kRefused)
          << HexEncode(one->first) << " with " << HexEncode(other->first);
      ++pairs;
    }
    Log log = log_;
    log.erase(one->first);
    // The newest group may be missing as a whole (FORMAT.md): here it has one record.
    const Reading expected =
        RevisionOf(one->first) == newest_ ? Reading::kOther : Reading::kRefused;
    EXPECT_EQ(Read(log), expected) << "without " << HexEncode(one->first);
  }
  std::printf("%d pairs\n", pairs);
  EXPECT_GT(pairs, 300);
}

TEST_F(LogFlipTest, ARecordOfAnyEarlierTimeIsNoticed) {
  int replayed = 0;
  for (const auto& [old_key, old_value] : earlier_) {
    // In the place of each that counts.
    for (const auto& [key, value] : log_) {
      if (Passed(key) || value == old_value) continue;
      Log log = log_;
      log[key] = old_value;
      EXPECT_EQ(Read(log), Reading::kRefused) << HexEncode(old_key) << " for " << HexEncode(key);
      ++replayed;
    }
    // Where it was, and behind the newest.
    const uint32_t hour = schema::ParseRevlogKey(old_key)->hour;
    Log log = log_;
    log[old_key] = old_value;
    if (log != log_) {
      const bool counts = IsOfSnapshot(old_key) ? log_.contains(old_key) : !CountsNot(old_key);
      EXPECT_EQ(Read(log), counts ? Reading::kRefused : Reading::kSame) << HexEncode(old_key);
    }
    if (hour == kStateHour) continue;
    log = log_;
    log[schema::RevlogKey(hour, Revision(newest_ + 1))] = old_value;
    const Reading again = Read(log);
    EXPECT_TRUE(again == Reading::kRefused || (again == Reading::kSame && Passed(old_key)))
        << HexEncode(old_key);
  }
  std::printf("%d replayed\n", replayed);
  EXPECT_GT(replayed, 1000);
}

}  // namespace
}  // namespace keyturn
