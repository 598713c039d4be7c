// `keyturn api`: the methods of the server by their names, for scripts that need no library.
#include "absl/strings/escaping.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

using CliApi = CliTest;

TEST_F(CliApi, TakesAndGivesTheJsonOfProtobuf) {
  const std::string put =
      absl::StrCat(R"({"path": "api/one", "data": {"fields": [{"name": "value", "value": ")",
                   absl::Base64Escape("hunter2"), R"("}]}})");
  const nlohmann::json written =
      nlohmann::json::parse(Ok("api call SecretService/Put --data -", put));
  EXPECT_EQ(written["version"], "1");
  EXPECT_EQ(Ok("secret read api/one"), "hunter2");
  const nlohmann::json read = nlohmann::json::parse(
      Ok("api call /keyturn.v1.SecretService/Get --data -", R"({"path": "api/one"})"));
  EXPECT_EQ(read["data"]["fields"][0]["value"], absl::Base64Escape("hunter2"));
  EXPECT_EQ(Json("api call SystemService/Status")["sealed"], false);
}

TEST_F(CliApi, ErrorsAreThoseOfTheOtherCommands) {
  Fails("api call SecretService/Get --data -", 3, "no secret at api/none",
        R"({"path": "api/none"})");
  Fails("api call SecretService/Gte", 2,
        "there is no method 'SecretService/Gte' of one answer; the nearest is SecretService/Get\n"
        "next: keyturn api list shows what there is\n");
  Fails("api call SecretService/Watch", 2, "there is no method 'SecretService/Watch'");
  Fails("api call SecretService/Get --data /nowhere/file", 1, "cannot read /nowhere/file");
  const ProcessResult bad =
      Run("api call SecretService/Put --data -", R"({"path": 1, "hunter2": "hunter2"})");
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(absl::StrContains(bad.err, "standard input is not a PutRequest in the JSON"))
      << bad.err;
  EXPECT_FALSE(absl::StrContains(bad.err, "hunter2")) << bad.err;
}

TEST_F(CliApi, ListsEveryMethodThatAnswersOnce) {
  const nlohmann::json items = Json("api list -o json")["items"];
  std::map<std::string, std::string> takes;
  for (const nlohmann::json& item : items) takes[item["method"]] = item["request"];
  EXPECT_EQ(takes["SecretService/Get"], "GetRequest");
  EXPECT_EQ(takes["AuditService/Search"], "SearchAuditRequest");
  EXPECT_EQ(takes.count("SecretService/Watch"), 0u);
  for (const std::string service :
       {"SecretService", "SystemService", "AuthService", "TokenService", "PolicyService",
        "AuditService", "RevocationService", "RotationService", "ApiKeyService", "JwtService",
        "ConsumerService", "WebhookService"}) {
    EXPECT_TRUE(absl::StrContains(items.dump(), "\"" + service + "/")) << service;
  }
}

}  // namespace
}  // namespace keyturn
