#include "rotation/api_key/ended_legacy.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/rotation/api_key/api_key_fixture.h"

namespace keyturn {
namespace {

class EndedLegacyTest : public ApiKeyFixture {
 protected:
  // A key with one secret of elsewhere, and one of ours.
  static ApiKeyRecord Rolled() {
    ApiKeyRecord record;
    record.set_id("0123456789ABCDEF");
    record.add_secrets()->set_mac(std::string(32, 'o'));
    ApiKeySecret& legacy = *record.add_secrets();
    legacy.set_mac(std::string(32, 'e'));
    legacy.set_legacy(true);
    return record;
  }
  void Keep(const ApiKeyRecord& before, const ApiKeyRecord* after) {
    ASSERT_OK(store_->Update([&](const View& view, Batch& batch) {
      return ended_.Keep(**keyring_->Snapshot(), view, before, after, batch);
    }));
  }
  std::string Find(char mac) {
    const absl::StatusOr<std::string> id =
        ended_.Find(**keyring_->Snapshot(), store_->Newest(), std::string(32, mac));
    EXPECT_OK(id);
    return id.value_or("(error)");
  }

  const EndedLegacyKeys ended_;
};

TEST_F(EndedLegacyTest, ASecretThatStaysHasNotLeft) {
  const ApiKeyRecord before = Rolled();
  ApiKeyRecord after = before;
  after.mutable_secrets()->SwapElements(0, 1);
  Keep(before, &after);
  EXPECT_EQ(Find('e'), "");
  EXPECT_EQ(Find('o'), "");
}

TEST_F(EndedLegacyTest, ASecretOfElsewhereThatLeavesIsKept) {
  const ApiKeyRecord before = Rolled();
  ApiKeyRecord after = before;
  after.mutable_secrets()->RemoveLast();
  Keep(before, &after);
  EXPECT_EQ(Find('e'), before.id());
  EXPECT_EQ(Find('o'), "");
  Open();
  EXPECT_EQ(Find('e'), before.id());
}

// Of our own nothing is kept: nobody can bring them here again.
TEST_F(EndedLegacyTest, ARecordThatGoesLeavesItsSecretsOfElsewhere) {
  Keep(Rolled(), nullptr);
  EXPECT_EQ(Find('e'), Rolled().id());
  EXPECT_EQ(Find('o'), "");
}

TEST_F(EndedLegacyTest, OneSecretIsKeptByItsMac) {
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) {
    return ended_.Put(**keyring_->Snapshot(), view, "0123456789ABCDEF", std::string(32, 'm'),
                      batch);
  }));
  EXPECT_EQ(Find('m'), "0123456789ABCDEF");
  EXPECT_EQ(Find('n'), "");
}

}  // namespace
}  // namespace keyturn
