#include "revocation/log_group.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "revocation/change.h"
#include "tests/support/seed.h"

namespace keyturn {
namespace {

// A group of erases of "0", "1", ..., each in its hour.
class GroupOfErases {
 public:
  explicit GroupOfErases(const std::vector<uint32_t>& hours) {
    ChangeEncoder encoder;
    for (const uint32_t hour : hours) {
      const std::string name = absl::StrCat(encoded_.size());
      encoder.Append({.kind = ChangeKind::kErase, .key = name}, &encoded_.emplace_back());
      group_.Add(hour, encoded_.back());
    }
  }
  const LogGroup& group() const { return group_; }

 private:
  std::deque<std::string> encoded_;
  LogGroup group_;
};

record::v1::RevocationGroup Parsed(const LogGroup::Record& record) {
  record::v1::RevocationGroup group;
  EXPECT_TRUE(group.ParseFromString(record.body));
  return group;
}

TEST(LogGroup, OneHourIsOneRecordWithoutNumbers) {
  const GroupOfErases erases({5, 5, 5});
  const auto records = erases.group().Part(1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].hour, 5U);
  const auto group = Parsed(records[0]);
  EXPECT_EQ(group.hours_size(), 1);
  EXPECT_EQ(group.hours(0), 5U);
  EXPECT_EQ(group.sequence_size(), 0);
  ASSERT_EQ(group.changes_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(group.changes(i).key(), absl::StrCat(i));
}

TEST(LogGroup, HoursAreRecordsThatKnowOfEachOtherAndOfTheOrder) {
  const GroupOfErases erases({7, kHourForever, 5, 7});
  const auto records = erases.group().Part(1);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].hour, 5U);
  EXPECT_EQ(records[1].hour, 7U);
  EXPECT_EQ(records[2].hour, kHourForever);
  for (const auto& record : records) {
    const auto group = Parsed(record);
    EXPECT_EQ(std::vector<uint32_t>(group.hours().begin(), group.hours().end()),
              (std::vector<uint32_t>{5, 7, kHourForever}));
    for (int i = 0; i < group.changes_size(); ++i) {
      EXPECT_EQ(group.changes(i).key(), absl::StrCat(group.sequence(i)));
    }
  }
  EXPECT_EQ(Parsed(records[1]).changes_size(), 2);
}

TEST(LogGroup, NothingGoesToAnHourThatIsBeingDropped) {
  const GroupOfErases erases({3, 9, 4});
  const auto records = erases.group().Part(8);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].hour, 8U);
  EXPECT_EQ(Parsed(records[0]).changes_size(), 2);
}

TEST(LogGroup, OfTooManyHoursSomeGoWithTheNext) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 100; ++round) {
    std::vector<uint32_t> hours;
    for (int i = 0; i < 200; ++i) hours.push_back(1 + random() % (round < 50 ? 60 : 10'000));
    if (round % 2 == 0) hours[random() % hours.size()] = kHourForever;
    const GroupOfErases erases(hours);
    const auto records = erases.group().Part(1);
    ASSERT_EQ(records.size(), limits::kRevocationGroupHoursMax);
    std::map<uint32_t, uint32_t> hour_of;  // by number
    for (const auto& record : records) {
      const auto group = Parsed(record);
      for (int i = 0; i < group.changes_size(); ++i) hour_of[group.sequence(i)] = record.hour;
    }
    ASSERT_EQ(hour_of.size(), hours.size());
    for (uint32_t i = 0; i < hours.size(); ++i) {
      ASSERT_GE(hour_of[i], hours[i]);
      ASSERT_EQ(hour_of[i] == kHourForever, hours[i] == kHourForever);
    }
  }
}

TEST(LogGroup, TheNearestHoursGoTogether) {
  std::vector<uint32_t> hours;
  for (uint32_t i = 0; i < limits::kRevocationGroupHoursMax; ++i) hours.push_back(1000 * (i + 1));
  hours.push_back(5010);
  const GroupOfErases erases(hours);
  for (const auto& record : erases.group().Part(1)) EXPECT_NE(record.hour, 5000U);
}

TEST(LogGroup, CountsAtLeastWhatTheRecordsTake) {
  std::vector<uint32_t> hours;
  for (uint32_t i = 0; i < 20'000; ++i) hours.push_back(1 + i % 32);
  const GroupOfErases erases(hours);
  size_t bytes = 0;
  for (const auto& record : erases.group().Part(1)) bytes += record.body.size();
  EXPECT_LE(bytes, erases.group().bytes() + 32 * 200);
}

}  // namespace
}  // namespace keyturn
