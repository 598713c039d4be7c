#include "rotation/target/request.h"

#include <nlohmann/json.hpp>
#include <set>

#include "tests/rotation/target/values.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

nlohmann::json Encoded(const TargetRequest& request) {
  const auto encoded = EncodeRequest("stripe", request);
  EXPECT_OK(encoded);
  const absl::string_view text = encoded->ExposeForCrypto();
  return nlohmann::json::parse(text.begin(), text.end());
}

TEST(TargetRequest, SaysAllThatATargetNeeds) {
  DriverCall call = StripeCall();
  call.beside = SecretVersion(1);
  const SecretBytes old = Value("old"), fresh = Value("new");
  const TargetRequest request{"apply", call, fresh, &old};
  EXPECT_EQ(Encoded(request), (nlohmann::json{{"call", "apply"},
                                              {"id", CallId(request)},
                                              {"target", "stripe"},
                                              {"secret", "prod/stripe/key"},
                                              {"secret_id", call.secret.ToString()},
                                              {"version", 2},
                                              {"previous_version", 1},
                                              {"value", {{"value", "new"}}},
                                              {"current", {{"value", "old"}}}}));
}

TEST(TargetRequest, SaysWhenAGraceEnds) {
  const DriverCall call = StripeCall();
  const SecretBytes old = Value("old");
  const absl::Time end = absl::FromUnixMillis(1'800'000'000'250);
  EXPECT_EQ(Encoded({"arm", call, old, nullptr, end})["grace_end_time"],
            "2027-01-15T08:00:00.25+00:00");
}

TEST(TargetRequest, ValuesComeAsTheyAre) {
  const std::string text("quote \" back\\slash \x01 tab\t umlaut \xc3\xa4 \x7f");
  const DriverCall call = StripeCall();
  const SecretBytes value = Stored({{"a", text}, {"b", ""}});
  const nlohmann::json object = Encoded({"probe", call, value});
  EXPECT_EQ(object["value"]["a"], text);
  EXPECT_EQ(object["value"]["b"], "");
  EXPECT_FALSE(object.contains("encodings"));
  const SecretBytes json = Stored({{"value", R"({"n":1.50, "l":[1,2]})"}}, v1::ENCODING_JSON);
  EXPECT_EQ(Encoded({"probe", call, json})["value"]["value"]["l"], (nlohmann::json{1, 2}));
}

TEST(TargetRequest, BinaryValuesComeAsBase64) {
  const DriverCall call = StripeCall();
  for (const auto& [bytes, expected] : std::vector<std::pair<std::string, std::string>>{
           {"\xff", "/w=="},
           {"\xff\xfe", "//4="},
           {"\xff\xfe\xfd", "//79"},
           {std::string("\xff\x00\x01\x80", 4), "/wABgA=="}}) {
    const SecretBytes value = Stored({{"value", bytes}}, v1::ENCODING_BINARY);
    const nlohmann::json object = Encoded({"apply", call, value, &value});
    EXPECT_EQ(object["value"]["value"], expected);
    EXPECT_EQ(object["encodings"], (nlohmann::json{{"value", "base64"}}));
    EXPECT_EQ(object["current_encodings"], (nlohmann::json{{"value", "base64"}}));
  }
}

TEST(TargetRequest, IsOneLine) {
  const DriverCall call = StripeCall();
  const SecretBytes value = Value("a\nb");
  const auto encoded = EncodeRequest("stripe", {"probe", call, value});
  ASSERT_OK(encoded);
  EXPECT_EQ(encoded->ExposeForCrypto().find('\n'), encoded->size() - 1);
}

TEST(TargetRequest, TheIdIsTheSameForTheSameCallOnly) {
  DriverCall call = StripeCall();
  const SecretBytes value = Value("v"), other = Value("w");
  const std::string id = CallId({"apply", call, value});
  EXPECT_EQ(CallId({"apply", call, other, &value}), id);  // of which call it is, not what it holds
  EXPECT_EQ(id.size(), 36u);
  std::set<std::string> ids = {id};
  EXPECT_TRUE(ids.insert(CallId({"retire", call, value})).second);
  EXPECT_TRUE(ids.insert(CallId({"apply", call, value, nullptr, absl::FromUnixSeconds(1)})).second);
  call.version = SecretVersion(3);
  EXPECT_TRUE(ids.insert(CallId({"apply", call, value})).second);
  call.run = 8;
  EXPECT_TRUE(ids.insert(CallId({"apply", call, value})).second);
  call.secret = Uuid();
  EXPECT_TRUE(ids.insert(CallId({"apply", call, value})).second);
}

TEST(TargetRequest, WhatIsNoValueIsRefused) {
  const DriverCall call = StripeCall();
  EXPECT_CODE(EncodeRequest("stripe", {"probe", call, *SecretBytes::CopyOf("\xff\xff")}),
              kDataLoss);
}

}  // namespace
}  // namespace keyturn
