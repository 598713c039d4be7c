// `keyturn rotation`, as an operator types it.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

class RotationCliTest : public CliTest {
 protected:
  void Make(const std::string& path, const std::string& more = "") {
    Ok(absl::StrCat("secret put ", path, " --value-file - ", more), "first");
  }
  std::string Value(const std::string& path, const std::string& more = "") {
    return Ok(absl::StrCat("secret read ", path, " ", more));
  }
  static bool Has(const std::string& text, const std::string& part) {
    return absl::StrContains(text, part);
  }
};

TEST_F(RotationCliTest, ASecretIsGivenAPolicyRotatedAndRolledBack) {
  Make("rot/app");
  EXPECT_TRUE(Has(Ok("rotation status rot/app"), "rotates  no"));
  const std::string set =
      Ok("rotation policy set rot/app --period 30d --grace 2d --source generate --jitter none");
  EXPECT_TRUE(Has(set, "every 30d, grace 2d, value made by the server (field value)")) << set;
  EXPECT_TRUE(Has(set, "(in 29d23h)") || Has(set, "(in 30d)")) << set;
  const std::string rotated = Ok("rotation run rot/app");
  EXPECT_TRUE(Has(rotated, "current")) << rotated;
  EXPECT_TRUE(Has(rotated, "grace")) << rotated;
  EXPECT_EQ(Value("rot/app", "--version previous"), "first");
  const std::string second = Value("rot/app");
  EXPECT_NE(second, "first");
  Ok("rotation rollback rot/app --reason broken");
  EXPECT_EQ(Value("rot/app"), "first");
  EXPECT_EQ(Value("rot/app", "--version previous"), second);
  const std::string runs = Ok("rotation runs rot/app");
  EXPECT_TRUE(Has(runs, "rollback")) << runs;
  EXPECT_TRUE(Has(runs, "broken")) << runs;
  EXPECT_TRUE(Has(runs, "manual")) << runs;
}

TEST_F(RotationCliTest, AGraceIsExtendedAndEnded) {
  Make("rot/grace");
  Ok("rotation policy set rot/grace --source generate");
  Ok("rotation run rot/grace");
  const std::string extended = Ok("rotation extend rot/grace --until 20d --reason partner");
  EXPECT_TRUE(Has(extended, "(in 19d23h)") || Has(extended, "(in 20d)")) << extended;
  EXPECT_TRUE(Has(extended, "version 1, whose grace ends 20")) << extended;
  Fails("rotation retire rot/grace --version 1 --reason done", 2, "--confirm");
  Fails("rotation retire rot/grace --version 2 --reason done --confirm rot/grace", 6,
        "version 2 is not in its grace");
  Ok("rotation retire rot/grace --version 1 --reason done --confirm rot/grace");
  Fails("secret read rot/grace --version 1", 6, "version 1 is retired; read the current one");
  Fails("rotation rollback rot/grace --reason late", 6,
        "next: keyturn rotation status rot/grace shows which versions work");
}

TEST_F(RotationCliTest, WhatIsExtendedIsNamed) {
  Make("rot/two");
  Ok("rotation policy set rot/two --source generate --grace 2d");
  Ok("rotation run rot/two");
  Ok("rotation run rot/two");
  const auto moved = [](const std::string& out) {
    const std::vector<std::string> lines = absl::StrSplit(out, '\n');
    for (const std::string& line : lines) {
      if (absl::StartsWith(line, "moved")) return line;
    }
    return std::string("none");
  };
  EXPECT_TRUE(Has(moved(Ok("rotation extend rot/two --until 5d --reason late")),
                  "version 1, whose grace ends 20"));
  // Now the other one ends first.
  EXPECT_TRUE(Has(moved(Ok("rotation extend rot/two --until 6d --reason late")),
                  "version 2, whose grace ends 20"));
  EXPECT_TRUE(Has(moved(Ok("rotation extend rot/two --version 2 --until 4d --reason early")),
                  "version 2, whose grace ends 20"));
}

TEST_F(RotationCliTest, AnEmergencyEndsWhatIsInUse) {
  Make("rot/leak", "--kind api_key");  // of somebody else: nobody here can make one
  Fails("rotation run rot/leak --emergency --confirm rot/leak", 2, "reason: say why");
  const std::string run =
      Ok("rotation run rot/leak --emergency --revoke-first --reason leaked --confirm rot/leak");
  EXPECT_TRUE(Has(run, "waits for a value: keyturn secret put rot/leak")) << run;
  Fails("secret read rot/leak", 6, "may be known to others");
  Ok("secret put rot/leak --value-file -", "second");
  EXPECT_EQ(Value("rot/leak"), "second");
  Fails("secret read rot/leak --version previous", 3, "no such version");
}

TEST_F(RotationCliTest, WhatIsDeletedSaysThatNothingStarts) {
  Make("rotd/key", "--kind api_key");
  Ok("rotation policy set rotd/key --source generate");
  Ok("secret delete rotd/key");
  const std::string status = Ok("rotation status rotd/key");
  EXPECT_TRUE(Has(status,
                  "nothing starts: version 1, the current one, is deleted; keyturn secret undelete "
                  "rotd/key brings it back"))
      << status;
  EXPECT_TRUE(Has(status, "current (deleted)")) << status;
  EXPECT_FALSE(Has(status, "(in ")) << status;
  const std::string listed = Ok("rotation list rotd/");
  EXPECT_TRUE(Has(listed, "nothing starts")) << listed;
  EXPECT_TRUE(Has(listed, "version 1, the current one, is deleted")) << listed;
  Fails("rotation run rotd/key", 6, "next: keyturn secret undelete rotd/key brings it back");
  const std::string run =
      Ok("rotation run rotd/key --emergency --reason leaked --confirm rotd/key");
  EXPECT_TRUE(Has(run, "running at generate, goes on when the current version is back")) << run;
  Ok("rotation cancel rotd/key --reason later");
  Ok("secret undelete rotd/key");
  EXPECT_FALSE(Has(Ok("rotation status rotd/key"), "nothing starts"));
  Ok("rotation run rotd/key");
}

TEST_F(RotationCliTest, TheClockIsAccepted) {
  Fails("rotation accept-clock", 2, "--reason");
  const std::string accepted = Ok("rotation accept-clock --reason adjusted");
  EXPECT_TRUE(Has(accepted, "time of the server")) << accepted;
  EXPECT_TRUE(Has(accepted, "yes")) << accepted;
}

TEST_F(RotationCliTest, WhatIsDueIsListedSoonestFirst) {
  Make("rotl/a");
  Make("rotl/b", "--kind api_key");
  Make("rotl/c");
  Ok("rotation policy set rotl/a --period 40d --source generate");
  const std::string all = Ok("rotation list rotl/");
  EXPECT_LT(all.find("rotl/a"), all.find("rotl/b")) << all;
  EXPECT_FALSE(Has(all, "rotl/c")) << all;
  const std::string soon = Ok("rotation list rotl/ --within 45d");
  EXPECT_TRUE(Has(soon, "rotl/a") && !Has(soon, "rotl/b")) << soon;
  EXPECT_EQ(Ok("rotation list rotl/ --blocked"), "");
  Ok("rotation pause rotl/a --reason freeze");
  EXPECT_TRUE(Has(Ok("rotation status rotl/a"), "paused: freeze"));
  Ok("rotation resume rotl/a");
  Ok("rotation run rotl/b");
  EXPECT_TRUE(Has(Ok("rotation list rotl/"), "waits for a value"));
  Ok("rotation cancel rotl/b --reason later");
  EXPECT_EQ(Json("rotation list rotl/ -o json")["items"].size(), 2u);
}

TEST_F(RotationCliTest, APolicyGoesFromOneSecretToAnotherAsAFile) {
  Make("rot/from");
  Make("rot/to");
  const ProcessResult set = server_->Keyturn(
      {"rotation", "policy", "set", "rot/from", "--period", "60d", "--window",
       "0 2 * * SUN 4h Europe/Berlin", "--after", "rot/to 6h", "--grace-mode", "before", "--soft"});
  ASSERT_EQ(set.code, 0) << set.err;
  EXPECT_TRUE(Has(set.out, "1 window, soft")) << set.out;
  const std::string policy = Ok("rotation policy show rot/from");
  std::ofstream(server_->File("policy.json")) << policy;
  Fails("rotation policy set rot/to --file policy.json", 2,
        "policy.after: 'rot/to' would wait for itself: rot/to after rot/to");
  Ok("rotation policy remove rot/from");
  Fails("rotation run rot/from", 6, "has no rotation policy");
  const ProcessResult bad = server_->Keyturn(
      {"rotation", "policy", "set", "rot/to", "--window", "0 2 * * SUN 4h Mars/Base"});
  EXPECT_EQ(bad.code, 2) << bad.err;
  EXPECT_TRUE(Has(bad.err, "policy.windows[0]: ") && Has(bad.err, "Mars/Base")) << bad.err;
  Fails("rotation policy set rot/to --window 4h", 2, "MINUTE HOUR DAY MONTH WEEKDAY LENGTH");
  Fails("rotation policy set rot/to --retire-gate maybe", 2, "none, warn or block");
  Fails("rotation policy set rot/to --period 5s", 2, "--period is 5; allowed are 60 to ");
}

TEST_F(RotationCliTest, WhatAPolicyHasIsTakenBack) {
  Make("rotn/a");
  const auto stored = [&] { return Json("rotation policy show rotn/a"); };
  const ProcessResult set =
      server_->Keyturn({"rotation", "policy", "set", "rotn/a", "--source", "generate", "--grace",
                        "2d", "--window", "0 2 * * SUN 4h", "--window", "0 3 * * * 1h", "--after",
                        "rotn/b 6h", "--max-age", "60d", "--soft"});
  ASSERT_EQ(set.code, 0) << set.err;
  EXPECT_EQ(stored()["enforcement"], "SOFT");
  EXPECT_EQ(stored()["maxCredentialAgeSeconds"], "5184000");
  // What is not named stays.
  Ok("rotation policy set rotn/a --strict");
  EXPECT_EQ(stored()["enforcement"], "STRICT");
  EXPECT_EQ(stored()["windows"].size(), 2u);
  Ok("rotation policy set rotn/a --window none");
  EXPECT_EQ(stored()["windows"].size(), 0u);
  EXPECT_EQ(stored()["after"].size(), 1u);
  Ok("rotation policy set rotn/a --after none");
  EXPECT_EQ(stored()["after"].size(), 0u);
  EXPECT_EQ(stored()["maxCredentialAgeSeconds"], "5184000");
  Ok("rotation policy set rotn/a --max-age none");
  EXPECT_EQ(stored()["maxCredentialAgeSeconds"], "0");
  EXPECT_EQ(stored()["graceSeconds"], "172800");

  Fails("rotation policy set rotn/a --soft --strict", 2, "--strict");
  Fails("rotation policy set rotn/a --window none --window none", 2, "--window none stands alone");
  Fails("rotation policy set rotn/a --after none --after rotn/b", 2, "--after none stands alone");
  Fails("rotation policy set rotn/a --period none", 2, "--period 'none' is not a length of time");
  Fails("rotation policy set rotn/a --max-age 1d", 2,
        "--max-age is 86400 seconds (1d); allowed are none and 345600 seconds (4d)");
}

TEST_F(RotationCliTest, SecretsThatWouldWaitForEachOtherAreRefused) {
  Make("rotw/a");
  Make("rotw/b");
  Ok("rotation policy set rotw/a --source generate --after rotw/b");
  Fails("rotation policy set rotw/b --source generate --after rotw/a", 2,
        "policy.after: 'rotw/b' would wait for itself: rotw/b after rotw/a after rotw/b");
}

TEST_F(RotationCliTest, WhoStillUsesAFormerVersionIsNamed) {
  Make("rotc/used");
  Make("rotc/other");
  Ok("rotation policy set rotc/used --source generate --retire-gate block");
  EXPECT_EQ(Value("rotc/used"), "first");
  EXPECT_EQ(Ok("consumer list rotc/ --lagging"), "");
  Ok("rotation run rotc/used");
  const std::string status = Ok("rotation status rotc/used");
  EXPECT_TRUE(Has(status, "grace ends in 6d23h; 1 of 1 consumer still on v1: ") ||
              Has(status, "grace ends in 7d; 1 of 1 consumer still on v1: "))
      << status;
  const std::string listed = Ok("consumer list rotc/ --lagging");
  EXPECT_TRUE(Has(listed, "rotc/used") && Has(listed, "lagging")) << listed;
  const auto items = Json("consumer list rotc -o json")["items"];
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0]["state"], "LAGGING");
  EXPECT_EQ(items[0]["version"], "1");
  const std::string name = items[0]["name"];
  EXPECT_TRUE(Has(status, name)) << status;

  EXPECT_TRUE(Has(Ok("consumer acknowledge rotc/used --version 2"), "current  2"));
  EXPECT_EQ(Json("consumer list rotc/used -o json")["items"][0]["state"], "ACKNOWLEDGED");
  EXPECT_FALSE(Has(Ok("rotation status rotc/used"), "still on"));
  Fails("consumer acknowledge rotc/used --version 7", 3,
        "next: keyturn secret history rotc/used shows the versions");

  Fails("consumer forget rotc/used nobody --reason gone", 3,
        "next: keyturn consumer list rotc/used shows who there is");
  const ProcessResult forgot =
      server_->Keyturn({"consumer", "forget", "rotc/used", name, "--reason", "shut down"});
  EXPECT_EQ(forgot.code, 0) << forgot.err;
  EXPECT_EQ(Json("consumer list rotc/used -o json")["items"].size(), 0u);
  const std::string log = Ok("audit search --event consumer_forgotten -o json");
  EXPECT_TRUE(Has(log, "shut down") && Has(log, name)) << log;
}

}  // namespace
}  // namespace keyturn
