#include "storage/accumulators.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "storage/schema.h"
#include "tests/storage/store_fixture.h"

namespace keyturn {
namespace {

// The records of family meta, in memory.
class MapView : public View {
 public:
  absl::StatusOr<std::optional<std::string>> Get(Family family,
                                                 absl::string_view key) const override {
    if (!status.ok()) return status;
    EXPECT_EQ(family, Family::kMeta);
    const auto found = records.find(std::string(key));
    if (found == records.end()) return std::nullopt;
    return found->second;
  }

  std::map<std::string, std::string> records;
  absl::Status status;
};

class AccumulatorsTest : public testing::Test {
 protected:
  std::map<std::string, std::string> TakeDirty() {
    std::map<std::string, std::string> out;
    sums_.TakeDirty([&out](absl::string_view key, absl::string_view value) {
      EXPECT_TRUE(out.emplace(std::string(key), std::string(value)).second);
    });
    return out;
  }

  const SumHasher hasher_{};
  const Accumulators::Sum zero_{};
  Accumulators sums_;
};

TEST_F(AccumulatorsTest, ASumIsThatOfTheHashesWhateverTheOrder) {
  const Accumulators::Sum one = hasher_.Hash(Family::kRecords, "ka", "1");
  const Accumulators::Sum two = hasher_.Hash(Family::kDeks, "kb", "2");
  Accumulators other;
  sums_.Add("ka", hasher_.Hash(Family::kRecords, "ka", "1"));
  EXPECT_EQ(sums_.sum('k'), one);
  sums_.Add("kb", hasher_.Hash(Family::kDeks, "kb", "2"));
  other.Add("kb", hasher_.Hash(Family::kDeks, "kb", "2"));
  other.Add("ka", hasher_.Hash(Family::kRecords, "ka", "1"));
  EXPECT_EQ(sums_.sum('k'), other.sum('k'));
  for (int lane = 0; lane < 4; ++lane) EXPECT_EQ(sums_.sum('k')[lane], one[lane] + two[lane]);
}

TEST_F(AccumulatorsTest, WhatIsTakenOutIsAsIfItWasNeverThere) {
  sums_.Add("ka", hasher_.Hash(Family::kRecords, "ka", "1"));
  const Accumulators::Sum before = sums_.sum('k');
  sums_.Add("kb", hasher_.Hash(Family::kRecords, "kb", "2"));
  sums_.Subtract("kb", hasher_.Hash(Family::kRecords, "kb", "2"));
  EXPECT_EQ(sums_.sum('k'), before);
  // Below zero it wraps, and comes back.
  sums_.Subtract("kb", hasher_.Hash(Family::kRecords, "kb", "2"));
  EXPECT_NE(sums_.sum('k'), before);
  sums_.Add("kb", hasher_.Hash(Family::kRecords, "kb", "2"));
  sums_.Subtract("ka", hasher_.Hash(Family::kRecords, "ka", "1"));
  EXPECT_EQ(sums_.sum('k'), zero_);
}

TEST_F(AccumulatorsTest, TheFirstByteOfAKeyIsItsBucket) {
  EXPECT_EQ(Accumulators::BucketOf(""), 0);
  EXPECT_EQ(Accumulators::BucketOf(std::string(1, '\0') + "x"), 0);
  EXPECT_EQ(Accumulators::BucketOf("\x7fx"), 127);
  EXPECT_EQ(Accumulators::BucketOf("\xff"), 255);
  sums_.Add("\xff", hasher_.Hash(Family::kRecords, "\xff", "1"));
  for (int bucket = 0; bucket < 256; ++bucket) {
    EXPECT_EQ(sums_.sum(bucket) == zero_, bucket != 255) << bucket;
  }
}

TEST_F(AccumulatorsTest, OnlyChangedBucketsAreWrittenAndEachOnce) {
  EXPECT_TRUE(TakeDirty().empty());
  sums_.Add("a1", hasher_.Hash(Family::kRecords, "a1", "1"));
  sums_.Add("a2", hasher_.Hash(Family::kRecords, "a2", "2"));
  sums_.Subtract("z", hasher_.Hash(Family::kRecords, "z", "3"));
  const std::map<std::string, std::string> dirty = TakeDirty();
  ASSERT_EQ(dirty.size(), 2u);
  std::string expected;
  for (const uint64_t lane : sums_.sum('a')) AppendBigEndian64(lane, &expected);
  EXPECT_EQ(dirty.at("acc/a"), expected);
  EXPECT_EQ(dirty.count("acc/z"), 1u);
  EXPECT_TRUE(TakeDirty().empty());
}

TEST_F(AccumulatorsTest, WhatWasWrittenLoadsBack) {
  for (int byte = 0; byte < 256; byte += 5) {
    sums_.Add(std::string(1, static_cast<char>(byte)),
              hasher_.Hash(Family::kRecords, std::string(1, static_cast<char>(byte)), "value"));
  }
  MapView view;
  view.records = TakeDirty();
  EXPECT_EQ(view.records.size(), 52u);
  Accumulators loaded;
  ASSERT_OK(loaded.Load(view));
  for (int bucket = 0; bucket < 256; ++bucket) {
    EXPECT_EQ(loaded.sum(bucket), sums_.sum(bucket)) << bucket;
  }
}

TEST_F(AccumulatorsTest, LoadedBucketsAreNotDirty) {
  MapView view;
  view.records[schema::AccumulatorKey(7)] = std::string(32, '\1');
  ASSERT_OK(sums_.Load(view));
  EXPECT_TRUE(TakeDirty().empty());
}

TEST_F(AccumulatorsTest, OneThatIsCutShortIsLostData) {
  for (const size_t size : {0, 7, 8, 31}) {
    MapView view;
    view.records[schema::AccumulatorKey(255)] = std::string(size, '\1');
    Accumulators sums;
    EXPECT_EQ(sums.Load(view), absl::DataLossError("storage: an accumulator is cut short"));
  }
}

TEST_F(AccumulatorsTest, OneThatIsTooLongIsLostData) {
  MapView view;
  view.records[schema::AccumulatorKey(0)] = std::string(33, '\1');
  EXPECT_EQ(sums_.Load(view), absl::DataLossError("storage: an accumulator is too long"));
}

TEST_F(AccumulatorsTest, AFailedReadIsNotAnEmptyBucket) {
  MapView view;
  view.status = absl::UnavailableError("disk");
  EXPECT_EQ(sums_.Load(view), view.status);
}

}  // namespace
}  // namespace keyturn
