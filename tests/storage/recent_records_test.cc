#include "storage/recent_records.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace keyturn {
namespace {

constexpr Family kFamily = Family::kRecords;

std::string Known(RecentRecords& records, absl::string_view key, Family family = kFamily) {
  const RecentRecords::Value* const value = records.Find(family, key);
  return value == nullptr ? "(not known)" : value->value_or("(absent)");
}

TEST(RecentRecords, TheLastValueOfEachKeyOfEachFamilyIsKnown) {
  RecentRecords records;
  EXPECT_EQ(Known(records, "k"), "(not known)");
  records.Keep(kFamily, "k", "one");
  records.Keep(Family::kIndex, "k", "of the index");
  records.Keep(kFamily, "gone", std::nullopt);
  EXPECT_EQ(Known(records, "k"), "one");
  EXPECT_EQ(Known(records, "k", Family::kIndex), "of the index");
  EXPECT_EQ(Known(records, "k", Family::kDue), "(not known)");
  EXPECT_EQ(Known(records, "gone"), "(absent)");
  records.Keep(kFamily, "k", std::nullopt);
  EXPECT_EQ(Known(records, "k"), "(absent)");
}

TEST(RecentRecords, WrappedKeysAndTheStoresOwnAreNotKept) {
  EXPECT_TRUE(RecentRecords::Keeps(Family::kRecords));
  EXPECT_FALSE(RecentRecords::Keeps(Family::kDeks));
  EXPECT_FALSE(RecentRecords::Keeps(Family::kMeta));
  EXPECT_FALSE(RecentRecords::Keeps(Family::kAuditTail));
}

TEST(RecentRecords, TheOldestGoAndWhatIsLookedForStays) {
  RecentRecords records(10'000);
  const std::string value(400, 'v');
  records.Keep(kFamily, "hot", "hot");
  for (int i = 0; i < 200; ++i) {
    records.Keep(kFamily, absl::StrCat("k", i), value);
    ASSERT_EQ(Known(records, "hot"), "hot") << i;
  }
  EXPECT_EQ(Known(records, "k0"), "(not known)");
  EXPECT_EQ(Known(records, "k199"), value);
  int known = 0;
  for (int i = 0; i < 200; ++i) known += records.Find(kFamily, absl::StrCat("k", i)) != nullptr;
  EXPECT_LE(known, 40) << "twice 10,000 bytes at most";
  EXPECT_GE(known, 10);
}

TEST(RecentRecords, AHashIsThatOfTheLastValueUntilThereIsAnotherHasher) {
  const RecentRecords::Hash one = {1, 2, 3, 4}, two = {5, 6, 7, 8};
  RecentRecords records(10'000);
  EXPECT_EQ(records.FindHash(kFamily, "k"), nullptr);
  records.Keep(kFamily, "k", "1", one);
  records.Keep(Family::kIndex, "k", "1", two);
  ASSERT_NE(records.FindHash(kFamily, "k"), nullptr);
  EXPECT_EQ(*records.FindHash(kFamily, "k"), one);
  records.Keep(kFamily, "k", "2", two);
  EXPECT_EQ(*records.FindHash(kFamily, "k"), two);
  for (int i = 0; i < 15; ++i) records.Keep(kFamily, absl::StrCat(i), std::string(500, 'v'));
  EXPECT_EQ(*records.FindHash(kFamily, "k"), two) << "it came along to the younger ones";
  records.Keep(kFamily, "k", "3");
  EXPECT_EQ(records.FindHash(kFamily, "k"), nullptr);
  records.Keep(kFamily, "k", std::nullopt);
  EXPECT_EQ(records.FindHash(kFamily, "k"), nullptr);
  records.ForgetHashes();
  EXPECT_EQ(records.FindHash(Family::kIndex, "k"), nullptr);
  EXPECT_EQ(Known(records, "k", Family::kIndex), "1");
}

TEST(RecentRecords, TheSameKeyAgainTakesNoMoreRoom) {
  RecentRecords records(10'000);
  records.Keep(kFamily, "first", "1");
  for (int i = 0; i < 1000; ++i) records.Keep(kFamily, "k", std::string(400, 'v'));
  EXPECT_EQ(Known(records, "first"), "1");
}

TEST(RecentRecords, AnOldValueNeverComesBack) {
  RecentRecords records(10'000);
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) {
      records.Keep(kFamily, absl::StrCat("other", i), std::string(400, 'v'));
    }
  };
  records.Keep(kFamily, "k", "one");
  fill(25);  // "one" is in the older half now
  records.Keep(kFamily, "k", "two");
  EXPECT_EQ(Known(records, "k"), "two");
  fill(100);
  EXPECT_EQ(Known(records, "k"), "(not known)");

  records.Keep(kFamily, "k", "three");
  fill(25);
  records.Keep(kFamily, "k", std::string(5000, 'l'));
  EXPECT_EQ(Known(records, "k"), "(not known)") << "too large to be kept";
  records.Keep(kFamily, "k", "four");
  records.Keep(kFamily, "k", std::string(5000, 'l'));
  EXPECT_EQ(Known(records, "k"), "(not known)");
}

}  // namespace
}  // namespace keyturn
