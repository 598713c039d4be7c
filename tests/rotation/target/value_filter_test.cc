#include "rotation/target/value_filter.h"

#include "tests/rotation/target/values.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(ValueFilter, HidesAValueHoweverItIsWritten) {
  const SecretBytes value = Value("s3\"cret\\word");
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, nullptr));
  EXPECT_EQ(filter.Hide("it is s3\"cret\\word, twice: s3\"cret\\words3\"cret\\word"),
            "it is [redacted], twice: [redacted][redacted]");
  EXPECT_EQ(filter.Hide(R"({"value":"s3\"cret\\word"})"), R"({"value":"[redacted]"})");
  EXPECT_EQ(filter.Hide("czMiY3JldFx3b3Jk"), "[redacted]");
  EXPECT_EQ(filter.Hide("nothing of it"), "nothing of it");
  EXPECT_EQ(filter.Hide(""), "");
}

TEST(ValueFilter, HidesBothValues) {
  const SecretBytes value = Value("new-one"), other = Value("old-one");
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, &other));
  EXPECT_EQ(filter.Hide("old-one -> new-one"), "[redacted] -> [redacted]");
}

TEST(ValueFilter, HidesTheSecretWithinAValue) {
  const SecretBytes value =
      Stored({{"pem", "-----BEGIN KEY-----\nMIIabcdef\nqrstuv\n-----END KEY-----\n"},
              {"url", "postgres://app:hunter2x@db:5432/main"}});
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, nullptr));
  EXPECT_EQ(filter.Hide("line MIIabcdef"), "line [redacted]");
  EXPECT_EQ(filter.Hide("password hunter2x refused"), "password [redacted] refused");
  EXPECT_EQ(filter.Hide("host db, port 5432"), "host db, port 5432");
}

TEST(ValueFilter, TheNewlineAtItsEndIsNoPartOfAValue) {
  const SecretBytes value = Value("secret\n");
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, nullptr));
  EXPECT_EQ(filter.Hide("<secret>"), "<[redacted]>");
  const SecretBytes blank = Value("\n");
  ASSERT_OK_AND_ASSIGN(const ValueFilter nothing, ValueFilter::Create(blank, nullptr));
  EXPECT_EQ(nothing.Hide("a\nb"), "a\nb");
}

TEST(ValueFilter, AValueThatIsCutIsHiddenToo) {
  const SecretBytes value = Value("abcdefgh");
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, nullptr));
  EXPECT_EQ(filter.Hide("said abcdef", /*cut=*/true), "said ");
  EXPECT_EQ(filter.Hide("said abcdefgh", /*cut=*/true), "said ");
  EXPECT_EQ(filter.Hide("said abcdef", /*cut=*/false), "said abcdef");
  EXPECT_EQ(filter.Hide("abcdefgh said so", /*cut=*/true), "[redacted] said so");
}

TEST(ValueFilter, ShortValuesAreHiddenAlthoughTheyHideMore) {
  const SecretBytes value = Value("7");
  ASSERT_OK_AND_ASSIGN(const ValueFilter filter, ValueFilter::Create(value, nullptr));
  EXPECT_EQ(filter.Hide("error 17"), "error 1[redacted]");
}

}  // namespace
}  // namespace keyturn
