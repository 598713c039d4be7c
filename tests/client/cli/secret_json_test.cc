#include "client/cli/secret_json.h"

#include <gtest/gtest.h>

#include "client/cli/exact_json.h"
#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(DataFromJson, MakesFieldsOfMembers) {
  const absl::StatusOr<v1::SecretData> data =
      DataFromJson(R"({"user":"app","port":5432,"tags":["a","b"],"on":true})");
  ASSERT_OK(data);
  ASSERT_EQ(data->fields_size(), 4);
  EXPECT_EQ(data->fields(0).encoding(), v1::ENCODING_TEXT);
  EXPECT_EQ(data->fields(0).value(), "app");
  EXPECT_EQ(data->fields(1).encoding(), v1::ENCODING_JSON);
  EXPECT_EQ(data->fields(1).value(), "5432");
  EXPECT_EQ(data->fields(2).value(), R"(["a","b"])");
  const std::string form =
      R"(the data must be a JSON object of fields, such as {"value": "..."}; )";
  for (const char* const bad : {"", "[]", "[{}]", "\"hunter2\"", "7", "{\"a\":", "{\"a\":1}x"}) {
    EXPECT_EQ(DataFromJson(bad).status().message(), form + "it is not a JSON object") << bad;
  }
  EXPECT_EQ(DataFromJson("{}").status().message(), form + "it has no member");
  EXPECT_EQ(DataFromJson(R"({"a":"hunter2","b":1,"a":"hunter3"})").status().message(),
            form + "'a' is there twice");
}

TEST(SecretToJson, GivesBackWhatDataFromJsonTook) {
  const std::string text = R"({"user":"app","port":5432,"tags":["a",null],"empty":""})";
  v1::GetResponse secret;
  *secret.mutable_data() = *DataFromJson(text);
  secret.set_path("app/db");
  secret.set_kind(v1::KIND_DB_CREDENTIAL);
  secret.set_revision(9);
  secret.mutable_version()->set_version(3);
  secret.mutable_version()->set_state(v1::VERSION_STATE_GRACE);
  secret.mutable_version()->mutable_create_time()->set_seconds(1'800'000'000);
  (*secret.mutable_custom_metadata())["env"] = "DB";
  EXPECT_EQ(Json::parse(DumpJson(SecretToJson(secret))).dump(),
            R"({"path":"app/db","kind":"KIND_DB_CREDENTIAL","version":"3",)"
            R"("state":"VERSION_STATE_GRACE",)"
            R"("createTime":"2027-01-15T08:00:00Z","revision":"9","customMetadata":{"env":"DB"},)"
            R"("data":)" +
                text + "}");
}

TEST(WipeJson, LeavesNoTextAnywhere) {
  Json json = Json::parse(R"({"a":"secret","b":["secret",{"c":"secret"}],"d":7})");
  json["e"] = VerbatimJson(R"("secret")");
  WipeJson(&json);
  EXPECT_EQ(json["e"].get_binary().size(), 0u);
  json.erase("e");
  EXPECT_EQ(json.dump(), R"({"a":"","b":["",{"c":""}],"d":7})");
}

TEST(Kinds, AreTypedAsTheyAreShown) {
  for (const v1::Kind kind :
       {v1::KIND_GENERIC, v1::KIND_API_KEY, v1::KIND_JWT_KEY, v1::KIND_DB_CREDENTIAL}) {
    EXPECT_EQ(*ParseKind(KindName(kind)), kind);
  }
  EXPECT_EQ(*ParseKind(""), v1::KIND_UNSPECIFIED);
  for (const std::string bad : {"unspecified", "GENERIC", "kind_generic"}) {
    EXPECT_EQ(ParseKind(bad).status().message(),
              absl::StrCat("unknown kind '", bad,
                           "'; allowed are generic, api_key, jwt_key and db_credential"));
  }
}

TEST(StateName, DeletedComesFirst) {
  const absl::Time end = absl::FromUnixSeconds(1000);
  v1::VersionInfo version;
  version.set_state(v1::VERSION_STATE_CURRENT);
  EXPECT_EQ(StateName(version, end), "current");
  version.mutable_expire_time()->set_seconds(1000);
  EXPECT_EQ(StateName(version, end - absl::Nanoseconds(1)), "current");
  EXPECT_EQ(StateName(version, end), "expired");
  version.mutable_delete_time();
  EXPECT_EQ(StateName(version, end), "deleted");
}

TEST(StateName, WhatIsOverDoesNotExpire) {
  v1::VersionInfo version;
  version.mutable_expire_time()->set_seconds(1000);
  version.set_state(v1::VERSION_STATE_DESTROYED);
  EXPECT_EQ(StateName(version, absl::FromUnixSeconds(2000)), "destroyed");
  version.set_state(v1::VERSION_STATE_RETIRED);
  EXPECT_EQ(StateName(version, absl::FromUnixSeconds(2000)), "retired");
}

TEST(SecretToJson, SaysHowBinaryIsWritten) {
  v1::GetResponse secret;
  v1::Field& field = *secret.mutable_data()->add_fields();
  field.set_name("key");
  field.set_encoding(v1::ENCODING_BINARY);
  field.set_value(std::string("\0\xff", 2));
  const Json json = SecretToJson(secret);
  EXPECT_EQ(json["data"]["key"], "AP8=");
  EXPECT_EQ(json["encodings"]["key"], "base64");
}

}  // namespace
}  // namespace keyturn::cli
