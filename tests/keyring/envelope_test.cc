#include "keyring/envelope.h"

#include <gtest/gtest.h>

#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class EnvelopeTest : public testing::Test {
 protected:
  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  const VersionPlace place_{*Uuid::FromString("00112233-4455-4677-8899-aabbccddeeff"),
                            SecretVersion(3), 1, 1000};
};

TEST_F(EnvelopeTest, RecordsOpenInTheirPlaceOnly) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed,
                       SealRecord(*keys_, {Purpose::kPolicy, "key", 7}, "content"));
  ASSERT_OK_AND_ASSIGN(const OpenedRecord opened,
                       OpenRecord(*keys_, Purpose::kPolicy, "key", sealed));
  EXPECT_EQ(opened.plaintext.ExposeForCrypto(), "content");
  EXPECT_EQ(opened.generation, 7u);
  EXPECT_EQ(opened.term, KekTerm(1));
  EXPECT_CODE(OpenRecord(*keys_, Purpose::kRole, "key", sealed), kDataLoss);
  EXPECT_CODE(OpenRecord(*keys_, Purpose::kPolicy, "kez", sealed), kDataLoss);
  EXPECT_CODE(OpenRecord(*keys_, Purpose::kPolicy, "", sealed), kDataLoss);
  EXPECT_CODE(OpenRecord(*TestKeys(), Purpose::kPolicy, "key", sealed), kDataLoss);
}

TEST_F(EnvelopeTest, EveryFlippedByteAndTruncationOfARecordIsRefused) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed,
                       SealRecord(*keys_, {Purpose::kPolicy, "key", 7}, "content"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string flipped = sealed;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      // A flipped term names a key that is not there; everything else is a damaged record.
      const absl::Status status = OpenRecord(*keys_, Purpose::kPolicy, "key", flipped).status();
      EXPECT_TRUE(absl::IsDataLoss(status) ||
                  (i >= 2 && i < 6 && absl::IsFailedPrecondition(status)))
          << i << ": " << status;
    }
    EXPECT_FALSE(OpenRecord(*keys_, Purpose::kPolicy, "key", sealed.substr(0, i)).ok());
  }
}

TEST_F(EnvelopeTest, VersionsRoundTripAtEverySize) {
  for (const size_t size : {0, 1, 63, 64, 65, 255, 256, 5000, 65535, 65536, 300000}) {
    const std::string plaintext(size, 'v');
    ASSERT_OK_AND_ASSIGN(const SealedVersion sealed, SealVersion(*keys_, place_, plaintext));
    ASSERT_OK_AND_ASSIGN(const SecretBytes dek, UnwrapDek(*keys_, place_, sealed.wrapped_dek));
    ASSERT_OK_AND_ASSIGN(const SecretBytes opened,
                         OpenPayload(*keys_, place_, dek, sealed.payload));
    EXPECT_EQ(opened.ExposeForCrypto(), plaintext);
  }
}

TEST_F(EnvelopeTest, ValuesThatEndInPaddingBytesSurvive) {
  for (const std::string& plaintext :
       {std::string("\x80"), std::string("a\x80\0\0", 4), std::string(64, '\0')}) {
    ASSERT_OK_AND_ASSIGN(const SealedVersion sealed, SealVersion(*keys_, place_, plaintext));
    ASSERT_OK_AND_ASSIGN(const SecretBytes dek, UnwrapDek(*keys_, place_, sealed.wrapped_dek));
    ASSERT_OK_AND_ASSIGN(const SecretBytes opened,
                         OpenPayload(*keys_, place_, dek, sealed.payload));
    EXPECT_EQ(opened.ExposeForCrypto(), plaintext);
  }
}

TEST_F(EnvelopeTest, SizesShowOnlyTheirStep) {
  const size_t small = SealVersion(*keys_, place_, "a")->payload.size();
  EXPECT_EQ(SealVersion(*keys_, place_, std::string(63, 'a'))->payload.size(), small);
  EXPECT_GT(SealVersion(*keys_, place_, std::string(64, 'a'))->payload.size(), small);
}

TEST_F(EnvelopeTest, VersionsAreBoundToSecretVersionKindAndTime) {
  ASSERT_OK_AND_ASSIGN(const SealedVersion sealed, SealVersion(*keys_, place_, "value"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes dek, UnwrapDek(*keys_, place_, sealed.wrapped_dek));
  VersionPlace others[4] = {place_, place_, place_, place_};
  others[0].secret = Uuid();
  others[1].version = SecretVersion(4);
  others[2].kind = 2;
  others[3].created_ms = 1001;
  for (const VersionPlace& other : others) {
    EXPECT_CODE(UnwrapDek(*keys_, other, sealed.wrapped_dek), kDataLoss);
    EXPECT_CODE(OpenPayload(*keys_, other, dek, sealed.payload), kDataLoss);
  }
}

TEST_F(EnvelopeTest, EveryFlippedByteOfAPayloadAndItsKeyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const SealedVersion sealed, SealVersion(*keys_, place_, "value"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes dek, UnwrapDek(*keys_, place_, sealed.wrapped_dek));
  for (size_t i = 0; i < sealed.payload.size(); ++i) {
    std::string flipped = sealed.payload;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    EXPECT_CODE(OpenPayload(*keys_, place_, dek, flipped), kDataLoss);
  }
  for (size_t i = 0; i < sealed.wrapped_dek.size(); ++i) {
    std::string flipped = sealed.wrapped_dek;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    EXPECT_FALSE(UnwrapDek(*keys_, place_, flipped).ok()) << i;
  }
}

TEST_F(EnvelopeTest, RewrapKeepsTheKey) {
  ASSERT_OK_AND_ASSIGN(const SealedVersion sealed, SealVersion(*keys_, place_, "value"));
  ASSERT_OK_AND_ASSIGN(const std::string rewrapped, RewrapDek(*keys_, place_, sealed.wrapped_dek));
  EXPECT_NE(rewrapped, sealed.wrapped_dek);
  EXPECT_TRUE(*UnwrapDek(*keys_, place_, rewrapped) ==
              *UnwrapDek(*keys_, place_, sealed.wrapped_dek));
}

TEST_F(EnvelopeTest, IndexMacsSeparateDomains) {
  EXPECT_EQ(IndexMac(*keys_, "a", "b").size(), 16u);
  EXPECT_EQ(IndexMac(*keys_, "a", "b"), IndexMac(*keys_, "a", "b"));
  EXPECT_NE(IndexMac(*keys_, "a", "b"), IndexMac(*keys_, "ab", ""));
  EXPECT_NE(IndexMac(*keys_, "a", "b"), IndexMac(*TestKeys(), "a", "b"));
}

TEST_F(EnvelopeTest, RecordHashesDependOnFamilyKeyAndValue) {
  const auto hasher = NewRecordHasher(*keys_);
  const auto base = hasher->Hash(Family::kRecords, "key", "value");
  EXPECT_EQ(base, hasher->Hash(Family::kRecords, "key", "value"));
  EXPECT_NE(base, hasher->Hash(Family::kDeks, "key", "value"));
  EXPECT_NE(base, hasher->Hash(Family::kRecords, "keyv", "alue"));
  EXPECT_NE(base, NewRecordHasher(*TestKeys())->Hash(Family::kRecords, "key", "value"));
}

}  // namespace
}  // namespace keyturn
