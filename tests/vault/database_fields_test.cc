#include "vault/database_fields.h"

#include <gtest/gtest.h>

#include <map>

#include "base/status_macros.h"
#include "keyturn/v1/types.pb.h"
#include "tests/support/status.h"
#include "vault/fields.h"

namespace keyturn {
namespace {

using Map = std::map<std::string, std::string>;

SecretBytes Encode(const Map& fields) {
  std::vector<FieldView> views;
  for (const auto& [name, value] : fields) views.push_back({name, v1::ENCODING_TEXT, value});
  absl::StatusOr<SecretBytes> encoded = EncodeFields(views);
  EXPECT_OK(encoded);
  return *std::move(encoded);
}

// What a put of `changes` over `base` leaves.
absl::StatusOr<Map> Put(const Map& base, const Map& changes) {
  const SecretBytes before = Encode(base), change = Encode(changes);
  ASSIGN_OR_RETURN(SecretBytes merged,
                   MergeData(before.ExposeForCrypto(), change.ExposeForCrypto()));
  ASSIGN_OR_RETURN(
      const SecretBytes matched,
      MatchDatabaseFields(before.ExposeForCrypto(), change.ExposeForCrypto(), std::move(merged)));
  Map out;
  RETURN_IF_ERROR(ForEachField(matched.ExposeForCrypto(), [&](const FieldView& field) {
    out[std::string(field.name)] = std::string(field.value);
    return true;
  }));
  return out;
}

Map Adopted() {
  return {{"value", "postgres://alcs:old@db:5432/alcs?ssl=on"},
          {"scheme", "postgres"},
          {"username", "alcs"},
          {"password", "old"},
          {"host", "db"},
          {"port", "5432"},
          {"database", "alcs"},
          {"options", "ssl=on"}};
}

TEST(DatabaseFields, AnotherUrlHasOtherParts) {
  ASSERT_OK_AND_ASSIGN(Map fields,
                       Put(Adopted(), {{"value", "postgres://alcs:n%2Few@other/alcs?ssl=on"}}));
  EXPECT_EQ(fields["password"], "n/ew");
  EXPECT_EQ(fields["host"], "other");
  EXPECT_EQ(fields.count("port"), 0u) << "the URL has none any more";
  EXPECT_EQ(fields["value"], "postgres://alcs:n%2Few@other/alcs?ssl=on");
  EXPECT_EQ(fields.size(), 7u);
}

TEST(DatabaseFields, AnotherPartIsInTheUrl) {
  ASSERT_OK_AND_ASSIGN(Map fields, Put(Adopted(), {{"password", "n/ew"}, {"port", "6432"}}));
  EXPECT_EQ(fields["value"], "postgres://alcs:n%2few@db:6432/alcs?ssl=on");
  EXPECT_EQ(fields["password"], "n/ew");
  EXPECT_EQ(fields.size(), Adopted().size());
}

TEST(DatabaseFields, WhatContradictsIsRefused) {
  const std::string url = "postgres://alcs:new@db:5432/alcs?ssl=on";
  const auto refused = Put(Adopted(), {{"value", url}, {"password", "other"}});
  EXPECT_CODE(refused, kInvalidArgument);
  EXPECT_EQ(refused.status().message(),
            "field password: is not the one in the URL of field value; give one of them, or the "
            "same in both");
  ASSERT_OK_AND_ASSIGN(Map fields, Put(Adopted(), {{"value", url}, {"password", "new"}}));
  EXPECT_EQ(fields["password"], "new");

  const auto no_host = Put(Adopted(), {{"host", "a/b"}});
  EXPECT_CODE(no_host, kInvalidArgument);
  EXPECT_EQ(no_host.status().message(),
            "field host: cannot be in the URL of field value, which is made of it; change the URL "
            "itself");
}

TEST(DatabaseFields, WhatIsOtherwiseStaysAsItIs) {
  // No parts beside it, no URL, two URLs, and what is no part.
  const std::string url = "postgres://a:b@c/d", other = "postgres://e:f@g/h";
  EXPECT_EQ(*Put({{"value", url}}, {{"value", other}}), (Map{{"value", other}}));
  EXPECT_EQ(*Put({{"password", "a"}}, {{"password", "b"}}), (Map{{"password", "b"}}));
  EXPECT_EQ(*Put({{"reader", url}, {"writer", url}, {"password", "b"}}, {{"writer", other}}),
            (Map{{"reader", url}, {"writer", other}, {"password", "b"}}));
  Map noted = Adopted();
  noted["note"] = "of the team";
  EXPECT_EQ(*Put(Adopted(), {{"note", "of the team"}}), noted);
  // A part that no URL has told is its owner's.
  EXPECT_EQ(*Put({{"value", url}, {"port", "5432"}, {"password", "b"}}, {{"value", other}}),
            (Map{{"value", other},
                 {"port", "5432"},
                 {"password", "f"},
                 {"scheme", "postgres"},
                 {"username", "e"},
                 {"host", "g"},
                 {"database", "h"}}));
}

absl::StatusOr<Map> Apart(const Map& fields) {
  ASSIGN_OR_RETURN(const SecretBytes apart, TakeUrlApart(Encode(fields).ExposeForCrypto()));
  Map out;
  RETURN_IF_ERROR(ForEachField(apart.ExposeForCrypto(), [&](const FieldView& field) {
    out[std::string(field.name)] = std::string(field.value);
    return true;
  }));
  return out;
}

TEST(DatabaseFields, AUrlIsTakenApartBesideWhatIsThere) {
  const std::string url = Adopted()["value"];
  EXPECT_EQ(*Apart({{"value", url}}), Adopted());
  EXPECT_EQ(*Apart(Adopted()), Adopted());
  Map noted = Adopted();
  noted["note"] = "of the team";
  EXPECT_EQ(*Apart({{"value", url}, {"note", "of the team"}, {"port", "5432"}}), noted);
  // A part that the URL does not tell is its owner's; the URL's field may have any name.
  EXPECT_EQ(*Apart({{"url", "redis://:p@h"}, {"port", "6379"}}), (Map{{"url", "redis://:p@h"},
                                                                      {"scheme", "redis"},
                                                                      {"password", "p"},
                                                                      {"host", "h"},
                                                                      {"port", "6379"}}));
}

TEST(DatabaseFields, WhatCannotBeTakenApartIsRefused) {
  const std::string url = Adopted()["value"];
  for (const Map& fields :
       {Map{{"value", "debug"}}, Map{{"password", "old"}}, Map{{"reader", url}, {"writer", url}}}) {
    const auto refused = Apart(fields);
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.status().message(),
              "one field, and no other, must be the URL of a database with a password, such as "
              "postgres://user:password@host:5432/name");
  }
  // It is read without its name so far, and could not be afterwards.
  EXPECT_EQ(Apart({{"url", url}}).status().message(),
            "field url: it is the only one, so programs need not name it, and would have to beside "
            "its parts; put the URL into field value and remove this one");
  EXPECT_OK(Apart({{"url", url}, {"note", "x"}}));
  const auto refused = Apart({{"value", url}, {"port", "6432"}});
  EXPECT_CODE(refused, kInvalidArgument);
  EXPECT_EQ(refused.status().message(),
            "field port: is not the one in the URL of field value; give one of them, or the same "
            "in both");
}

TEST(DatabaseFields, APartThatIsNoTextIsBinary) {
  const SecretBytes before = Encode({{"value", "postgres://alcs:%e9@db/alcs"}});
  ASSERT_OK_AND_ASSIGN(const SecretBytes apart, TakeUrlApart(before.ExposeForCrypto()));
  std::map<std::string, int> encodings;
  ASSERT_OK(ForEachField(apart.ExposeForCrypto(), [&](const FieldView& field) {
    encodings[std::string(field.name)] = field.encoding;
    if (field.name == "password") {
      EXPECT_EQ(field.value, "\xe9");
    }
    return true;
  }));
  EXPECT_EQ(encodings["password"], v1::ENCODING_BINARY);
  EXPECT_EQ(encodings["username"], v1::ENCODING_TEXT);
  EXPECT_OK(CanonicalData(apart.ExposeForCrypto()));
}

}  // namespace
}  // namespace keyturn
