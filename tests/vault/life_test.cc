#include "vault/life.h"

#include <thread>

#include "absl/synchronization/notification.h"
#include "base/limits.h"
#include "tests/vault/vault_fixture.h"

namespace keyturn {
namespace {

class LifeTest : public VaultFixture {
 protected:
  std::string Update(const std::function<void(v1::UpdateMetadataRequest*)>& change) {
    v1::UpdateMetadataRequest request;
    request.set_path("a");
    change(&request);
    return Said(vault_->UpdateMetadata(*store_, request).status());
  }
};

TEST_F(LifeTest, DeleteUndeleteAndPurge) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Put("a", {{"v", "2"}}));
  ASSERT_OK(Delete("a"));
  EXPECT_EQ(Get("a"), "FAILED_PRECONDITION");
  EXPECT_EQ(Get("a", 1), "v=1");
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a"), "v=2");
  ASSERT_OK(Delete("a", {2}));
  clock_.AdvanceTime(absl::Seconds(limits::kRecoverySecondsDefault - 10));
  RunDue();
  ASSERT_OK(Undelete("a"));
  EXPECT_EQ(Get("a"), "v=2");
  ASSERT_OK(Delete("a", {2}));
  const size_t deks = Count(Family::kDeks);
  clock_.AdvanceTime(absl::Seconds(limits::kRecoverySecondsDefault + 2));
  RunDue();
  EXPECT_EQ(Count(Family::kDeks), deks - 1);
  EXPECT_EQ(Get("a", 2), "NOT_FOUND");
  EXPECT_EQ(Get("a", 1), "v=1");
  ExpectClean();
}

TEST_F(LifeTest, DestroyRemovesTheData) {
  ASSERT_OK(Put("dir/a", {{"v", "1"}}));
  ASSERT_OK(Put("dir/a", {{"v", "2"}}));
  ASSERT_OK(Destroy("dir/a", {1}));
  EXPECT_EQ(Get("dir/a", 1), "NOT_FOUND");
  EXPECT_EQ(Get("dir/a"), "v=2");
  EXPECT_EQ(Count(Family::kDeks), 1u);
  EXPECT_CODE(Destroy("dir/a", {1}), kNotFound);
  ASSERT_OK(Destroy("dir/a"));
  EXPECT_EQ(Get("dir/a"), "NOT_FOUND");
  EXPECT_EQ(Count(Family::kDeks), 0u);
  EXPECT_EQ(Count(Family::kRecords), 1u);  // of the directory, which stays
  EXPECT_EQ(List(""), "");
  ExpectClean();
}

// Lets somebody else in between the look at a secret and the change of it.
class LateUpdater : public Updater {
 public:
  LateUpdater(Store& store, std::function<void()> before)
      : store_(store), before_(std::move(before)) {}
  absl::StatusOr<Revision> Update(UpdateFn fn) override {
    if (const auto before = std::exchange(before_, nullptr); before != nullptr) before();
    return store_.Update(fn);
  }

 private:
  Store& store_;
  std::function<void()> before_;
};

TEST_F(LifeTest, OfTwoThatDestroyAVersionAtOnceOneIsTold) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  LateUpdater late(*store_, [&] { ASSERT_OK(Destroy("a", {1})); });
  v1::DestroyRequest request;
  request.set_path("a");
  request.add_versions(1);
  EXPECT_EQ(Said(vault_->Destroy(late, request).status()),
            "NOT_FOUND VERSION_NOT_FOUND: version 1 does not exist");
  ExpectClean();
}

// A change is in the store before the caches are told of it. Who was refused because of it must not
// then read what was before it.
TEST_F(LifeTest, ARefusalDoesNotRestOnWhatReadsDoNotShowYet) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(Get("a", 1), "v=1");
  std::thread other;
  absl::Notification answered;
  store_->SetCommitListener([&](absl::Span<const CommittedUpdate> group) {
    if (!other.joinable()) {
      other = std::thread([&] {
        EXPECT_CODE(Destroy("a", {1}), kNotFound);
        EXPECT_EQ(Get("a", 1), "NOT_FOUND");
        answered.Notify();
      });
      EXPECT_FALSE(answered.WaitForNotificationWithTimeout(absl::Milliseconds(200)));
    }
    vault_->OnCommitted(group);
  });
  ASSERT_OK(Destroy("a", {1}));
  other.join();
  store_->SetCommitListener(nullptr);
}

TEST_F(LifeTest, DestroyingAllPassesOverWhatIsGoneMeanwhile) {
  v1::UpdateMetadataRequest metadata;
  metadata.set_path("a");
  metadata.set_max_versions(100);
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(vault_->UpdateMetadata(*store_, metadata));
  for (size_t i = 1; i < limits::kVersionsPerUpdateMax + 5; ++i) ASSERT_OK(Put("a", {{"v", "1"}}));
  LateUpdater late(*store_, [&] { ASSERT_OK(Destroy("a", {2})); });
  v1::DestroyRequest request;
  request.set_path("a");
  request.set_all(true);
  ASSERT_OK_AND_ASSIGN(const auto done, vault_->Destroy(late, request));
  EXPECT_EQ(done.versions_size(), static_cast<int>(limits::kVersionsPerUpdateMax) + 4);
  EXPECT_EQ(Get("a"), "NOT_FOUND");
  ExpectClean();
}

TEST_F(LifeTest, DestroysMoreVersionsThanFitInOneUpdate) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::UpdateMetadataRequest request;
  request.set_path("a");
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (size_t i = 1; i < limits::kVersionsKeptMax; ++i) ASSERT_OK(Put("a", {{"v", "x"}}));
  EXPECT_EQ(Count(Family::kDeks), limits::kVersionsKeptMax);
  request.set_max_versions(1);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  EXPECT_EQ(Count(Family::kDeks), 1u);
  request.set_max_versions(limits::kVersionsKeptMax);
  ASSERT_OK(vault_->UpdateMetadata(*store_, request));
  for (size_t i = 1; i < limits::kVersionsKeptMax; ++i) ASSERT_OK(Put("a", {{"v", "x"}}));
  ASSERT_OK(Destroy("a"));
  EXPECT_EQ(Count(Family::kDeks), 0u);
  ExpectClean();
}

TEST_F(LifeTest, ASecretOfFewVersionsIsDestroyedInOneUpdate) {
  for (int i = 0; i < 3; ++i) ASSERT_OK(Put("a", {{"v", "1"}}));
  const Revision before = store_->LastRevision();
  v1::DestroyRequest request;
  request.set_path("a");
  request.set_all(true);
  const auto destroyed = vault_->Destroy(*store_, request);
  ASSERT_OK(destroyed);
  EXPECT_EQ(destroyed->revision(), before.value() + 1);
  EXPECT_EQ(store_->LastRevision().value(), before.value() + 1);
  EXPECT_EQ(destroyed->versions_size(), 3);
}

TEST_F(LifeTest, TheRecoveryWindowIsTheCallersWithinBounds) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  v1::DeleteRequest request;
  request.set_path("a");
  for (const int64_t bad : {int64_t{-1}, int64_t{3599}, int64_t{31536001}}) {
    request.set_recovery_window_seconds(bad);
    EXPECT_EQ(Said(vault_->Delete(*store_, request).status()),
              absl::StrCat("INVALID_ARGUMENT: recovery_window_seconds: ", bad,
                           "; allowed are 3600 to 31536000"));
  }
  request.set_recovery_window_seconds(3600);
  const auto info = vault_->Delete(*store_, request);
  ASSERT_OK(info);
  EXPECT_EQ(info->versions(0).purge_time().seconds(), absl::ToUnixSeconds(clock_.Now()) + 3600);
  clock_.AdvanceTime(absl::Seconds(3602));
  RunDue();
  EXPECT_EQ(Get("a"), "NOT_FOUND");
}

TEST_F(LifeTest, DeletingAgainDoesNotPutOffThePurge) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Delete("a"));
  const auto purge = Describe("a")->versions(0).purge_time().seconds();
  clock_.AdvanceTime(absl::Hours(24));
  ASSERT_OK(Delete("a"));
  EXPECT_EQ(Describe("a")->versions(0).purge_time().seconds(), purge);
}

TEST_F(LifeTest, AllOrNoneOfTheNamedVersionsAreDeleted) {
  for (int i = 0; i < 3; ++i) ASSERT_OK(Put("a", {{"v", "1"}}));
  ASSERT_OK(Destroy("a", {2}));
  EXPECT_EQ(Said(Delete("a", {1, 2})), "NOT_FOUND VERSION_NOT_FOUND: version 2 does not exist");
  EXPECT_EQ(Said(Destroy("a", {1, 9})), "NOT_FOUND VERSION_NOT_FOUND: version 9 does not exist");
  EXPECT_EQ(Get("a", 1), "v=1");
  EXPECT_EQ(Said(Delete("a", std::vector<uint64_t>(101, 1))),
            "INVALID_ARGUMENT: versions: 101 given; at most 100");
  v1::DestroyRequest request;
  request.set_path("a");
  EXPECT_EQ(Said(vault_->Destroy(*store_, request).status()),
            "INVALID_ARGUMENT: give either versions or all");
  request.set_all(true);
  request.add_versions(1);
  EXPECT_EQ(Said(vault_->Destroy(*store_, request).status()),
            "INVALID_ARGUMENT: give either versions or all");
  EXPECT_EQ(Said(Undelete("none")), "NOT_FOUND: no secret at none");
}

TEST_F(LifeTest, MetadataChangesOnlyWhereTheRequestSaysSo) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(Update([](auto* r) {
              r->set_max_versions(3);
              r->set_version_ttl_seconds(60);
              r->set_require_if_version(v1::UpdateMetadataRequest::REQUIRED);
              (*r->mutable_custom_metadata())["team"] = "red";
            }),
            "OK");
  EXPECT_EQ(Update([](auto* r) { (*r->mutable_custom_metadata())["env"] = "x"; }), "OK");
  v1::SecretInfo info = *Describe("a");
  EXPECT_EQ(info.max_versions(), 3u);
  EXPECT_EQ(info.version_ttl_seconds(), 60);
  EXPECT_TRUE(info.require_if_version());
  EXPECT_EQ(info.custom_metadata_size(), 2);
  EXPECT_EQ(Update([](auto* r) {
              r->set_version_ttl_seconds(-1);
              r->set_require_if_version(v1::UpdateMetadataRequest::NOT_REQUIRED);
              r->set_replace_custom_metadata(true);
              (*r->mutable_custom_metadata())["only"] = "this";
            }),
            "OK");
  info = *Describe("a");
  EXPECT_EQ(info.version_ttl_seconds(), 0);
  EXPECT_FALSE(info.require_if_version());
  ASSERT_EQ(info.custom_metadata_size(), 1);
  EXPECT_EQ(info.custom_metadata().at("only"), "this");
}

TEST_F(LifeTest, MetadataHasItsBounds) {
  ASSERT_OK(Put("a", {{"v", "1"}}));
  EXPECT_EQ(Update([](auto* r) { r->set_max_versions(101); }),
            "INVALID_ARGUMENT: max_versions: 101; allowed are 1 to 100");
  const std::string ttl =
      "INVALID_ARGUMENT: version_ttl_seconds: allowed are -1 (never) to 315360000";
  EXPECT_EQ(Update([](auto* r) { r->set_version_ttl_seconds(-2); }), ttl);
  EXPECT_EQ(Update([](auto* r) { r->set_version_ttl_seconds(315360001); }), ttl);
  EXPECT_EQ(Update([](auto* r) {
              for (int i = 0; i <= 64; ++i) {
                (*r->mutable_custom_metadata())[absl::StrCat("k", i)] = "x";
              }
            }),
            "INVALID_ARGUMENT: custom metadata: 65 entries; at most 64 are allowed");
  EXPECT_EQ(Describe("a")->custom_metadata_size(), 0);
}

}  // namespace
}  // namespace keyturn
