// `keyturn webhook`, as an operator types it, with a receiver that is there and one that is not.

#include "storage/file_system.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class WebhookCliTest : public CliTest {
 protected:
  static bool Has(const std::string& text, const std::string& part) {
    return absl::StrContains(text, part);
  }
  std::string Add(const std::string& more = "") {
    return Json("webhook add https://127.0.0.1:1/hook -o json " + more)["info"]["id"];
  }
};

TEST_F(WebhookCliTest, OneIsAddedShownRolledAndRemoved) {
  EXPECT_TRUE(Has(server_->Keyturn({"webhook", "list"}).err, "there are no webhooks"));
  const std::string id = Add("--type rotation.* --path app/+ --description deployer");
  const std::string shown = Ok("webhook show " + id);
  EXPECT_TRUE(Has(shown, "whpk_")) << shown;
  EXPECT_TRUE(Has(shown, "rotation.*")) << shown;
  EXPECT_TRUE(Has(shown, "enabled")) << shown;
  EXPECT_TRUE(Has(Ok("webhook list"), "deployer"));
  const std::string rolled = Ok("webhook roll-key " + id);
  EXPECT_TRUE(Has(rolled, "former key")) << rolled;
  const ProcessResult again = server_->Keyturn({"webhook", "roll-key", id});
  EXPECT_EQ(again.code, 6) << again.err;
  EXPECT_TRUE(Has(again.err, "keyturn webhook show ID shows which keys sign")) << again.err;
  Ok("webhook enable " + id);
  const ProcessResult unsure = server_->Keyturn({"webhook", "rm", id});
  EXPECT_NE(unsure.code, 0);
  Ok("webhook rm " + id + " --confirm " + id);
  const ProcessResult gone = server_->Keyturn({"webhook", "show", id});
  EXPECT_EQ(gone.code, 3) << gone.err;
  EXPECT_TRUE(Has(gone.err, "keyturn webhook list shows what there is")) << gone.err;
}

TEST_F(WebhookCliTest, TheSecretOfAnHmacIsShownOnceOrGoesIntoAFile) {
  const ProcessResult shown =
      server_->Keyturn({"webhook", "add", "https://127.0.0.1:1/", "--signature", "v1"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_TRUE(Has(shown.out, "whsec_")) << shown.out;
  EXPECT_TRUE(Has(shown.err, "the secret is shown this once")) << shown.err;
  const ProcessResult filed = server_->Keyturn(
      {"webhook", "add", "https://127.0.0.1:1/", "--signature", "v1", "--output-file", "hook"});
  ASSERT_EQ(filed.code, 0) << filed.err;
  EXPECT_FALSE(Has(filed.out + filed.err, "whsec_")) << filed.out << filed.err;
  EXPECT_EQ(FileSystem::Posix().Read(server_->File("hook"))->substr(0, 6), "whsec_");
}

TEST_F(WebhookCliTest, MistakesAreNamedInTheCommandsWords) {
  Fails("webhook add https://a --signature v2", 2, "--signature must be v1a or v1");
  Fails("webhook add http://a", 2, "url: allowed is a URL that begins with https://");
  Fails("webhook add https://a --type promoted", 2, "--type: no event is of one of them");
  Fails("webhook add https://a --path a*b", 2, "--path: ");
  const std::string id = Add();
  Fails("webhook deliveries " + id + " --state sent", 2,
        "--state must be pending, delivered or failed");
  Fails("webhook replay " + id, 2, "give the id of one delivery, or --failed with --since");
  Fails("webhook replay " + id + " msg_x", 3, "this webhook has no such delivery");
}

TEST_F(WebhookCliTest, WhatHappensIsToldAndCanBeToldAgain) {
  const std::string id = Add();
  const ProcessResult tested = server_->Keyturn({"webhook", "test", id});
  EXPECT_EQ(tested.code, 8) << tested.out << tested.err;
  EXPECT_TRUE(Has(tested.out, "127.0.0.1 is not public, and not allowed")) << tested.out;
  EXPECT_TRUE(Has(server_->Keyturn({"webhook", "deliveries", id}).err, "it was told nothing"));
  Ok("secret put app/key --value-file - --kind api_key", "old-value");
  Ok("rotation policy set app/key --source generate");
  Ok("rotation run app/key");
  const std::string told = Ok("webhook deliveries " + id + " --state pending");
  EXPECT_TRUE(Has(told, "rotation.promoted")) << told;
  const nlohmann::json items = Json("webhook deliveries " + id + " -o json")["items"];
  ASSERT_EQ(items.size(), 2u);
  const std::string delivery = items[0]["id"];
  EXPECT_TRUE(Has(Ok("webhook replay " + id + " " + delivery), "1"));
  EXPECT_TRUE(Has(Ok("webhook replay " + id + " --failed --since 2d"), "0"));
}

}  // namespace
}  // namespace keyturn
