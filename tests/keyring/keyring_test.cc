#include "keyring/keyring.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "keyring/key_file.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() : files_(NewMemoryFileSystem()) {
    options_ = {.directory = "/data",
                .key_file = dir_.File("unseal.key"),
                .anchor_file = "/anchor/anchor.ktn",
                .argon2 = {1, 64 * 1024}};
  }

  std::unique_ptr<Keyring> Open() {
    auto keyring = Keyring::Open(options_, *files_, clock_);
    EXPECT_TRUE(keyring.ok()) << keyring.status();
    return *std::move(keyring);
  }

  static SecretBytes Secret(absl::string_view text) { return *SecretBytes::CopyOf(text); }

  static std::vector<SealSpec> AllSeals() {
    std::vector<SealSpec> seals(3);
    seals[0].type = SealSpec::Type::kKeyFile;
    seals[1].type = SealSpec::Type::kPassphrase;
    seals[1].passphrase = Secret("a long passphrase");
    seals[2].type = SealSpec::Type::kShamir;
    seals[2].shares = 5;
    seals[2].threshold = 3;
    return seals;
  }

  static std::string Fingerprint(const Keyring& keyring) {
    return std::string((*keyring.Snapshot())->index_key().ExposeForCrypto());
  }

  TempDir dir_;
  SimulatedClock clock_;
  std::unique_ptr<FileSystem> files_;
  KeyringOptions options_;
};

TEST_F(KeyringTest, StartsUninitialised) {
  const auto keyring = Open();
  EXPECT_FALSE(keyring->status().initialized);
  EXPECT_TRUE(keyring->status().sealed);
  EXPECT_CODE(keyring->Snapshot(), kFailedPrecondition);
  EXPECT_EQ(keyring->UnsealWithKeyFile(Revision(0)).message(),
            "the vault is not initialised; run: keyturn operator init");
}

TEST_F(KeyringTest, EachSealOpensTheSameKeys) {
  std::vector<SecretBytes> shares;
  std::string fingerprint;
  {
    const auto keyring = Open();
    ASSERT_OK_AND_ASSIGN(InitResult result, keyring->Init(AllSeals()));
    EXPECT_EQ(result.shares.size(), 5u);
    shares = std::move(result.shares);
    EXPECT_FALSE(keyring->status().sealed);
    fingerprint = Fingerprint(*keyring);
    EXPECT_CODE(keyring->Init(AllSeals()), kFailedPrecondition);
  }
  {
    const auto keyring = Open();
    EXPECT_TRUE(keyring->status().initialized);
    EXPECT_TRUE(keyring->status().sealed);
    EXPECT_EQ(keyring->status().seals,
              (std::vector<std::string>{"keyfile", "passphrase", "shamir"}));
    ASSERT_OK(keyring->UnsealWithKeyFile(Revision(0)));
    EXPECT_EQ(Fingerprint(*keyring), fingerprint);
    keyring->Seal();
    EXPECT_CODE(keyring->Snapshot(), kFailedPrecondition);
    ASSERT_OK(keyring->UnsealWithPassphrase(Secret("a long passphrase"), Revision(0)));
    EXPECT_EQ(Fingerprint(*keyring), fingerprint);
  }
  const auto keyring = Open();
  ASSERT_OK(keyring->UnsealWithShare(shares[4], "", Revision(0)));
  EXPECT_EQ(keyring->status().shares_given, 1);
  const std::string nonce = keyring->status().unseal_nonce;
  EXPECT_CODE(keyring->UnsealWithShare(shares[4], nonce, Revision(0)), kInvalidArgument);
  EXPECT_CODE(keyring->UnsealWithShare(shares[1], "00", Revision(0)), kInvalidArgument);
  ASSERT_OK(keyring->UnsealWithShare(shares[1], nonce, Revision(0)));
  EXPECT_TRUE(keyring->status().sealed);
  ASSERT_OK(keyring->UnsealWithShare(shares[2], nonce, Revision(0)));
  EXPECT_FALSE(keyring->status().sealed);
  EXPECT_EQ(Fingerprint(*keyring), fingerprint);
}

TEST_F(KeyringTest, WrongSecretsAreRefused) {
  ASSERT_OK(Open()->Init(AllSeals()));
  const auto keyring = Open();
  EXPECT_CODE(keyring->UnsealWithPassphrase(Secret("another passphrase"), Revision(0)),
              kUnauthenticated);
  EXPECT_CODE(keyring->UnsealWithShare(Secret("not a share"), "", Revision(0)), kInvalidArgument);
  EXPECT_TRUE(keyring->status().sealed);
}

TEST_F(KeyringTest, SharesOfAnotherVaultOrMistypedAreNamed) {
  std::string foreign;
  {
    const auto other_files = NewMemoryFileSystem();
    options_.key_file = dir_.File("other.key");
    auto other = *Keyring::Open(options_, *other_files, clock_);
    foreign = std::string((*other->Init(AllSeals())).shares[0].ExposeForWire());
    options_.key_file = dir_.File("unseal.key");
  }
  ASSERT_OK_AND_ASSIGN(const InitResult made, Open()->Init(AllSeals()));
  const auto keyring = Open();
  EXPECT_EQ(keyring->UnsealWithShare(Secret(foreign), "", Revision(0)).message(),
            "the share belongs to another vault or an older seal");
  std::string typo(made.shares[0].ExposeForWire());
  typo[20] = typo[20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(keyring->UnsealWithShare(Secret(typo), "", Revision(0)).message(),
            "the share is mistyped: its checksum does not match");
  EXPECT_EQ(keyring->status().shares_given, 0);
}

TEST_F(KeyringTest, ResetForgetsShares) {
  ASSERT_OK_AND_ASSIGN(const InitResult made, Open()->Init(AllSeals()));
  const auto keyring = Open();
  ASSERT_OK(keyring->UnsealWithShare(made.shares[0], "", Revision(0)));
  keyring->ResetUnseal();
  EXPECT_EQ(keyring->status().shares_given, 0);
  EXPECT_EQ(keyring->status().unseal_nonce, "");
}

TEST_F(KeyringTest, InitRefusesBadSeals) {
  EXPECT_CODE(Open()->Init({}), kInvalidArgument);
  auto twice = AllSeals();
  twice[1].type = SealSpec::Type::kKeyFile;
  EXPECT_CODE(Open()->Init(std::move(twice)), kInvalidArgument);
  auto weak = AllSeals();
  weak[1].passphrase = Secret("short");
  EXPECT_EQ(Open()->Init(std::move(weak)).status().message(),
            "the passphrase has 5 bytes; allowed are 12 to 1024");
  auto impossible = AllSeals();
  impossible[2].threshold = 6;
  EXPECT_CODE(Open()->Init(std::move(impossible)), kInvalidArgument);
  EXPECT_FALSE(Open()->status().initialized);
}

TEST_F(KeyringTest, AnAbsentKeyFileIsNotAWrongOne) {
  ASSERT_OK(Open()->Init(AllSeals()));
  const auto keyring = Open();
  ASSERT_EQ(unlink(options_.key_file.c_str()), 0);
  EXPECT_EQ(keyring->UnsealWithKeyFile(Revision(0)),
            absl::FailedPreconditionError("no key file at " + options_.key_file));
  ASSERT_OK(CreateKeyFile(options_.key_file));
  EXPECT_EQ(keyring->UnsealWithKeyFile(Revision(0)),
            absl::UnauthenticatedError("the keyfile does not open this vault"));
  EXPECT_TRUE(keyring->status().sealed);
  options_.key_file = "";
  EXPECT_EQ(Open()->UnsealWithKeyFile(Revision(0)),
            absl::FailedPreconditionError("key_file is not set in the server's configuration"));
}

TEST_F(KeyringTest, AnOlderDirectoryIsRefused) {
  {
    const auto keyring = Open();
    ASSERT_OK(keyring->Init(AllSeals()));
    ASSERT_OK(keyring->WriteAnchor(Revision(100)));
  }
  const absl::Status refused = Open()->UnsealWithKeyFile(Revision(99));
  EXPECT_CODE(refused, kFailedPrecondition);
  EXPECT_NE(refused.message().find("an older copy was put back"), std::string::npos);
  {
    const auto keyring = Open();
    EXPECT_OK(keyring->UnsealWithKeyFile(Revision(100)));
    EXPECT_EQ(keyring->status().rollback_from, Revision(0));
  }
  options_.accept_rollback = true;
  {
    const auto keyring = Open();
    EXPECT_OK(keyring->UnsealWithKeyFile(Revision(99)));
    EXPECT_EQ(keyring->status().rollback_from, Revision(100));
  }
  options_.accept_rollback = false;  // the anchor was set back with it
  EXPECT_OK(Open()->UnsealWithKeyFile(Revision(99)));
  ASSERT_OK(WriteFileAtomically(*files_, options_.anchor_file, "forged", 0600));
  EXPECT_CODE(Open()->UnsealWithKeyFile(Revision(100)), kDataLoss);
}

TEST_F(KeyringTest, ADamagedSealFileIsRefused) {
  ASSERT_OK(Open()->Init(AllSeals()));
  ASSERT_OK(WriteFileAtomically(*files_, "/data/seal.ktn", "\xff\xff", 0600));
  EXPECT_CODE(Keyring::Open(options_, *files_, clock_), kDataLoss);
}

}  // namespace
}  // namespace keyturn
