#include "revocation/change.h"

#include <gtest/gtest.h>

#include "base/coding.h"

namespace keyturn {
namespace {

constexpr int64_t kHour = 3'600'000;

TEST(Change, IsAFieldOfAGroup) {
  ChangeEncoder encoder;
  std::string bytes;
  const size_t put = encoder.Append(
      {.kind = ChangeKind::kPut, .key = "a", .value = std::string(300, 'v'), .expires_ms = 1234},
      &bytes);
  EXPECT_EQ(put, bytes.size());
  encoder.Append({.kind = ChangeKind::kAdd,
                  .key = "s",
                  .members = {"x", absl::string_view("\0y", 2)},
                  .creates = true},
                 &bytes);
  encoder.Append({.kind = ChangeKind::kClear}, &bytes);
  record::v1::RevocationGroup group;
  ASSERT_TRUE(group.ParseFromString(bytes));
  ASSERT_EQ(group.changes_size(), 3);
  ListChange change = ReadChange(group.changes(0));
  EXPECT_EQ(change.kind, ChangeKind::kPut);
  EXPECT_EQ(change.key, "a");
  EXPECT_EQ(change.value, std::string(300, 'v'));
  EXPECT_EQ(change.expires_ms, 1234);
  change = ReadChange(group.changes(1));
  EXPECT_EQ(change.kind, ChangeKind::kAdd);
  EXPECT_EQ(change.members, (std::vector<absl::string_view>{"x", absl::string_view("\0y", 2)}));
  EXPECT_TRUE(change.creates);
  EXPECT_EQ(change.expires_ms, kNoExpiry);
  EXPECT_EQ(change.value, "");
  EXPECT_EQ(ReadChange(group.changes(2)).kind, ChangeKind::kClear);
}

// docs/FORMAT.md has these bytes.
TEST(Change, BytesAreThoseOfTheFormat) {
  ChangeEncoder encoder;
  std::string bytes;
  encoder.Append({.kind = ChangeKind::kPut, .key = "k", .value = "1", .expires_ms = 300}, &bytes);
  EXPECT_EQ(HexEncode(bytes), "1a0b080112016b1a013120ac02");
}

TEST(Change, OfAnUnknownKindIsNotTakenForAnother) {
  record::v1::RevocationChange message;
  message.set_kind(257);
  EXPECT_NE(ReadChange(message).kind, ChangeKind::kPut);
}

TEST(Change, MayBeForgottenInTheHourAfterItsEnd) {
  EXPECT_EQ(HourOf(0), 1U);
  EXPECT_EQ(HourOf(kHour - 1000), 1U);
  EXPECT_EQ(HourOf(kHour - 999), 2U);  // the index rounds it up into the next hour
  EXPECT_EQ(HourOf(kHour), 2U);
  EXPECT_EQ(HourOf(kNoExpiry), kHourForever);
  EXPECT_EQ(HourOf(int64_t{4'294'967'293} * kHour - 1000), 4'294'967'293U);
  EXPECT_EQ(HourOf(int64_t{4'294'967'294} * kHour), kHourForever);
  EXPECT_EQ(HourNow(kHour - 1), 0U);
  EXPECT_EQ(HourNow(kHour), 1U);
  for (const int64_t end : {kHour - 1, kHour, kHour + 1, 17 * kHour + 12'345, 500'000 * kHour}) {
    // Not passed while the key is there, by the index's second.
    EXPECT_GT(HourOf(end), HourNow((end + 999) / 1000 * 1000 - 1)) << end;
    EXPECT_LE(HourOf(end), HourNow(end + kHour + 1000)) << end;
  }
}

}  // namespace
}  // namespace keyturn
