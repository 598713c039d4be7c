#include "revocation/log_record.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "keyring/committed_seal.h"
#include "storage/schema.h"
#include "tests/support/keys.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

class LogRecordTest : public testing::Test {
 protected:
  static LogSealer SealerOf(const KeyringSnapshot& keys) {
    auto sealer = LogSealer::Create(keys);
    EXPECT_OK(sealer);
    return *std::move(sealer);
  }

  const std::shared_ptr<const KeyringSnapshot> keys_ = TestKeys();
  const LogSealer sealer_ = SealerOf(*keys_);
};

TEST_F(LogRecordTest, OpensInItsHourAndVaultOnly) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed, sealer_.Seal(7, 42, "body"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes body, sealer_.Open(7, sealed));
  EXPECT_EQ(body.ExposeForCrypto(), "body");
  EXPECT_EQ(LogSealer::GroupOf(sealed), 42U);
  EXPECT_CODE(sealer_.Open(8, sealed), kDataLoss);
  EXPECT_CODE(SealerOf(*TestKeys()).Open(7, sealed), kDataLoss);
  EXPECT_EQ(ReadSealHeader(sealed)->purpose, Purpose::kRevocations);
}

// docs/FORMAT.md: the store's key sorts by hour, then by revision.
TEST_F(LogRecordTest, KeysAreHourAndRevision) {
  const std::string key = schema::RevlogKey(0x01020304, Revision(0x0506));
  EXPECT_EQ(HexEncode(key), "010203040000000000000506");
  EXPECT_EQ(schema::ParseRevlogKey(key)->hour, 0x01020304U);
  EXPECT_EQ(schema::ParseRevlogKey(key)->revision, Revision(0x0506));
  EXPECT_FALSE(schema::ParseRevlogKey(key.substr(1)).has_value());
  EXPECT_FALSE(schema::ParseRevlogKey(key + "x").has_value());
}

TEST_F(LogRecordTest, NoByteCanBeChanged) {
  ASSERT_OK_AND_ASSIGN(const std::string sealed, sealer_.Seal(7, 42, "body"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string bad = sealed;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_CODE(sealer_.Open(7, bad), kDataLoss);
  }
  EXPECT_EQ(LogSealer::GroupOf("short"), std::nullopt);
}

TEST_F(LogRecordTest, TheStateIsARecordOfHourZero) {
  const LogState state = {
      .counted = 9,
      .hours_from = 5,
      .held = {{5, {.records = 1, .bytes = 3}}, {UINT32_MAX, {.records = 700}}}};
  ASSERT_OK_AND_ASSIGN(const std::string sealed, SealState(sealer_, state));
  ASSERT_OK_AND_ASSIGN(const LogState opened, OpenState(sealer_, sealed));
  EXPECT_EQ(opened.counted, 9U);
  EXPECT_EQ(opened.hours_from, 5U);
  ASSERT_EQ(opened.held.size(), 2U);
  EXPECT_EQ(opened.held.at(5).records, 1U);
  EXPECT_EQ(opened.held.at(5).bytes, 0U);
  EXPECT_EQ(opened.held.at(UINT32_MAX).records, 700U);
  EXPECT_EQ(opened.snapshot.number, 0U);
  ASSERT_OK_AND_ASSIGN(const std::string record, sealer_.Seal(1, 9, ""));
  EXPECT_CODE(OpenState(sealer_, record), kDataLoss);
}

TEST_F(LogRecordTest, TheStateNamesItsSnapshot) {
  const LogState state = {
      .snapshot = {
          .number = 3, .chunks = 7, .revision = Revision(99), .digest = std::string(32, 'd')}};
  ASSERT_OK_AND_ASSIGN(const std::string sealed, SealState(sealer_, state));
  ASSERT_OK_AND_ASSIGN(const LogState opened, OpenState(sealer_, sealed));
  EXPECT_EQ(opened.snapshot.number, 3U);
  EXPECT_EQ(opened.snapshot.chunks, 7U);
  EXPECT_EQ(opened.snapshot.revision, Revision(99));
  EXPECT_EQ(opened.snapshot.digest, state.snapshot.digest);
}

TEST_F(LogRecordTest, AChunkOpensUnderItsIdOnly) {
  const uint64_t id = ChunkId(3, 7);
  EXPECT_EQ(id, 0x0000000300000007U);
  EXPECT_EQ(SnapshotOfChunk(id), 3U);
  ASSERT_OK_AND_ASSIGN(const std::string sealed, sealer_.SealChunk(id, "body"));
  ASSERT_OK_AND_ASSIGN(const SecretBytes body, sealer_.OpenChunk(id, sealed));
  EXPECT_EQ(body.ExposeForCrypto(), "body");
  EXPECT_CODE(sealer_.OpenChunk(ChunkId(3, 8), sealed), kDataLoss);
  EXPECT_CODE(sealer_.OpenChunk(ChunkId(4, 7), sealed), kDataLoss);
  EXPECT_CODE(sealer_.Open(kStateHour, sealed), kDataLoss);
  ASSERT_OK_AND_ASSIGN(const std::string record, sealer_.Seal(kStateHour, id, "body"));
  EXPECT_CODE(sealer_.OpenChunk(id, record), kDataLoss);
}

TEST_F(LogRecordTest, TheDigestIsOfTheseChunksInThisOrder) {
  ASSERT_OK_AND_ASSIGN(const std::string one, sealer_.SealChunk(ChunkId(1, 0), "body"));
  ASSERT_OK_AND_ASSIGN(const std::string again, sealer_.SealChunk(ChunkId(1, 0), "body"));
  const auto digest_of = [](std::vector<std::string> chunks) {
    ChunkDigest digest;
    for (const std::string& chunk : chunks) digest.Add(chunk);
    return digest.Finish();
  };
  EXPECT_EQ(digest_of({one, again}), digest_of({one, again}));
  EXPECT_NE(digest_of({one, again}), digest_of({again, one}));
  EXPECT_NE(digest_of({one}), digest_of({again}));
  EXPECT_NE(digest_of({one}), digest_of({one, one}));
  EXPECT_EQ(digest_of({}).size(), 32U);
}

}  // namespace
}  // namespace keyturn
