// `keyturn operator unseal`: what is given is what the vault has a seal for, and nothing goes to
// the server as something that it is not.
#include "tests/integration/cli_fixture.h"

namespace keyturn {
namespace {

TEST(UnsealTest, TakesTheKeyFileWhenThereIsNothingToAskFor) {
  RunningServer server(/*init=*/true);
  const auto run = [&](const std::string& line) { return server.Keyturn(Words(line)); };
  for (const std::string line : {"operator unseal", "operator unseal --key-file"}) {
    ASSERT_EQ(run("operator seal --confirm seal").code, 0);
    const ProcessResult unseal = run(line);
    EXPECT_EQ(unseal.code, 0) << unseal.err;
    EXPECT_TRUE(absl::StrContains(unseal.out, "unsealed")) << unseal.out;
  }
}

class UnsealTwoSealsTest : public TwoSealsTest {
 protected:
  void SetUp() override {
    TwoSealsTest::SetUp();
    ASSERT_EQ(Run("operator seal --confirm seal").code, 0);
  }
  std::string SharesGiven() {
    return absl::StrCat(
        nlohmann::json::parse(Run("operator status -o json").out).value("sharesGiven", 0));
  }
};

TEST_F(UnsealTwoSealsTest, TakesAFileOfSharesForNothingElse) {
  const ProcessResult empty = Run("operator unseal --share-file -", "\n");
  EXPECT_EQ(empty.code, 2);
  EXPECT_TRUE(absl::StrContains(empty.err, "standard input holds no share")) << empty.err;
  std::ofstream(server_.File("nothing")).flush();
  EXPECT_EQ(Run("operator unseal --share-file nothing").code, 2);

  const ProcessResult other = Run("operator unseal --share-file -", kPassphrase);
  EXPECT_EQ(other.code, 2) << other.out;
  EXPECT_TRUE(absl::StrContains(
      other.err,
      "line 1 of standard input is no share; nothing was sent. A share starts with "
      "kt-share-\nnext: for a passphrase: keyturn operator unseal --passphrase-file"))
      << other.err;
  EXPECT_FALSE(absl::StrContains(other.err, "battery")) << other.err;

  const std::vector<std::string> shares = SharesIn("shares");
  EXPECT_EQ(Run("operator unseal --share-file -", shares[0] + "\nnotes\n").code, 2);
  EXPECT_EQ(SharesGiven(), "0");
  EXPECT_EQ(Run("operator unseal --share-file shares").code, 0);
  EXPECT_EQ(Run("operator status --fail-on sealed").code, 0);
}

TEST_F(UnsealTwoSealsTest, AWrongPassphraseIsNoLogin) {
  const ProcessResult wrong = Run("operator unseal --passphrase-file -", "correct horse no staple");
  EXPECT_NE(wrong.code, 0);
  EXPECT_TRUE(absl::StrContains(wrong.err, "the passphrase does not open this vault")) << wrong.err;
  EXPECT_FALSE(absl::StrContains(wrong.err, "login")) << wrong.err;
  EXPECT_TRUE(absl::StrContains(wrong.err, "next: give the passphrase again")) << wrong.err;
  const ProcessResult none = Run("operator unseal --passphrase-file -", "\n");
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(absl::StrContains(none.err, "standard input is empty")) << none.err;
  EXPECT_EQ(Run("operator unseal --passphrase-file -", kPassphrase).code, 0);
}

TEST_F(UnsealTwoSealsTest, NamesWhatThisVaultTakesWhenNobodyCanBeAsked) {
  const ProcessResult asked = Run("operator unseal");
  EXPECT_EQ(asked.code, 2);
  EXPECT_TRUE(absl::StrContains(asked.err, "give --share-file FILE or --passphrase-file FILE, or "))
      << asked.err;
}

}  // namespace
}  // namespace keyturn
