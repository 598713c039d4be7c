#include "rotation/next_action.h"

#include <gtest/gtest.h>

#include "vault/rotation_rules.h"

namespace keyturn {
namespace {

using Kind = Action::Kind;
using OneRun = v1::RotationRun;

class NextActionTest : public testing::Test {
 protected:
  NextActionTest() {
    metadata_.set_current_version(1);
    metadata_.mutable_rotation()->set_due_ms(Ms(1000));
    Add(1, v1::VERSION_STATE_CURRENT);
  }
  static int64_t Ms(int64_t seconds) { return seconds * 1000; }
  VersionRecord* Add(uint64_t number, v1::VersionState state) {
    VersionRecord* const version = metadata_.add_versions();
    version->set_version(number);
    version->set_state(state);
    return version;
  }
  OneRun& Open(OneRun::Step step, OneRun::State state) {
    run_.emplace();
    run_->set_step(step);
    run_->set_state(state);
    run_->set_previous_version(1);
    return *run_;
  }
  Action At(int64_t seconds, bool frozen = false) {
    return NextAction(metadata_, run_, absl::FromUnixSeconds(seconds), frozen);
  }
  // Of nothing to do: until when.
  int64_t Waits(int64_t seconds) {
    const Action action = At(seconds);
    EXPECT_EQ(action.kind, Kind::kNone);
    return action.when == absl::InfiniteFuture() ? -1 : absl::ToUnixSeconds(action.when);
  }

  SecretMetadata metadata_;
  std::optional<OneRun> run_;
};

TEST_F(NextActionTest, AScheduledStartComesWhenItIsDue) {
  EXPECT_EQ(Waits(999), 1000);
  EXPECT_EQ(At(1000).kind, Kind::kStart);
  metadata_.mutable_rotation()->set_hold_until_ms(Ms(1500));
  EXPECT_EQ(Waits(1000), 1500);
  metadata_.mutable_rotation()->set_paused(true);
  EXPECT_EQ(Waits(2000), -1);
}

TEST_F(NextActionTest, NothingIsDoneForWhatDoesNotRotate) {
  metadata_.clear_rotation();
  EXPECT_EQ(Waits(5000), -1);
}

TEST_F(NextActionTest, WhatIsNotPlannedIsPlanned) {
  metadata_.mutable_rotation()->set_due_ms(0);
  EXPECT_EQ(Waits(1), -1);  // not from nothing
  metadata_.mutable_rotation()->set_promoted_ms(1);
  EXPECT_EQ(At(1).kind, Kind::kPlan);
}

TEST_F(NextActionTest, ASecretThatCannotBeReadDoesNotStart) {
  VersionRecord* const current = metadata_.mutable_versions(0);
  current->set_deleted_ms(1);
  EXPECT_EQ(Waits(2000), -1);
  current->set_deleted_ms(0);
  current->set_state(v1::VERSION_STATE_DESTROYED);
  EXPECT_EQ(Waits(2000), -1);
  current->set_state(v1::VERSION_STATE_CURRENT);
  current->set_expire_ms(Ms(1500));
  EXPECT_EQ(Waits(2000), -1);
}

TEST_F(NextActionTest, TheEarliestCounts) {
  Add(2, v1::VERSION_STATE_GRACE)->set_grace_end_ms(Ms(500));
  Add(3, v1::VERSION_STATE_RETIRED)->set_destroy_ms(Ms(700));
  EXPECT_EQ(Waits(100), 500);
  EXPECT_EQ(At(500).kind, Kind::kEndGrace);
  EXPECT_EQ(At(500).version, 2u);
  metadata_.mutable_versions(1)->set_state(v1::VERSION_STATE_RETIRING);
  EXPECT_EQ(At(500).kind, Kind::kRetire);
  metadata_.mutable_versions(1)->set_retire_next_ms(Ms(800));
  EXPECT_EQ(Waits(600), 700);
  EXPECT_EQ(At(700).kind, Kind::kDestroyData);
  EXPECT_EQ(At(700).version, 3u);
}

TEST_F(NextActionTest, WithoutAClockNothingStartsOrEndsByTime) {
  Add(2, v1::VERSION_STATE_GRACE)->set_grace_end_ms(Ms(500));
  Add(3, v1::VERSION_STATE_RETIRED)->set_destroy_ms(Ms(500));
  EXPECT_EQ(At(5000, true).kind, Kind::kNone);
  // What is under way goes on.
  Add(4, v1::VERSION_STATE_RETIRING);
  EXPECT_EQ(At(5000, true).kind, Kind::kRetire);
  Open(OneRun::PROMOTE, OneRun::RUNNING).set_version(5);
  Add(5, v1::VERSION_STATE_PENDING);
  EXPECT_EQ(At(5000, true).kind, Kind::kStep);
}

TEST_F(NextActionTest, AnOpenRunGoesOnWhenItsWaitIsOver) {
  Add(2, v1::VERSION_STATE_PENDING);
  OneRun& run = Open(OneRun::APPLY, OneRun::RETRY_WAIT);
  run.set_version(2);
  run.mutable_next_attempt_time()->set_seconds(300);
  EXPECT_EQ(Waits(200), 300);
  EXPECT_EQ(At(300).kind, Kind::kStep);
  EXPECT_EQ(At(5000).kind, Kind::kStep);  // and no other starts
}

TEST_F(NextActionTest, ARunWhoseVersionIsNotWantedIsCancelled) {
  Open(OneRun::PROMOTE, OneRun::RUNNING).set_version(2);
  EXPECT_EQ(At(1).kind, Kind::kCancelRun);  // pruned or destroyed
  Add(2, v1::VERSION_STATE_PENDING);
  EXPECT_EQ(At(1).kind, Kind::kStep);
  metadata_.set_current_version(3);  // put by hand
  EXPECT_EQ(At(1).kind, Kind::kCancelRun);
  run_->set_step(OneRun::ANNOUNCE);  // its own promotion
  EXPECT_EQ(At(1).kind, Kind::kStep);
}

TEST_F(NextActionTest, AnAwaitedValueIsRemindedOfUntilItIsThere) {
  Open(OneRun::GENERATE, OneRun::AWAITING_VALUE).mutable_next_attempt_time()->set_seconds(400);
  EXPECT_EQ(Waits(300), 400);
  EXPECT_EQ(At(400).kind, Kind::kRemind);
  metadata_.set_current_version(2);
  EXPECT_EQ(At(300).kind, Kind::kFulfil);
}

TEST_F(NextActionTest, ATargetIsToldOfEachEndThatItDoesNotKnow) {
  VersionRecord* const former = Add(2, v1::VERSION_STATE_GRACE);
  former->set_grace_end_ms(Ms(800));
  EXPECT_EQ(Waits(100), 800);  // there is none
  metadata_.mutable_rotation()->mutable_policy()->set_target("t");
  EXPECT_EQ(At(100).kind, Kind::kArm);
  EXPECT_EQ(At(100).version, 2u);
  EXPECT_EQ(At(100, /*frozen=*/true).kind, Kind::kArm);  // nothing ends by that
  former->set_retire_next_ms(Ms(300));
  EXPECT_EQ(Waits(100), 300);
  former->set_armed_ms(Ms(800));
  EXPECT_EQ(Waits(100), 800);
  former->set_grace_end_ms(Ms(900));  // it was moved
  EXPECT_EQ(At(300).kind, Kind::kArm);
  EXPECT_EQ(At(900).kind, Kind::kEndGrace);  // too late to tell
  Open(OneRun::ANNOUNCE, OneRun::RETRY_WAIT).set_previous_version(2);
  run_->mutable_next_attempt_time()->set_seconds(500);
  EXPECT_EQ(Waits(300), 500);  // the run does
}

TEST_F(NextActionTest, TheVersionThatARollbackGoesBackToDoesNotEndMeanwhile) {
  metadata_.mutable_rotation()->mutable_policy()->set_target("t");
  VersionRecord* const former = Add(2, v1::VERSION_STATE_GRACE);
  former->set_grace_end_ms(Ms(200));
  OneRun& run = Open(OneRun::APPLY, OneRun::RETRY_WAIT);
  run.set_cause(OneRun::ROLLBACK);
  run.set_version(2);
  run.mutable_next_attempt_time()->set_seconds(300);
  EXPECT_EQ(Waits(250), 300);
  EXPECT_EQ(At(300).kind, Kind::kStep);
  // Nor does it need what it goes back from.
  metadata_.mutable_versions(0)->set_deleted_ms(Ms(1));
  EXPECT_EQ(At(300).kind, Kind::kStep);
  former->set_state(v1::VERSION_STATE_RETIRING);
  EXPECT_EQ(At(300).kind, Kind::kCancelRun);
}

}  // namespace
}  // namespace keyturn
