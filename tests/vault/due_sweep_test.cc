#include "vault/due_sweep.h"

#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class DueSweepTest : public VaultFixture {
 protected:
  // As a fault would lose them.
  void LoseHints() {
    std::vector<std::string> keys;
    ASSERT_OK(store_->GetSnapshot()->Scan(Family::kDue, "", "",
                                          [&](absl::string_view key, absl::string_view) {
                                            keys.emplace_back(key);
                                            return true;
                                          }));
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      for (const std::string& key : keys) batch.Delete(Family::kDue, key);
      return absl::OkStatus();
    }));
  }
  int Sweep() {
    const absl::StatusOr<int> mended = vault_->SweepDue(*store_, NoProgress);
    EXPECT_OK(mended);
    return mended.value_or(-1);
  }
};

TEST_F(DueSweepTest, FindsNothingToMendInAGoodStore) {
  ASSERT_OK(Put("plain", {{"v", "1"}}));
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(Sweep(), 0);
}

TEST_F(DueSweepTest, WhatWouldNeverBePurgedIsPurged) {
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ttl_ = absl::ZeroDuration();
  ASSERT_OK(Put("b", {{"v", "1"}}));
  v1::DeleteRequest remove;
  remove.set_path("b");
  ASSERT_OK(vault_->Delete(*store_, remove));
  LoseHints();
  clock_.AdvanceTime(absl::Hours(24 * 60));
  RunDue();
  EXPECT_EQ(Count(Family::kDeks), 2u);
  EXPECT_EQ(Sweep(), 2);
  EXPECT_EQ(Sweep(), 0);
  EXPECT_GE(RunDue(), 2);
  EXPECT_EQ(Count(Family::kDeks), 0u);
  EXPECT_EQ(Count(Family::kDue), 0u);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
