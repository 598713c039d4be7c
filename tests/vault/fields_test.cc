#include "vault/fields.h"

#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"
#include "keyturn/v1/types.pb.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

v1::SecretData Message(const std::vector<std::tuple<std::string, int, std::string>>& fields) {
  v1::SecretData data;
  for (const auto& [name, encoding, value] : fields) {
    v1::Field* field = data.add_fields();
    field->set_name(name);
    field->set_encoding(static_cast<v1::Encoding>(encoding));
    field->set_value(value);
  }
  return data;
}

std::string Show(absl::string_view data) {
  std::string out;
  EXPECT_OK(ForEachField(data, [&](const FieldView& field) {
    absl::StrAppend(&out, field.name, ":", field.encoding, ":", field.value, ";");
    return true;
  }));
  return out;
}

TEST(Fields, CanonicalFormIsSortedAndIsTheProtobufForm) {
  const auto data = CanonicalData(
      Message({{"b", 1, "two"}, {"a", 0, "one"}, {"c", 0, "\xff"}, {"d", 2, "{\"x\":1}"}})
          .SerializeAsString());
  ASSERT_OK(data);
  EXPECT_EQ(Show(data->ExposeForCrypto()), "a:1:one;b:1:two;c:3:\xff;d:2:{\"x\":1};");
  v1::SecretData parsed;
  ASSERT_TRUE(parsed.ParseFromString(std::string(data->ExposeForCrypto())));
  EXPECT_EQ(parsed.fields_size(), 4);
  EXPECT_EQ(parsed.SerializeAsString(), data->ExposeForCrypto());
}

TEST(Fields, EmptyValuesAreKept) {
  const auto data = CanonicalData(Message({{"a", 1, ""}}).SerializeAsString());
  ASSERT_OK(data);
  EXPECT_EQ(Show(data->ExposeForCrypto()), "a:1:;");
}

TEST(Fields, SaysWhatIsWrong) {
  const std::vector<std::pair<v1::SecretData, std::string>> bad = {
      {Message({}), "data: 0 fields; allowed are 1 to 256"},
      {Message({{"a b", 1, ""}}),
       "field name: allowed are 1 to 128 characters of A-Z a-z 0-9 _ . -"},
      {Message({{"", 1, ""}}), "field name: allowed are 1 to 128 characters of A-Z a-z 0-9 _ . -"},
      {Message({{"a", 1, "1"}, {"a", 1, "2"}}), "field a: is given twice"},
      {Message({{"a", 1, "\xff"}}), "field a: is not UTF-8; store it with encoding binary"},
      {Message({{"a", 2, "{"}}), "field a: is not valid JSON"},
      {Message({{"a", 3, std::string(limits::kSecretValueBytesMax, 'x')}}),
       "data: has 524301 bytes encoded; at most 524288 are allowed"},
  };
  for (const auto& [message, error] : bad) {
    EXPECT_EQ(CanonicalData(message.SerializeAsString()).status().message(), error);
  }
  EXPECT_EQ(CanonicalData("\x12\x00").status().message(),
            "data: not a SecretData message of at most 256 fields");
}

TEST(Fields, MergeAndSelect) {
  const auto base = CanonicalData(Message({{"a", 1, "1"}, {"b", 1, "2"}}).SerializeAsString());
  const auto change = CanonicalData(Message({{"b", 3, "3"}, {"c", 1, "4"}}).SerializeAsString());
  const auto merged = MergeData(base->ExposeForCrypto(), change->ExposeForCrypto());
  ASSERT_OK(merged);
  EXPECT_EQ(Show(merged->ExposeForCrypto()), "a:1:1;b:3:3;c:1:4;");
  const auto some = SelectFields(merged->ExposeForCrypto(), std::vector<std::string>{"c", "a"});
  ASSERT_OK(some);
  EXPECT_EQ(Show(some->ExposeForCrypto()), "a:1:1;c:1:4;");
  EXPECT_EQ(
      SelectFields(merged->ExposeForCrypto(), std::vector<std::string>{"z"}).status().message(),
      "the secret has no field z");
}

// Whatever is accepted is in canonical form, and accepting it again changes nothing.
TEST(Fields, RandomBytesNeverBreakTheReader) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string good = Message({{"a", 1, "one"}, {"b", 2, "[1]"}}).SerializeAsString();
  int accepted = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string bytes = good;
    for (unsigned flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    const auto data = CanonicalData(bytes);
    if (!data.ok()) continue;
    ++accepted;
    const auto again = CanonicalData(data->ExposeForCrypto());
    ASSERT_OK(again);
    ASSERT_TRUE(*again == *data);
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace keyturn
