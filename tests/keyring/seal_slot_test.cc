#include "keyring/seal_slot.h"

#include <gtest/gtest.h>

#include <fstream>

#include "crypto/random.h"
#include "keyring/key_file.h"
#include "keyring/share_text.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

using record::v1::SealSlot;

class SealSlotTest : public testing::Test {
 protected:
  absl::StatusOr<NewSlot> Make(const SealSpec& spec) {
    return MakeSlot(spec, options_, vault_, root_, 1234);
  }
  static SealSpec Passphrase(absl::string_view text) {
    SealSpec spec;
    spec.type = SealSpec::Type::kPassphrase;
    spec.passphrase = *SecretBytes::CopyOf(text);
    return spec;
  }
  static SealSpec Shamir(int shares, int threshold) {
    SealSpec spec;
    spec.type = SealSpec::Type::kShamir;
    spec.shares = shares;
    spec.threshold = threshold;
    return spec;
  }
  static SecretBytes Secret(absl::string_view text) { return *SecretBytes::CopyOf(text); }
  // What the slot opens to with this key: "OK" for the root key.
  std::string Open(const SealSlot& slot, const SecretBytes& key) {
    const absl::StatusOr<SecretBytes> opened = OpenSlot(slot, vault_, key);
    if (!opened.ok()) return opened.status().ToString();
    return *opened == root_ ? "OK" : "another key";
  }

  const TempDir dir_;
  const KeyringOptions options_{
      .directory = "", .key_file = dir_.File("key"), .anchor_file = "", .argon2 = {2, 16 * 1024}};
  const Uuid vault_ = RandomUuid();
  const SecretBytes root_ = *RandomSecret(32);
};

TEST_F(SealSlotTest, AKeyFileSlotMakesTheFileOnceAndUsesTheOneThatIsThere) {
  ASSERT_OK_AND_ASSIGN(const NewSlot first, Make(SealSpec{}));
  EXPECT_EQ(first.slot.type(), SealSlot::KEY_FILE);
  EXPECT_EQ(first.slot.created_ms(), 1234);
  EXPECT_EQ(first.slot.id().size(), 16u);
  EXPECT_TRUE(first.shares.empty());
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, ReadKeyFile(options_.key_file));
  ASSERT_OK_AND_ASSIGN(const NewSlot second, Make(SealSpec{}));
  EXPECT_EQ(Open(first.slot, key), "OK");
  EXPECT_EQ(Open(second.slot, key), "OK");
  EXPECT_NE(first.slot.id(), second.slot.id());
}

TEST_F(SealSlotTest, AKeyFileThatBreaksARuleMakesNoSlot) {
  std::ofstream(options_.key_file) << "short";
  const absl::Status refused = Make(SealSpec{}).status();
  EXPECT_CODE(refused, kFailedPrecondition);
  EXPECT_EQ(refused, ReadKeyFile(options_.key_file).status());
  KeyringOptions without = options_;
  without.key_file = "";
  EXPECT_EQ(
      MakeSlot(SealSpec{}, without, vault_, root_, 0).status(),
      absl::InvalidArgumentError("the key file seal needs key_file in the server's configuration"));
}

TEST_F(SealSlotTest, APassphraseSlotKeepsWhatItsKeyIsMadeWith) {
  ASSERT_OK_AND_ASSIGN(const NewSlot made, Make(Passphrase("a long passphrase")));
  EXPECT_EQ(made.slot.type(), SealSlot::PASSPHRASE);
  EXPECT_EQ(made.slot.argon2().iterations(), 2u);
  EXPECT_EQ(made.slot.argon2().memory_bytes(), 16u * 1024);
  ASSERT_OK_AND_ASSIGN(const SecretBytes key,
                       PassphraseKey(made.slot, Secret("a long passphrase")));
  EXPECT_EQ(Open(made.slot, key), "OK");
  ASSERT_OK_AND_ASSIGN(const SecretBytes wrong,
                       PassphraseKey(made.slot, Secret("a long passphrasf")));
  EXPECT_EQ(Open(made.slot, wrong), "UNAUTHENTICATED: the passphrase does not open this vault");
  ASSERT_OK_AND_ASSIGN(const NewSlot other, Make(Passphrase("a long passphrase")));
  EXPECT_NE(made.slot.argon2().salt(), other.slot.argon2().salt());
}

TEST_F(SealSlotTest, PassphrasesHaveTwelveToAThousandAndTwentyFourBytes) {
  EXPECT_EQ(Make(Passphrase(std::string(11, 'p'))).status(),
            absl::InvalidArgumentError("the passphrase has 11 bytes; allowed are 12 to 1024"));
  EXPECT_EQ(Make(Passphrase(std::string(1025, 'p'))).status(),
            absl::InvalidArgumentError("the passphrase has 1025 bytes; allowed are 12 to 1024"));
  EXPECT_OK(Make(Passphrase(std::string(12, 'p'))));
  EXPECT_OK(Make(Passphrase(std::string(1024, 'p'))));
}

// seal.ktn is not authenticated until its slot opens: what it says must not cost terabytes.
TEST_F(SealSlotTest, ParametersOutOfBoundsAreADamagedFile) {
  ASSERT_OK_AND_ASSIGN(const NewSlot made, Make(Passphrase("a long passphrase")));
  SealSlot salt = made.slot;
  salt.mutable_argon2()->set_salt("short");
  EXPECT_EQ(PassphraseKey(salt, Secret("x")).status(),
            absl::DataLossError("seal.ktn: an Argon2id salt has 16 bytes"));
  SealSlot memory = made.slot;
  memory.mutable_argon2()->set_memory_bytes(uint64_t{1} << 40);
  EXPECT_CODE(PassphraseKey(memory, Secret("x")), kDataLoss);
  SealSlot iterations = made.slot;
  iterations.mutable_argon2()->set_iterations(0);
  EXPECT_CODE(PassphraseKey(iterations, Secret("x")), kDataLoss);
  EXPECT_CODE(PassphraseKey(SealSlot(), Secret("x")), kDataLoss);
}

TEST_F(SealSlotTest, SharesOfASlotNameItAndOpenItTogether) {
  ASSERT_OK_AND_ASSIGN(const NewSlot made, Make(Shamir(3, 2)));
  EXPECT_EQ(made.slot.type(), SealSlot::SHAMIR);
  EXPECT_EQ(made.slot.shares(), 3u);
  EXPECT_EQ(made.slot.threshold(), 2u);
  ASSERT_EQ(made.shares.size(), 3u);
  std::vector<ShamirShare> two;
  for (const int i : {2, 0}) {
    ASSERT_OK_AND_ASSIGN(TextShare text, DecodeShare(made.shares[i].ExposeForCrypto()));
    EXPECT_EQ(text.slot_prefix, made.slot.id().substr(0, 4));
    EXPECT_EQ(text.threshold, 2);
    two.push_back(std::move(text.share));
  }
  EXPECT_EQ(Open(made.slot, *ShamirCombine(two)), "OK");
  two.pop_back();
  EXPECT_EQ(Open(made.slot, *ShamirCombine(two)),
            "UNAUTHENTICATED: the shamir does not open this vault");
  EXPECT_CODE(Make(Shamir(3, 4)), kInvalidArgument);
  EXPECT_CODE(Make(Shamir(0, 0)), kInvalidArgument);
  EXPECT_CODE(Make(Shamir(256, 2)), kInvalidArgument);
}

TEST_F(SealSlotTest, AWrappedRootKeyIsBoundToItsSlotAndVault) {
  ASSERT_OK_AND_ASSIGN(const NewSlot made, Make(SealSpec{}));
  ASSERT_OK_AND_ASSIGN(const SecretBytes key, ReadKeyFile(options_.key_file));
  const std::string refused = "UNAUTHENTICATED: the keyfile does not open this vault";
  SealSlot moved = made.slot;
  moved.set_id(std::string(16, 'x'));
  EXPECT_EQ(Open(moved, key), refused);
  EXPECT_CODE(OpenSlot(made.slot, RandomUuid(), key), kUnauthenticated);
  for (size_t i = 0; i < made.slot.wrapped_root_key().size(); ++i) {
    SealSlot flipped = made.slot;
    (*flipped.mutable_wrapped_root_key())[i] ^= 1;
    EXPECT_EQ(Open(flipped, key), refused) << i;
  }
}

}  // namespace
}  // namespace keyturn
