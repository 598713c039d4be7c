#include "vault/due.h"

#include "base/limits.h"
#include "storage/schema.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class DueTest : public VaultFixture {
 protected:
  // Whole seconds from now until the next item; -1 for none.
  int64_t Next() {
    absl::Time next;
    EXPECT_OK(vault_->RunDue(*store_, &next));
    if (next == absl::InfiniteFuture()) return -1;
    return absl::ToInt64Seconds(next - clock_.Now());
  }
};

TEST_F(DueTest, ExpiredVersionsDoNotReadAndAreRemoved) {
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Minutes(59));
  EXPECT_EQ(Get("a"), "v=1");
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_EQ(Get("a"), "NOT_FOUND");
  EXPECT_EQ(Count(Family::kDeks), 1u);
  Open();  // the queue is filled from the store
  clock_.AdvanceTime(absl::Seconds(2));
  EXPECT_GE(RunDue(), 1);
  EXPECT_EQ(Count(Family::kDeks), 0u);
  EXPECT_EQ(Count(Family::kDue), 0u);
  ExpectClean();
}

TEST_F(DueTest, ASecretThatDoesNotOpenDoesNotHoldUpTheOthers) {
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("bad", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Seconds(2));
  ASSERT_OK(Put("good", {{"v", "1"}}));
  const Uuid bad = *Uuid::FromString(Describe("bad")->id());
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, schema::SecretMetadataKey(bad), "nonsense");
    return absl::OkStatus();
  }));
  clock_.AdvanceTime(absl::Hours(2));
  EXPECT_EQ(RunDue(), 2);
  EXPECT_EQ(Count(Family::kDeks), 1u);  // that of bad
  EXPECT_EQ(RunDue(), 0);
  EXPECT_EQ(Count(Family::kDue), 1u);
}

TEST_F(DueTest, SaysWhenTheNextItemFallsDue) {
  EXPECT_EQ(Next(), -1);
  ttl_ = absl::Hours(2);
  ASSERT_OK(Put("later", {{"v", "1"}}));
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("first", {{"v", "1"}}));
  EXPECT_EQ(Next(), 3601);  // a hint has whole seconds, so it waits for the next
  clock_.AdvanceTime(absl::Seconds(3601));
  EXPECT_EQ(Next(), 3600);
  Open();
  EXPECT_EQ(Next(), 3600) << "filled from the store";
  vault_->OnSealed();
  EXPECT_EQ(Next(), -1);
}

TEST_F(DueTest, AVersionThatWasBroughtBackIsNotPurged) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Delete("a"));
  ASSERT_OK(Undelete("a"));
  clock_.AdvanceTime(absl::Hours(24));
  ASSERT_OK(Delete("a"));  // for another thirty days
  clock_.AdvanceTime(absl::Seconds(limits::kRecoverySecondsDefault) - absl::Hours(1));
  EXPECT_EQ(Count(Family::kDue), 2u);
  RunDue();
  EXPECT_EQ(Count(Family::kDue), 1u) << "the first hint was of no use";
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a"), "v=1");
}

TEST_F(DueTest, OneRunHandlesABoundedNumberOfItems) {
  ttl_ = absl::Hours(1);
  for (int i = 0; i <= limits::kDueItemsPerRun; ++i) {
    ASSERT_OK(Put(absl::StrCat("s", i), {{"v", "1"}}));
  }
  clock_.AdvanceTime(absl::Seconds(3602));
  EXPECT_EQ(RunDue(), limits::kDueItemsPerRun);
  EXPECT_EQ(Count(Family::kDeks), 1u);
  EXPECT_EQ(RunDue(), 1);
  EXPECT_EQ(Count(Family::kDeks), 0u);
}

TEST_F(DueTest, MoreVersionsThanFitInOneUpdateAreDoneASecondLater) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  ttl_ = absl::Hours(1);
  for (size_t i = 0; i <= limits::kVersionsPerUpdateMax; ++i) ASSERT_OK(Put("a", {{"v", "2"}}));
  clock_.AdvanceTime(absl::Seconds(3602));
  EXPECT_EQ(RunDue(), 1);
  EXPECT_EQ(Count(Family::kDeks), 2u);
  EXPECT_EQ(RunDue(), 0);
  clock_.AdvanceTime(absl::Seconds(2));
  EXPECT_EQ(RunDue(), 1);
  EXPECT_EQ(Count(Family::kDeks), 1u) << "the one that never expires";
  EXPECT_EQ(Count(Family::kDue), 0u);
  EXPECT_EQ(Get("a", 1), "v=1");
  ExpectClean();
}

TEST_F(DueTest, AFailedUpdateLeavesTheItemForTheNextRun) {
  class Full : public Updater {
   public:
    absl::StatusOr<Revision> Update(UpdateFn) override { return absl::UnavailableError("full"); }
  };
  ttl_ = absl::Hours(1);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  clock_.AdvanceTime(absl::Seconds(3602));
  Full full;
  absl::Time next;
  EXPECT_EQ(vault_->RunDue(full, &next).status(), absl::UnavailableError("full"));
  EXPECT_EQ(RunDue(), 1);
}

}  // namespace
}  // namespace keyturn
