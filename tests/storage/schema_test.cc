#include "storage/schema.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/random.h"

namespace keyturn::schema {
namespace {

const Uuid kId = *Uuid::FromString("00112233-4455-4677-8899-aabbccddeeff");

TEST(Schema, KeysAreByteExact) {  // docs/FORMAT.md
  EXPECT_EQ(HexEncode(SecretMetadataKey(kId)), "00112233445546778899aabbccddeeff6d");
  EXPECT_EQ(HexEncode(PayloadKey(kId, SecretVersion(258))),
            "00112233445546778899aabbccddeeff700000000000000102");
  EXPECT_EQ(HexEncode(UsageKey(kId)), "00112233445546778899aabbccddeeff75");
  EXPECT_TRUE(IsUsageKey(UsageKey(kId)));
  EXPECT_FALSE(IsUsageKey(SecretMetadataKey(kId)));
  EXPECT_FALSE(IsUsageKey("u"));
  EXPECT_EQ(HexEncode(DekKey(kId, SecretVersion(1))),
            "00112233445546778899aabbccddeeff0000000000000001");
  EXPECT_EQ(HexEncode(NamedRecordKey(std::string(16, '\x11'), 2)),
            "111111111111111111111111111111116e02");
  EXPECT_EQ(HexEncode(DueKey(kId, absl::FromUnixSeconds(256), 1)),
            "00112233445546778899aabbccddeeff000000000000010001");
  EXPECT_EQ(HexEncode(RevisionKey(Revision(1))), "0000000000000001");
  EXPECT_EQ(HexEncode(AccumulatorKey(255)), "6163632fff");
}

TEST(Schema, DueKeysParseBack) {
  const std::optional<DueItem> item = ParseDueKey(DueKey(kId, absl::FromUnixSeconds(77), 3));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->object, kId);
  EXPECT_EQ(item->when, absl::FromUnixSeconds(77));
  EXPECT_EQ(item->due_class, 3);
  EXPECT_FALSE(ParseDueKey("short").has_value());
  EXPECT_FALSE(ParseDueKey(DueKey(kId, absl::UnixEpoch(), 1) + "x").has_value());
}

TEST(Schema, MetadataKeysAndWhatWritesThemSayWhichSecret) {
  const std::string key = SecretMetadataKey(kId);
  EXPECT_EQ(ParseSecretMetadataKey(key), kId);
  EXPECT_FALSE(ParseSecretMetadataKey(DirectoryKey(kId)).has_value());
  EXPECT_FALSE(ParseSecretMetadataKey("m").has_value());
  EXPECT_EQ(SecretOf({Family::kRecords, /*is_delete=*/false, key, "sealed"}), kId);
  EXPECT_EQ(SecretOf({Family::kRecords, /*is_delete=*/true, key, ""}), kId);
  EXPECT_FALSE(SecretOf({Family::kDeks, /*is_delete=*/false, key, "sealed"}).has_value());
  EXPECT_FALSE(SecretOf({Family::kRecords, false, UsageKey(kId), "sealed"}).has_value());
}

TEST(Schema, RevisionKeysSortAsNumbersAndParseBack) {
  EXPECT_LT(RevisionKey(Revision(255)), RevisionKey(Revision(256)));
  EXPECT_EQ(ParseRevisionKey(RevisionKey(Revision(12345))), Revision(12345));
  EXPECT_FALSE(ParseRevisionKey("1234567").has_value());
}

TEST(Schema, RevlogKeysSortByHourThenRevisionAndParseBack) {
  EXPECT_LT(RevlogKey(255, Revision(9)), RevlogKey(256, Revision(1)));
  EXPECT_LT(RevlogKey(7, Revision(255)), RevlogKey(7, Revision(256)));
  const auto item = ParseRevlogKey(RevlogKey(0xffffffff, Revision(12345)));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->hour, 0xffffffffu);
  EXPECT_EQ(item->revision, Revision(12345));
  EXPECT_FALSE(ParseRevlogKey("12345678901").has_value());
  EXPECT_FALSE(ParseRevlogKey("1234567890123").has_value());
}

TEST(Schema, PrefixEndIsTheNextPrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace keyturn::schema
