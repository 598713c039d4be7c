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
  const LogState state = {.counted = 9, .hours_from = 5, .records = {{5, 1}, {UINT32_MAX, 700}}};
  ASSERT_OK_AND_ASSIGN(const std::string sealed, SealState(sealer_, state));
  ASSERT_OK_AND_ASSIGN(const LogState opened, OpenState(sealer_, sealed));
  EXPECT_EQ(opened.counted, 9U);
  EXPECT_EQ(opened.hours_from, 5U);
  EXPECT_EQ(opened.records, state.records);
  ASSERT_OK_AND_ASSIGN(const std::string record, sealer_.Seal(1, 9, ""));
  EXPECT_CODE(OpenState(sealer_, record), kDataLoss);
}

}  // namespace
}  // namespace keyturn
