// `keyturn apikey`, as an operator types it, and what a Redis client and a token with few grants
// see of it.
#include "base/coding.h"
#include "crypto/mac.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class ApiKeyCliTest : public CliTest {
 protected:
  static bool Has(const std::string& text, const std::string& part) {
    return absl::StrContains(text, part);
  }
  struct Made {
    std::string id, key;
  };
  Made Make(const std::string& path, const std::string& more = "") {
    const nlohmann::json made = Json(absl::StrCat("apikey create ", path, " -o json ", more));
    return {made["info"]["id"], made["key"]};
  }
  nlohmann::json Shown(const std::string& id) {
    return Json(absl::StrCat("apikey show ", id, " -o json"));
  }
};

TEST_F(ApiKeyCliTest, AKeyIsMadeVerifiedRolledAndRevoked) {
  const ProcessResult made =
      server_->Keyturn({"apikey", "create", "partners/acme", "--scope", "orders:read",
                        "--description", "Acme", "-o", "raw"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(Has(made.err, "the key is shown this once")) << made.err;
  const std::string key = made.out.substr(0, made.out.size() - 1);
  ASSERT_EQ(key.size(), 71u) << made.out;
  const std::string id = key.substr(4, 16);

  const std::string verified = Ok("apikey verify --scope orders:read", key + "\n");
  EXPECT_TRUE(Has(verified, "yes")) << verified;
  EXPECT_TRUE(Has(verified, "partners/acme")) << verified;
  const auto refused = [this](const std::string& text, const std::string& why,
                              const std::string& more = "") {
    std::vector<std::string> words = {"apikey", "verify"};
    if (!more.empty()) words.insert(words.end(), {"--scope", more});
    const ProcessResult result = server_->Keyturn(words, text);
    EXPECT_EQ(result.code, 8) << result.out << result.err;
    EXPECT_TRUE(Has(result.out, "no: " + why)) << result.out;
  };
  refused(key, "scope", "orders:write");
  std::string mistyped = key;
  mistyped[30] = mistyped[30] == 'a' ? 'b' : 'a';
  refused(mistyped, "malformed");
  refused("of nobody", "unknown");
  std::ofstream(server_->File("presented.key")) << key << "\n";
  Ok("apikey verify --value-file presented.key");

  const std::string rolled = Ok(absl::StrCat("apikey roll ", id, " --grace 3d -o raw"));
  const std::string second = rolled.substr(0, rolled.size() - 1);
  EXPECT_EQ(second.substr(4, 16), id);
  EXPECT_TRUE(Has(Ok("apikey verify", second), "yes"));
  EXPECT_TRUE(Has(Ok("apikey verify", key), "there is a newer secret"));
  const std::string shown = Ok("apikey show " + id);
  EXPECT_TRUE(Has(shown, "grace until")) << shown;
  EXPECT_TRUE(Has(shown, "used 3 times") || Has(shown, "used 4 times")) << shown;
  EXPECT_TRUE(Has(shown, "ends in " + key.substr(67))) << shown;
  EXPECT_FALSE(Has(shown, key.substr(21, 43))) << shown;
  Ok(absl::StrCat("apikey grace ", id, " --until 10d --reason late"));
  Ok(absl::StrCat("apikey grace ", id, " --until now --reason moved"));
  refused(key, "expired");
  Fails(absl::StrCat("apikey grace ", id, " --until 1d --reason late"), 6,
        "no secret of the key is in its grace");

  Fails(absl::StrCat("apikey revoke ", id, " --reason leaked"), 2, "--confirm");
  Ok(absl::StrCat("apikey revoke ", id, " --reason leaked --confirm ", id));
  refused(second, "revoked");
  Fails("apikey roll " + id, 6, "make another one");
  EXPECT_TRUE(Has(Ok("apikey show " + id), "leaked"));
}

// Where an id belongs it is not sent, not repeated and not put into a list.
TEST_F(ApiKeyCliTest, AKeyOnTheCommandLineIsRefused) {
  const Made key = Make("shown/a");
  const std::string secret = key.key.substr(21);
  for (const std::string& line :
       {"apikey show " + key.key, "apikey roll " + key.key, "apikey update --scope a " + key.key,
        "apikey grace --until now --reason a " + key.key, "apikey revoke --reason a " + key.key,
        "apikey verify " + key.key, "revoke --reason breach --api-key " + key.key}) {
    const ProcessResult result = Run(line);
    EXPECT_EQ(result.code, 2) << line;
    EXPECT_FALSE(Has(result.out + result.err, secret)) << line;
  }
  EXPECT_TRUE(Has(Run("apikey show " + key.key).err, "keyturn apikey roll " + key.id));
  EXPECT_TRUE(Has(Ok("apikey verify", key.key), "yes"));
}

TEST_F(ApiKeyCliTest, ThreeSecretsWorkAtOnce) {
  const Made key = Make("rolls/one");
  Ok("apikey roll " + key.id);
  Ok("apikey roll " + key.id);
  Fails("apikey roll " + key.id, 6, "keyturn apikey show ID shows which secrets work");
  Fails(absl::StrCat("apikey roll ", key.id, " --force"), 2, "--confirm");
  Ok(absl::StrCat("apikey roll ", key.id, " --force --confirm ", key.id));
  EXPECT_EQ(Shown(key.id)["secrets"].size(), 3u);
  Fails("apikey roll " + key.id + " --grace 91d --force --confirm " + key.id, 2, "--grace: ");
  Fails("apikey create rolls/two --ttl 91d", 2, "--ttl: ");
  Fails("apikey show 0123456789ABCDEF", 3, "keyturn apikey list shows what there is");
}

TEST_F(ApiKeyCliTest, KeysAreListedAndChanged) {
  const Made one = Make("listed/a", "--scope r --metadata plan=gold");
  const Made two = Make("listed/b", "--ttl 3d");
  Make("listed-not/c");
  const std::string all = Ok("apikey list listed");
  EXPECT_TRUE(Has(all, one.id) && Has(all, two.id)) << all;
  EXPECT_FALSE(Has(all, "listed-not")) << all;
  const std::string due = Ok("apikey list listed --due");
  EXPECT_TRUE(!Has(due, one.id) && Has(due, two.id)) << due;
  EXPECT_EQ(Json("apikey list listed -o json")["items"].size(), 2u);
  Ok(absl::StrCat("apikey update ", one.id, " --scope w --not-after 2d"));
  EXPECT_TRUE(Has(Ok("apikey list listed --due"), one.id));
  EXPECT_EQ(Shown(one.id)["scopes"], nlohmann::json::array({"w"}));
  EXPECT_EQ(Shown(one.id)["customMetadata"]["plan"], "gold");
  Ok(absl::StrCat("apikey update ", one.id, " --no-scopes --description x"));
  EXPECT_TRUE(Shown(one.id)["scopes"].empty());
  Fails(absl::StrCat("apikey update ", one.id, " --not-after 20d"), 2, "roll the key");
  Fails("apikey update " + one.id, 2, "there is nothing to change");
}

// The list that Redis clients are answered from, and the other way round.
TEST_F(ApiKeyCliTest, TheRevocationListAndTheKeysAgree) {
  const Made one = Make("listed-for-all/a"), two = Make("listed-for-all/b");
  Ok(absl::StrCat("apikey revoke ", one.id, " --reason leaked --confirm ", one.id));
  Ok(absl::StrCat("revoke --api-key ", two.id, " --reason breach"));
  const ProcessResult refused = server_->Keyturn({"apikey", "verify"}, two.key);
  EXPECT_EQ(refused.code, 8);
  EXPECT_TRUE(Has(refused.out, "revoked")) << refused.out;
  const std::string check = absl::StrCat(R"({"queries": [{"apiKey": ")", one.id,
                                         R"("}, {"apiKey": ")", two.id, R"("}]})");
  const std::string answers = Ok("api call RevocationService/Check --data -", check);
  EXPECT_FALSE(Has(answers, "false")) << answers;
  EXPECT_EQ(Shown(two.id)["state"], "REVOKED");
}

TEST_F(ApiKeyCliTest, KeysOfElsewhereAreImported) {
  const auto hash = [](const std::string& key) { return HexEncode(Sha256(key)); };
  std::ofstream file(server_->File("hashes.txt"));
  file << "# old\n";
  for (int i = 0; i < 70; ++i) file << hash(absl::StrCat("old-key-", i)) << "\n";
  file << "{\"sha256\": \"" << hash("old-json") << "\", \"path\": \"old/json\"}\n";
  file.close();
  Fails("apikey import --sha256-file hashes.txt", 2, "line 2: has no path");
  const std::string imported =
      Ok("apikey import --sha256-file hashes.txt --path old/all --scope r");
  EXPECT_TRUE(Has(imported, "71")) << imported;
  EXPECT_TRUE(Has(Ok("apikey verify --scope r", "old-key-69\n"), "old/all"));
  EXPECT_TRUE(Has(Ok("apikey verify", "old-json"), "old/json"));
  const nlohmann::json again =
      Json("apikey import --sha256-file hashes.txt --path old/all --scope r -o json");
  EXPECT_EQ(again["imported"], 0);
  EXPECT_EQ(again["existing"], 71);
  EXPECT_TRUE(Has(Ok("apikey list old/json"), "legacy"));
  // The 35th key is there under another path: what was sent before stays, and the line is named.
  std::ofstream other(server_->File("other.txt"));
  for (int i = 0; i < 34; ++i) other << hash(absl::StrCat("other-key-", i)) << " other/x\n";
  other << hash("old-json") << " other/y\n";
  other.close();
  Fails("apikey import --sha256-file other.txt", 9,
        "32 keys were imported, then: line 35: a key with this hash is there under another path");
}

// The same file again: a line whose key was rolled away is named, and what is new is taken over.
TEST_F(ApiKeyCliTest, AnEndedKeyOfElsewhereIsNotImportedAgain) {
  const auto hash = [](const std::string& key) { return HexEncode(Sha256(key)); };
  std::ofstream(server_->File("ended.txt")) << hash("rolled-away") << " ended/a\n";
  Ok("apikey import --sha256-file ended.txt");
  const std::string id = Json("apikey list ended/a -o json")["items"][0]["id"];
  for (int i = 0; i < 3; ++i) Ok(absl::StrCat("apikey roll ", id, " --grace 0"));
  std::ofstream(server_->File("ended.txt"), std::ios::app) << "\n" << hash("new") << " ended/b\n";
  const std::string again = Ok("apikey import --sha256-file ended.txt");
  EXPECT_TRUE(Has(again, "1, left out: line 1")) << again;
  const nlohmann::json once_more = Json("apikey import --sha256-file ended.txt -o json");
  EXPECT_EQ(once_more["imported"], 0);
  EXPECT_EQ(once_more["existing"], 1);
  EXPECT_EQ(once_more["endedLines"], nlohmann::json::array({1}));
  const ProcessResult refused = server_->Keyturn({"apikey", "verify"}, "rolled-away");
  EXPECT_EQ(refused.code, 8) << refused.out << refused.err;
  EXPECT_TRUE(Has(refused.out, "no: unknown")) << refused.out;
  EXPECT_TRUE(Has(Ok("apikey verify", "new"), "ended/b"));
}

// Uses survive a clean stop to the last one.
class ApiKeyRestartTest : public OwnServerTest {
 protected:
  ApiKeyRestartTest() : OwnServerTest(/*init=*/true) {}
  std::string Uses(const std::string& id, const std::string& there) {
    const std::string out = Ok(absl::StrCat("apikey show ", id, " -o json", there)).out;
    return nlohmann::json::parse(out)["uses"];
  }
};

TEST_F(ApiKeyRestartTest, UsesAreKeptThroughARestart) {
  const std::string key = Ok("apikey create counted/a -o raw").out;
  const std::string id = key.substr(4, 16);
  for (int i = 0; i < 5; ++i) Ok("apikey verify", key);
  EXPECT_EQ(Uses(id, ""), "5");
  server_.Restart();
  const std::string there = absl::StrCat(" --address ", std::string(server_.Info()["grpc"]));
  EXPECT_EQ(Uses(id, there), "5");
  Ok("apikey verify" + there, key);
  EXPECT_EQ(Uses(id, there), "6");
}

}  // namespace
}  // namespace keyturn
