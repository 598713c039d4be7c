#include "base/types.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "absl/hash/hash_testing.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

constexpr char kText[] = "00112233-4455-4677-8899-aabbccddeeff";

TEST(Uuid, TextAndBytesAgree) {
  ASSERT_OK_AND_ASSIGN(const Uuid id, Uuid::FromString(kText));
  EXPECT_EQ(id.bytes(),
            std::string("\x00\x11\x22\x33\x44\x55\x46\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16));
  EXPECT_EQ(id.ToString(), kText);
  ASSERT_OK_AND_ASSIGN(const Uuid same, Uuid::FromBytes(id.bytes()));
  EXPECT_EQ(id, same);
  EXPECT_FALSE(id.is_nil());
  EXPECT_TRUE(Uuid().is_nil());
  EXPECT_EQ(Uuid().ToString(), "00000000-0000-0000-0000-000000000000");
}

TEST(Uuid, ReadsUpperCaseAndWritesLowerCase) {
  ASSERT_OK_AND_ASSIGN(const Uuid id, Uuid::FromString("00112233-4455-4677-8899-AABBCCDDEEFF"));
  EXPECT_EQ(id.ToString(), kText);
}

TEST(Uuid, RefusesEveryOtherForm) {
  for (const char* const bad :
       {"", "00112233445546778899aabbccddeeff", "00112233-4455-4677-8899-aabbccddeef",
        "00112233-4455-4677-8899-aabbccddeefff", "0011223-34455-4677-8899-aabbccddeeff",
        "0011223g-4455-4677-8899-aabbccddeeff", "{00112233-4455-4677-8899-aabbccddee}",
        "00112233-4455-4677-8899-aabbccdd-eff", "------------------------------------",
        "00112233x4455x4677x8899xaabbccddeeff"}) {
    EXPECT_CODE(Uuid::FromString(bad), kInvalidArgument);
  }
  EXPECT_CODE(Uuid::FromBytes(""), kDataLoss);
  EXPECT_CODE(Uuid::FromBytes(std::string(15, 'x')), kDataLoss);
  EXPECT_CODE(Uuid::FromBytes(std::string(17, 'x')), kDataLoss);
}

TEST(Uuid, OrdersAsBytesAndHashesByValue) {
  const Uuid small = *Uuid::FromBytes(std::string(16, '\x01'));
  const Uuid large = *Uuid::FromBytes(std::string(16, '\xff'));
  EXPECT_LT(small, large);
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly({Uuid(), small, large}));
}

TEST(StrongNumber, DoesNotMixWithOthersAndComparesWithItself) {
  static_assert(!std::is_convertible_v<Revision, SecretVersion>);
  static_assert(!std::is_constructible_v<KekTerm, Revision>);
  static_assert(!std::is_convertible_v<int, Revision>);
  EXPECT_EQ(Revision().value(), 0u);
  EXPECT_LT(Revision(1), Revision(2));
  EXPECT_EQ(SecretVersion(7).value(), 7u);
}

}  // namespace
}  // namespace keyturn
