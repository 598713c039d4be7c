// What metrics say of rotations that need somebody, as the engine goes on.
#include "rotation/attention.h"

#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class AttentionTest : public RotationFixture {
 protected:
  // "1 blocked, 0 awaiting, 2 overdue".
  std::string Counts() {
    const Rotation::Stats stats = rotation_->stats();
    return absl::StrCat(stats.secrets_blocked, " blocked, ", stats.secrets_awaiting_value,
                        " awaiting, ", stats.secrets_overdue, " overdue");
  }
  void Made(const std::string& path) {
    ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, Exact()));
  }
  void Asked(const std::string& path) { ASSERT_OK(Put(path, "1", v1::KIND_API_KEY)); }
  absl::Status Pause(const std::string& path) {
    v1::PauseRotationRequest request;
    request.set_path(path);
    request.set_reason("freeze");
    return rotation_->Pause(*store_, request).status();
  }
  absl::Status Resume(const std::string& path) {
    v1::ResumeRotationRequest request;
    request.set_path(path);
    return rotation_->Resume(*store_, request).status();
  }
};

constexpr char kNone[] = "0 blocked, 0 awaiting, 0 overdue";

TEST_F(AttentionTest, WhatIsBlockedIsCountedUntilItGoesOn) {
  Made("a");
  Made("b");
  EXPECT_EQ(Counts(), kNone);
  FakeTarget target;
  target_ = &target;
  target.failures.emplace("probe", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Counts(), "1 blocked, 0 awaiting, 0 overdue");
  target.failures.emplace("probe", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("b"));
  EXPECT_EQ(Counts(), "2 blocked, 0 awaiting, 0 overdue");
  ASSERT_OK(Cancel("b"));
  EXPECT_EQ(Counts(), "1 blocked, 0 awaiting, 0 overdue");
  Pass(absl::Hours(25));  // it is tried again by itself
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Counts(), kNone);
}

TEST_F(AttentionTest, WhatWaitsForAValueIsCountedUntilThatIsPut) {
  Asked("a");
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Counts(), "0 blocked, 1 awaiting, 0 overdue");
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Counts(), kNone);
  // By the schedule: overdue as time passes, without that anybody looks.
  Pass(Days(90));
  EXPECT_EQ(Counts(), "0 blocked, 1 awaiting, 0 overdue");
  const absl::Time deadline = absl::FromUnixSeconds(Status("a").deadline_time().seconds());
  clock_.AdvanceTime(deadline - clock_.Now() + absl::Seconds(2));
  EXPECT_EQ(Counts(), "0 blocked, 1 awaiting, 1 overdue");
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::OVERDUE);
  ASSERT_OK(Put("a", "3"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Counts(), kNone);
}

TEST_F(AttentionTest, WhatIsPausedBecomesOverdueByTime) {
  Made("a");
  ASSERT_OK(Pause("a"));
  EXPECT_EQ(Counts(), kNone);
  clock_.AdvanceTime(Days(91));
  EXPECT_EQ(Counts(), "0 blocked, 0 awaiting, 1 overdue");
  EXPECT_EQ(Counts(), "0 blocked, 0 awaiting, 1 overdue");
  ASSERT_OK(Resume("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Counts(), kNone);
}

TEST_F(AttentionTest, WhatIsHeldBeyondItsDeadlineIsOverdue) {
  Made("a");
  Pass(Days(80));
  ASSERT_OK(Rotate("a"));
  v1::RollbackRequest back;
  back.set_path("a");
  back.set_reason("it broke");
  back.set_hold_seconds(20 * 86'400);
  ASSERT_OK(rotation_->Rollback(*store_, back, "oncall"));
  EXPECT_EQ(Counts(), kNone);
  clock_.AdvanceTime(Days(11));
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::OVERDUE);
  EXPECT_EQ(Counts(), "0 blocked, 0 awaiting, 1 overdue");
  Pass(Days(10));
  EXPECT_EQ(Counts(), kNone);
}

TEST_F(AttentionTest, WhatIsDeletedIsNotOverdue) {
  Made("a");
  ASSERT_OK(Pause("a"));
  clock_.AdvanceTime(Days(91));
  EXPECT_EQ(Counts(), "0 blocked, 0 awaiting, 1 overdue");
  v1::DeleteRequest remove;
  remove.set_path("a");
  ASSERT_OK(vault_->Delete(*store_, remove));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Counts(), kNone);
  v1::UndeleteRequest undelete;
  undelete.set_path("a");
  ASSERT_OK(vault_->Undelete(*store_, undelete));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Counts(), "0 blocked, 0 awaiting, 1 overdue");
}

TEST_F(AttentionTest, WhatIsErasedOrRotatesNoMoreIsForgotten) {
  ASSERT_OK(Put("generic", "1"));
  ASSERT_OK(SetPolicy("generic", Exact()));
  ASSERT_OK(Pause("generic"));
  Asked("a");
  ASSERT_OK(Rotate("a"));
  clock_.AdvanceTime(Days(120));
  EXPECT_EQ(Counts(), "0 blocked, 1 awaiting, 2 overdue");
  v1::RemoveRotationPolicyRequest request;
  request.set_path("generic");
  ASSERT_OK(rotation_->RemovePolicy(*store_, request));
  EXPECT_EQ(Counts(), "0 blocked, 1 awaiting, 1 overdue");
  v1::DestroyRequest destroy;
  destroy.set_path("a");
  destroy.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, destroy));
  EXPECT_EQ(Counts(), kNone);
}

TEST_F(AttentionTest, AfterAnUnsealWhatWaitedBeforeIsFound) {
  Made("blocked");
  Made("fine");
  Made("paused");
  Asked("asked");
  FakeTarget target;
  target_ = &target;
  target.failures.emplace("probe", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("blocked"));
  target_ = nullptr;
  ASSERT_OK(Rotate("asked"));
  ASSERT_OK(Pause("paused"));
  const std::string before = "1 blocked, 1 awaiting, 0 overdue";
  EXPECT_EQ(Counts(), before);
  rotation_->OnSealed();
  EXPECT_EQ(Counts(), kNone);
  Open();
  EXPECT_EQ(Counts(), kNone);
  ASSERT_OK(RunDue());  // the first look of the background, although nothing is due
  EXPECT_EQ(Counts(), before);
  // What nobody is to look at is known after the daily pass.
  clock_.AdvanceTime(Days(91));
  EXPECT_EQ(Counts(), "1 blocked, 1 awaiting, 2 overdue");
  ASSERT_OK(rotation_->LookAtAll(NoProgress));
  EXPECT_EQ(Counts(), "1 blocked, 1 awaiting, 4 overdue") << "what is due by now as well";
  int asked = 0;
  ASSERT_OK(rotation_->LookAtAll([&](uint64_t, uint64_t) {
    ++asked;
    return absl::OkStatus();
  }));
  EXPECT_EQ(asked, 0);  // of a few
}

TEST_F(AttentionTest, ManyAreFoundPieceByPiece) {
  constexpr int kSecrets = static_cast<int>(limits::kRotationItemsPerRun) + 10;
  for (int i = 0; i < kSecrets; ++i) {
    const std::string path = absl::StrCat("s", i);
    Asked(path);
    ASSERT_OK(Rotate(path));
  }
  Open();
  absl::Time next;
  ASSERT_OK(rotation_->RunDue(&next));
  EXPECT_EQ(rotation_->stats().secrets_awaiting_value, limits::kRotationItemsPerRun);
  ASSERT_OK(rotation_->RunDue(&next));
  EXPECT_EQ(rotation_->stats().secrets_awaiting_value, static_cast<uint64_t>(kSecrets));
}

}  // namespace
}  // namespace keyturn
