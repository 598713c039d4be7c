#include "keyring/committed_seal.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

// docs/FORMAT.md, "sealed record".
constexpr size_t kTermAt = 2;
constexpr size_t kGenerationAt = 6;
constexpr size_t kSaltAt = 14;
constexpr size_t kCommitmentAt = kSaltAt + 32;
constexpr size_t kSealedAt = kCommitmentAt + 32;

class CommittedSealTest : public testing::TestWithParam<AeadSuite> {
 protected:
  std::string Seal(absl::string_view plaintext = "content") {
    return *SealCommitted(key_, header_, vault_, "place", plaintext);
  }
  absl::Status Refusal(absl::string_view sealed) {
    return OpenCommitted(key_, Purpose::kPolicy, vault_, "place", sealed).status();
  }

  const SecretBytes key_ = *RandomSecret(32);
  const Uuid vault_ = RandomUuid();
  const SealHeader header_{GetParam(), Purpose::kPolicy, KekTerm(0x01020304), 0x05060708090a0b0c};
  const absl::Status refused_ =
      absl::DataLossError("a sealed record of purpose 6 does not open: corrupted or tampered with");
};

TEST_P(CommittedSealTest, OpensToWhatWasSealedAndNamesWhatItIs) {
  for (const std::string& plaintext : {std::string(), std::string("content")}) {
    const std::string sealed = Seal(plaintext);
    EXPECT_EQ(sealed.size(), kSealedAt + AeadOverhead(GetParam()) + plaintext.size());
    const std::string suite(1, static_cast<char>(GetParam()));
    EXPECT_EQ(HexEncode(sealed.substr(0, kSaltAt)),
              HexEncode(suite) + "06" + "01020304" + "05060708090a0b0c");
    ASSERT_OK_AND_ASSIGN(const SecretBytes opened,
                         OpenCommitted(key_, Purpose::kPolicy, vault_, "place", sealed));
    EXPECT_EQ(opened.ExposeForCrypto(), plaintext);
    const std::optional<SealHeader> header = ReadSealHeader(sealed);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->suite, GetParam());
    EXPECT_EQ(header->purpose, Purpose::kPolicy);
    EXPECT_EQ(header->term, header_.term);
    EXPECT_EQ(header->generation, header_.generation);
  }
}

TEST_P(CommittedSealTest, RefusesEveryFlippedBitAndTruncation) {
  const std::string sealed = Seal();
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(Refusal(flipped), refused_) << bit;
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(Refusal(sealed.substr(0, size)), refused_) << size;
    EXPECT_EQ(ReadSealHeader(sealed.substr(0, size)).has_value(), size >= kSealedAt) << size;
  }
  EXPECT_EQ(Refusal(sealed + '\0'), refused_);
}

TEST_P(CommittedSealTest, IsBoundToPurposeVaultPlaceAndKey) {
  const std::string sealed = Seal();
  EXPECT_EQ(OpenCommitted(key_, Purpose::kRole, vault_, "place", sealed).status(),
            absl::DataLossError(
                "a sealed record of purpose 7 does not open: corrupted or tampered with"));
  EXPECT_EQ(OpenCommitted(key_, Purpose::kPolicy, RandomUuid(), "place", sealed).status(),
            refused_);
  for (const char* place : {"", "plac", "placf", "places"}) {
    EXPECT_EQ(OpenCommitted(key_, Purpose::kPolicy, vault_, place, sealed).status(), refused_);
  }
  ASSERT_OK_AND_ASSIGN(const SecretBytes other, RandomSecret(32));
  EXPECT_EQ(OpenCommitted(other, Purpose::kPolicy, vault_, "place", sealed).status(), refused_);
}

// A record that says another purpose than the one it was sealed for has another key.
TEST_P(CommittedSealTest, RelabellingARecordDoesNotMoveItToAnotherPurpose) {
  std::string sealed = Seal();
  sealed[1] = static_cast<char>(Purpose::kRole);
  EXPECT_CODE(OpenCommitted(key_, Purpose::kRole, vault_, "place", sealed), kDataLoss);
}

// Term and generation are not in the derivation, so only the associated data holds them.
TEST_P(CommittedSealTest, ANewerGenerationOrTermCannotBeClaimed) {
  for (const size_t at : {kTermAt, kTermAt + 3, kGenerationAt, kGenerationAt + 7}) {
    std::string claimed = Seal();
    claimed[at] = static_cast<char>(claimed[at] + 1);
    ASSERT_TRUE(ReadSealHeader(claimed).has_value());
    EXPECT_EQ(Refusal(claimed), refused_) << at;
  }
}

// Everything of this record authenticates but its commitment, as in an attack with a ciphertext
// that opens under two keys (J. Len et al., "Partitioning Oracle Attacks", 2021).
TEST_P(CommittedSealTest, TheCommitmentIsComparedThoughTheTagMatches) {
  const std::string good = Seal();
  std::string info = "keyturn/seal/v1";
  info.push_back(static_cast<char>(Purpose::kPolicy));
  ASSERT_OK_AND_ASSIGN(const SecretBytes derived,
                       HkdfSha256(key_.ExposeForCrypto(), good.substr(kSaltAt, 32), info, 64));
  EXPECT_EQ(derived.ExposeForCrypto().substr(32), good.substr(kCommitmentAt, 32));
  std::string aad = "KTN1" + good.substr(0, kSaltAt) + std::string(vault_.bytes());
  AppendLengthPrefixed("place", &aad);
  ASSERT_OK(
      AeadOpen(GetParam(), derived.ExposeForCrypto().substr(0, 32), aad, good.substr(kSealedAt)));
  for (size_t i = 0; i < 32; ++i) {
    std::string uncommitted = good;
    uncommitted[kCommitmentAt + i] = static_cast<char>(uncommitted[kCommitmentAt + i] ^ 0x80);
    EXPECT_EQ(Refusal(uncommitted), refused_) << i;
  }
}

TEST_P(CommittedSealTest, EachSealHasAKeyOfItsOwn) {
  const std::string one = Seal();
  const std::string two = Seal();
  EXPECT_NE(one.substr(kSaltAt, 32), two.substr(kSaltAt, 32));
  EXPECT_NE(one.substr(kCommitmentAt, 32), two.substr(kCommitmentAt, 32));
}

INSTANTIATE_TEST_SUITE_P(Suites, CommittedSealTest,
                         testing::Values(AeadSuite::kAes256Gcm, AeadSuite::kXChaCha20Poly1305));

TEST(SealHeader, AnUnknownSuiteIsNoHeader) {
  for (const int suite : {0, 3, 255}) {
    EXPECT_FALSE(ReadSealHeader(static_cast<char>(suite) + std::string(200, '\1')).has_value());
  }
}

}  // namespace
}  // namespace keyturn
