// `keyturn operator rekey` and `rotate-root-key`, typed as OPERATIONS.md says, against a server
// that is restarted: which keys open the vault afterwards.
#include "absl/strings/str_join.h"
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

constexpr char kNewPassphrase[] = "a new horse battery staple\n";

class RekeyCliTest : public TwoSealsTest {
 protected:
  void SetUp() override {
    TwoSealsTest::SetUp();
    Ok("secret put a/b --value-file -", "hunter2\n");
  }

  void Fails(const std::string& line, int code, const std::string& message,
             const std::string& input = "") {
    const ProcessResult result = Run(line, input);
    EXPECT_EQ(result.code, code) << line << "\n" << result.err;
    EXPECT_TRUE(absl::StrContains(result.err, message)) << line << "\n" << result.err;
  }
  // Whether `line` unseals after a restart of nothing but the keys.
  bool Unseals(const std::string& line, const std::string& input = "") {
    Ok("operator seal --confirm seal");
    const bool opened =
        Run(line, input).code == 0 && Run("operator status --fail-on sealed").code == 0;
    if (opened) {
      EXPECT_EQ(Ok("secret read a/b").out, "hunter2");
    }
    return opened;
  }
};

TEST_F(RekeyCliTest, NewSharesTakeThePlaceOfEverySealBefore) {
  const std::vector<std::string> old_shares = SharesIn("shares");
  Fails("operator rekey give", 6,
        "no change of the root key is under way\nnext: keyturn operator rekey start");
  const ProcessResult started = Ok("operator rekey start --seal shamir --shares 5 --threshold 3");
  EXPECT_TRUE(absl::StrContains(started.out, "keys of the present seals are needed"))
      << started.out;
  EXPECT_TRUE(absl::StrContains(started.out, "passphrase or shamir (0 of 2 shares given)"))
      << started.out;
  EXPECT_TRUE(absl::StrContains(started.err, "next: keyturn operator rekey give")) << started.err;
  Fails("operator rekey start --seal shamir", 6, "under way");
  Fails("operator rekey give", 2, "needed: passphrase or shamir (0 of 2 shares given)");
  Fails("operator rekey give --passphrase-file -", 2, "the passphrase does not open this vault",
        "correct horse no staple\n");
  Fails("operator rekey give --key-file", 6, "asked for: passphrase, shamir");

  const ProcessResult asked = server_.KeyturnOnTerminal({"operator", "rekey", "give"},
                                                        {{"share, or passphrase", old_shares[2]}});
  EXPECT_EQ(asked.code, 0) << asked.out;
  EXPECT_FALSE(absl::StrContains(asked.out, old_shares[2])) << "it was echoed";
  EXPECT_TRUE(absl::StrContains(asked.out, "shamir (1 of 2 shares given)")) << asked.out;
  const ProcessResult authorised =
      Ok("operator rekey give --share-file - --shares-file new-shares", old_shares[0]);
  EXPECT_FALSE(absl::StrContains(authorised.out, "kt-share-")) << authorised.out;
  EXPECT_TRUE(absl::StrContains(authorised.err, "count only when enough of them were typed back"))
      << authorised.err;
  const std::vector<std::string> shares = SharesIn("new-shares");
  Fails("operator rekey give --share-file new-shares --shares-file shares", 6,
        "shares exists already; nothing was given");
  ASSERT_EQ(shares.size(), 5u);

  // Nothing has changed yet.
  EXPECT_EQ(nlohmann::json::parse(Ok("operator rekey status -o json").out)["phase"], "VERIFY");
  Fails("operator rekey give --share-file -", 2, "another vault or an older seal", old_shares[0]);
  const ProcessResult done =
      Ok("operator rekey give --share-file -", absl::StrJoin(shares, "\n") + "\n");
  EXPECT_TRUE(absl::StrContains(done.out, "done: the new root key is in force")) << done.out;
  EXPECT_TRUE(absl::StrContains(done.err, "rotate-kek --compromised")) << done.err;
  EXPECT_EQ(Ok("secret read a/b").out, "hunter2");
  Fails("operator rekey cancel", 6, "the last one was finished and is in force");

  EXPECT_FALSE(Unseals("operator unseal --share-file -", absl::StrJoin(old_shares, "\n")));
  Fails("operator unseal --passphrase-file -", 6, "the vault has no passphrase seal", kPassphrase);
  Ok("operator unseal --share-file new-shares");
  server_.Restart();  // on another port
  const std::string there = absl::StrCat(" --address ", std::string(server_.Info()["grpc"]));
  Ok("operator unseal --share-file new-shares" + there);
  EXPECT_EQ(Ok("secret read a/b" + there).out, "hunter2");
  const std::string verified = Ok("operator verify -o json" + there).out;
  EXPECT_TRUE(nlohmann::json::parse(verified)["problems"].empty()) << verified;
}

TEST_F(RekeyCliTest, ACancelledChangeLeavesEverythingAsItWas) {
  Ok("operator rekey start --seal passphrase --new-passphrase-file -", kNewPassphrase);
  Ok("operator rekey give --passphrase-file -", kPassphrase);
  const ProcessResult cancelled = Ok("operator rekey cancel");
  EXPECT_TRUE(absl::StrContains(cancelled.err, "new shares are worthless")) << cancelled.err;
  const ProcessResult again = Run("operator rekey cancel");
  EXPECT_EQ(again.code, 6);
  EXPECT_TRUE(absl::StrContains(again.err, "nothing was changed")) << again.err;
  EXPECT_FALSE(absl::StrContains(again.err, "worthless")) << again.err;
  EXPECT_TRUE(absl::StrContains(again.err, "next: keyturn operator rekey status")) << again.err;
  EXPECT_TRUE(absl::StrContains(Ok("operator rekey status").out, "none is under way"));
  EXPECT_FALSE(Unseals("operator unseal --passphrase-file -", kNewPassphrase));
  Ok("operator unseal --passphrase-file -", kPassphrase);
  EXPECT_TRUE(Unseals("operator unseal --share-file shares"));
}

TEST_F(RekeyCliTest, ANewPassphraseIsTypedBack) {
  Ok("operator rekey start --seal passphrase --new-passphrase-file -", kNewPassphrase);
  Ok("operator rekey give --passphrase-file -", kPassphrase);
  Fails("operator rekey give --passphrase-file -", 2, "does not open this vault", kPassphrase);
  Ok("operator rekey give --passphrase-file -", kNewPassphrase);
  EXPECT_FALSE(Unseals("operator unseal --passphrase-file -", kPassphrase));
  Ok("operator unseal --passphrase-file -", kNewPassphrase);
}

TEST_F(RekeyCliTest, TheRootKeyTurnsUnderTheSameSeals) {
  const std::string seal = server_.File("data/seal.ktn");
  const std::string before = *FileSystem::Posix().Read(seal);
  EXPECT_TRUE(absl::StrContains(Ok("operator rotate-root-key").out,
                                "passphrase and shamir (0 of 2 shares given)"));
  Ok("operator rekey give --passphrase-file -", kPassphrase);
  EXPECT_TRUE(absl::StrContains(Ok("operator rekey give --share-file shares").err,
                                "the keys of the seals are what they were"));
  EXPECT_NE(*FileSystem::Posix().Read(seal), before);
  EXPECT_TRUE(Unseals("operator unseal --passphrase-file -", kPassphrase));
  EXPECT_TRUE(Unseals("operator unseal --share-file shares"));
}

TEST(RekeyKeyFileTest, TheServerTakesItsNewKeyFileByItself) {
  RunningServer server(/*init=*/true);
  const auto run = [&](const std::string& line) { return server.Keyturn(Words(line)); };
  const std::string key_file = server.File("key");
  const std::string before = *FileSystem::Posix().Read(key_file);
  ASSERT_EQ(run("operator rekey start --seal key-file").code, 0);
  const ProcessResult asked = run("operator rekey give");
  EXPECT_EQ(asked.code, 2);
  EXPECT_TRUE(absl::StrContains(asked.err, "next: keyturn operator rekey give --key-file"))
      << asked.err;
  const ProcessResult done = run("operator rekey give --key-file");
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_NE(*FileSystem::Posix().Read(key_file), before);
  ASSERT_EQ(run("operator seal --confirm seal").code, 0);
  EXPECT_EQ(run("operator unseal --key-file").code, 0);
  EXPECT_EQ(run("operator status --fail-on sealed").code, 0);
}

}  // namespace
}  // namespace keyturn
