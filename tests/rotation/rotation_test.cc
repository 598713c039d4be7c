#include "rotation/rotation.h"

#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class RotationTest : public RotationFixture {
 protected:
  int64_t SecondsUntil(const google::protobuf::Timestamp& time) {
    return time.seconds() - absl::ToUnixSeconds(clock_.Now());
  }
};

TEST_F(RotationTest, AKeyRotatesAfter90DaysAndTheFormerOneWorksFor7More) {
  ASSERT_OK(Put("app/key", "first", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("app/key", Exact()));
  EXPECT_EQ(SecondsUntil(Status("app/key").due_time()), 90 * 86'400);
  Pass(Days(90) - absl::Hours(1));
  EXPECT_EQ(Get("app/key"), "first");
  Pass(absl::Hours(1) + absl::Seconds(2));
  EXPECT_EQ(States("app/key"), "1 GRACE, 2 CURRENT");
  const std::string second = Get("app/key");
  EXPECT_EQ(second.size(), 43u);
  EXPECT_EQ(Get("app/key", 0, v1::VersionSelector::PREVIOUS), "first");
  Pass(Days(7) - absl::Seconds(10));
  EXPECT_EQ(Get("app/key", 1), "first");
  Pass(absl::Seconds(20));
  EXPECT_EQ(States("app/key"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Get("app/key", 1), "VERSION_RETIRED");
  EXPECT_EQ(Get("app/key"), second);
  Pass(Days(30) + absl::Minutes(1));
  EXPECT_EQ(States("app/key"), "1 DESTROYED, 2 CURRENT");
  EXPECT_EQ(Runs("app/key"), "SCHEDULED DONE 2");
  EXPECT_EQ(events_,
            (std::vector<std::string>{"rotation_started app/key", "rotation_promoted app/key",
                                      "rotation_retired app/key", "version_destroyed app/key"}));
  ExpectClean();
}

TEST_F(RotationTest, OtherFieldsStayAsTheyAre) {
  const FieldView fields[] = {{"user", 1, "app"}, {"value", 1, "old"}};
  PutParams params;
  params.path = *SecretPath::Parse("a");
  ASSERT_OK(vault_->Put(*store_, params, *EncodeFields(fields)));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  v1::GetRequest request;
  request.set_path("a");
  const auto read = vault_->Get(request, absl::InfiniteFuture());
  std::map<std::string, std::string> found;
  ASSERT_OK(ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
    found[std::string(field.name)] = std::string(field.value);
    return true;
  }));
  EXPECT_EQ(found["user"], "app");
  EXPECT_NE(found["value"], "old");
  EXPECT_EQ(found.size(), 2u);
}

TEST_F(RotationTest, BeforeReplacesEarlySoThatNothingIsOlderThanThePeriod) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_grace_mode(v1::RotationPolicy::BEFORE);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(83) + absl::Minutes(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  Pass(Days(7) + absl::Minutes(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(RotationTest, AnOwnerIsAskedForAValueThatNobodyElseCanMake) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));  // a reminder by default
  v1::RotationPolicy policy;
  policy.set_jitter_max_seconds(-1);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(90) + absl::Minutes(1));
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::AWAITING_VALUE);
  EXPECT_EQ(Get("a"), "1");
  Pass(Days(3));
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::OVERDUE);
  EXPECT_EQ(events_.size(), 4u);  // once, and a reminder each day
  ASSERT_OK(Put("a", "2"));
  EXPECT_FALSE(Status("a").has_open_run()) << "nobody is asked once more";
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Runs("a"), "SCHEDULED DONE 2");
  EXPECT_EQ(SecondsUntil(Status("a").due_time()), 90 * 86'400);
}

TEST_F(RotationTest, AManualRotationIsDoneAtOnceWhileEachVersionKeepsItsGrace) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(1));
  ASSERT_OK_AND_ASSIGN(const v1::RotationStatus status, Rotate("a"));
  EXPECT_FALSE(status.has_open_run());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  Pass(Days(1));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 CURRENT");
  const absl::Status third = Rotate("a").status();
  EXPECT_EQ(ReasonOf(third), "GRACE_ACTIVE");
  EXPECT_EQ(third.message(),
            "3 versions work already, version 1 until 2026-01-09T00:00:00+00:00; wait for it, end "
            "it (keyturn rotation retire), or force, which ends it now");
  ASSERT_OK(Rotate("a", false, false, true));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 GRACE, 3 GRACE, 4 CURRENT");
  EXPECT_EQ(Runs("a"), "MANUAL DONE 4, MANUAL DONE 3, MANUAL DONE 2");
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 RETIRED, 3 RETIRED, 4 CURRENT");
}

TEST_F(RotationTest, AnEmergencyHasNoGrace) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a", true));
  EXPECT_EQ(States("a"), "1 DESTROYED!, 2 CURRENT");
  EXPECT_EQ(Get("a", 1), "VERSION_DESTROYED");
  EXPECT_EQ(Runs("a"), "EMERGENCY DONE 2");
}

TEST_F(RotationTest, RevokeFirstStopsServingWhatLeakedUntilThereIsANewValue) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));  // a reminder: somebody has to bring one
  ASSERT_OK(Rotate("a", true, true));
  EXPECT_EQ(Get("a"), "VERSION_COMPROMISED");
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::AWAITING_VALUE);
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Get("a"), "2");
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "VERSION_NOT_FOUND");
  EXPECT_EQ(States("a"), "1 DESTROYED!, 2 CURRENT");
}

TEST_F(RotationTest, ARollbackBringsTheFormerVersionBackWhileItWorks) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(2));
  ASSERT_OK(Rotate("a"));
  const std::string bad = Get("a");
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 GRACE");
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), bad);
  EXPECT_EQ(Runs("a"), "ROLLBACK DONE 1, MANUAL DONE 2");
  Pass(Days(8));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 RETIRED");
  EXPECT_EQ(ReasonOf(Rollback("a").status()), "NO_GRACE");
}

// What is due is due again, once somebody had the time to look.
TEST_F(RotationTest, AfterARollbackNothingIsRotatedForADay) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(90) + absl::Minutes(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::OVERDUE);
  Pass(absl::Hours(23));
  EXPECT_EQ(Get("a"), "1");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 CURRENT");
}

TEST_F(RotationTest, ARollbackFromWhatLeakedEndsItAtOnce) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rollback("a", true));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 DESTROYED!");
}

// After a rollback, the version that became current last is not the one that was so last.
TEST_F(RotationTest, ThePreviousVersionIsTheOneThatWasInUseAlsoAfterARollback) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_max_live_versions(5);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(1));
  ASSERT_OK(Rotate("a"));
  Pass(Days(1));
  ASSERT_OK(Rollback("a"));  // 2 is broken
  Pass(Days(1));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 CURRENT");
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "1");
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Get("a"), "1");
}

TEST_F(RotationTest, ARollbackDuringAnEmergencyEndsWhatLeakedAtOnce) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(Rotate("a", /*emergency=*/true));  // and nobody has brought a value yet
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 DESTROYED!");
}

TEST_F(RotationTest, ARollbackToBeforeTheFirstPolicyIsToWhatIsAsOldAsItWas) {
  ASSERT_OK(Put("a", "1"));
  const int64_t first = absl::ToUnixSeconds(clock_.Now());
  Pass(Days(30));
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Status("a").promote_time().seconds(), first);
}

TEST_F(RotationTest, ForceEndsAVersionThatCounts) {
  for (int i = 0; i < 3; ++i) ASSERT_OK(Put("a", absl::StrCat(i)));
  ASSERT_OK(SetPolicy("a", Exact()));  // 1 and 2 end with it and do not count
  Pass(absl::Hours(1));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(ReasonOf(Rotate("a").status()), "GRACE_ACTIVE");
  ASSERT_OK(Rotate("a", false, false, /*force=*/true));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 GRACE, 5 GRACE, 6 CURRENT");
}

TEST_F(RotationTest, AScheduledRotationWaitsUntilFewEnoughVersionsWork) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_max_live_versions(2);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(86));
  ASSERT_OK(Put("a", "2"));
  policy.set_period_seconds(3 * 86'400);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(6));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");  // overdue
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 GRACE, 3 CURRENT");
}

TEST_F(RotationTest, AHoldIsNotShortenedByWhatComesAfterIt) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(91));
  v1::RollbackRequest rollback;
  rollback.set_path("a");
  rollback.set_reason("it broke");
  rollback.set_hold_seconds(10 * 86'400);
  ASSERT_OK(rotation_->Rollback(*store_, rollback, "oncall"));
  ASSERT_OK(SetPolicy("a", Exact()));
  EXPECT_EQ(SecondsUntil(Status("a").hold_until_time()), 10 * 86'400);
  Pass(Days(9));
  EXPECT_EQ(Get("a"), "1");
}

TEST_F(RotationTest, AGraceIsMovedEitherWay) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  v1::SetGraceRequest request;
  request.set_path("a");
  request.set_reason("the partner is on holiday");
  request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(20)));
  ASSERT_OK(rotation_->SetGrace(*store_, request));
  Pass(Days(19));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + absl::Hours(2)));
  ASSERT_OK(rotation_->SetGrace(*store_, request));
  Pass(absl::Hours(3));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(ReasonOf(rotation_->SetGrace(*store_, request).status()), "INVALID_ARGUMENT");
  request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(1)));
  EXPECT_EQ(ReasonOf(rotation_->SetGrace(*store_, request).status()), "NO_GRACE");
}

TEST_F(RotationTest, APauseHoldsStartsAndNothingElse) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(89));
  ASSERT_OK(Rotate("a"));
  v1::PauseRotationRequest pause;
  pause.set_path("a");
  EXPECT_EQ(rotation_->Pause(*store_, pause).status().message(),
            "reason: say why; it is kept in the audit log");
  pause.set_reason("a freeze");
  ASSERT_OK(rotation_->Pause(*store_, pause));
  Pass(Days(120));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 CURRENT");
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::CRITICAL);
  v1::ResumeRotationRequest resume;
  resume.set_path("a");
  ASSERT_OK(rotation_->Resume(*store_, resume));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 GRACE, 3 CURRENT");
}

TEST_F(RotationTest, AValueThatIsPutByHandCountsAsARotation) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(60));
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(SecondsUntil(Status("a").due_time()), 90 * 86'400);
  Pass(Days(40));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 CURRENT");
}

TEST_F(RotationTest, NothingRotatesWithinADayOfANewPolicy) {
  ASSERT_OK(Put("a", "1"));
  Pass(Days(200));
  ASSERT_OK(SetPolicy("a", Exact()));
  EXPECT_EQ(Status("a").lateness(), v1::RotationStatus::CRITICAL);
  Pass(absl::Hours(23));
  EXPECT_EQ(Get("a"), "1");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

// As a job does that applies its policies each day.
TEST_F(RotationTest, APolicyThatIsSetAgainPutsNothingOff) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  for (int day = 0; day < 90; ++day) {
    Pass(absl::Hours(23) + absl::Minutes(59));
    ASSERT_OK(SetPolicy("a", Exact()));
    Pass(absl::Minutes(1));
  }
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RotationTest, WhatIsDueByANewPolicyAloneIsHeldOnce) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(40));
  v1::RotationPolicy shorter = Exact();
  shorter.set_period_seconds(30 * 86'400);
  ASSERT_OK(SetPolicy("a", shorter));
  Pass(absl::Hours(12));
  ASSERT_OK(SetPolicy("a", shorter));
  Pass(absl::Hours(11));
  EXPECT_EQ(States("a"), "1 CURRENT");
  Pass(absl::Hours(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

// What waits is due, and not by the policy alone that is set: nobody gets round a window, an order
// or a bound by the way.
TEST_F(RotationTest, WhatWaitsIsNotStartedByAPolicyThatDoesNotWait) {
  ASSERT_OK(Put("b", "1", v1::KIND_API_KEY));
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy late = Exact();
  late.set_period_seconds(100 * 86'400);
  ASSERT_OK(SetPolicy("b", late));
  v1::RotationPolicy after = Exact();
  v1::RotationOrder* const order = after.add_after();
  order->set_path("b");
  order->set_offset_seconds(3600);
  ASSERT_OK(SetPolicy("a", after));
  Pass(Days(89));
  v1::RotationPolicy now = Exact();
  now.set_target("fake");
  FakeTarget away;
  for (int i = 0; i < 100; ++i) away.failures.emplace("apply", absl::UnavailableError("away"));
  target_ = &away;
  ASSERT_OK(SetPolicy("b", now));  // begins, and does not come to its end
  Pass(Days(1) + absl::Minutes(1));
  ASSERT_TRUE(Status("b").has_open_run());
  EXPECT_EQ(States("a"), "1 CURRENT");
  ASSERT_OK(SetPolicy("a", after));  // it waits as before
  Pass(absl::Minutes(10));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(absl::Hours(23) + absl::Minutes(59));
  EXPECT_EQ(States("a"), "1 CURRENT");
  away.failures.clear();
  Pass(absl::Minutes(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  target_ = nullptr;
}

TEST_F(RotationTest, OneSecretWaitsForAnother) {
  ASSERT_OK(Put("db/admin", "1", v1::KIND_API_KEY));
  ASSERT_OK(Put("app", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("db/admin", Exact()));
  v1::RotationPolicy policy = Exact();
  v1::RotationOrder* const order = policy.add_after();
  order->set_path("db/admin");
  order->set_offset_seconds(6 * 3600);
  ASSERT_OK(SetPolicy("app", policy));
  Pass(Days(90) + absl::Hours(5));
  EXPECT_EQ(States("db/admin"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(States("app"), "1 CURRENT");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("app"), "1 GRACE, 2 CURRENT") << Status("app").DebugString();
}

TEST_F(RotationTest, ASecretWaitsADayAtMostForAnotherThatDoesNotRotate) {
  ASSERT_OK(Put("db/admin", "1", v1::KIND_API_KEY));
  ASSERT_OK(Put("app", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("db/admin", Exact()));
  v1::PauseRotationRequest pause;
  pause.set_path("db/admin");
  pause.set_reason("a freeze");
  ASSERT_OK(rotation_->Pause(*store_, pause));
  v1::RotationPolicy policy = Exact();
  policy.add_after()->set_path("db/admin");
  ASSERT_OK(SetPolicy("app", policy));
  Pass(Days(90) + absl::Hours(23));
  EXPECT_EQ(States("app"), "1 CURRENT");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("app"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(States("db/admin"), "1 CURRENT");
}

TEST_F(RotationTest, EachVersionOfEachSecretHasAJitterOfItsOwn) {
  v1::RotationPolicy policy = Exact();
  policy.clear_jitter_max_seconds();  // 72 hours
  const auto jitter = [&](const std::string& path) {
    const v1::RotationStatus status = Status(path);
    return status.promote_time().seconds() + 90 * 86'400 - status.due_time().seconds();
  };
  std::set<int64_t> seen;
  for (const std::string path : {"a", "b", "c"}) {
    ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, policy));
    ASSERT_OK(RunDue());
    for (int version = 1; version <= 4; ++version) {
      seen.insert(jitter(path));
      Pass(Days(10));
      ASSERT_OK(Rotate(path));
    }
  }
  EXPECT_GE(seen.size(), 11u) << "of 259,201 lengths, two of twelve may be the same";
  EXPECT_GE(*seen.begin(), 0);
  EXPECT_LE(*seen.rbegin(), 72 * 3600);
}

TEST_F(RotationTest, AVersionInUseMayHoldItsEndTwice) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(v1::RotationPolicy::BLOCK);
  ASSERT_OK(SetPolicy("a", policy));
  ASSERT_OK(Rotate("a"));
  users_ = {"payments/api"};
  Pass(Days(20));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_grace_extended a"), 2);
}

TEST_F(RotationTest, NoUserHoldsAVersionBeyondItsAge) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(v1::RotationPolicy::BLOCK);
  policy.set_max_credential_age_seconds(15 * 86'400);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(1));
  ASSERT_OK(Rotate("a"));
  users_ = {"payments/api"};
  Pass(Days(14) - absl::Hours(1));
  EXPECT_EQ(Get("a", 1), "1");
  Pass(absl::Hours(2));
  EXPECT_EQ(Get("a", 1), "VERSION_RETIRED");
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_grace_extended a"), 1);
}

TEST_F(RotationTest, ADirectoryThatMovesTakesItsRotationsAlong) {
  ASSERT_OK(Put("a/b/key", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a/b/key", Exact()));
  v1::RenameRequest rename;
  rename.set_path("a");
  rename.set_new_path("z");
  rename.set_directory(true);
  ASSERT_OK(vault_->Rename(*store_, rename));
  Pass(Days(91));
  EXPECT_EQ(States("z/b/key"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(events_.back(), "rotation_promoted z/b/key");
}

TEST_F(RotationTest, WatchersAreToldOfThePath) {
  ASSERT_OK(Put("a/key", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a/key", Exact()));
  const Revision before = store_->LastRevision();
  ASSERT_OK(Rotate("a/key"));
  Revision reached;
  ASSERT_OK_AND_ASSIGN(const auto events,
                       vault_->ChangesSince(*SecretPath::Parse("a/key"), before, 100, &reached));
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().type(), v1::WatchResponse::WRITTEN);
  EXPECT_EQ(events.back().version(), 2u);
}

TEST_F(RotationTest, APolicyIsTakenAwayFromAGenericSecretOnly) {
  ASSERT_OK(Put("a", "1"));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rotate("a"));
  Pass(Days(8));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 RETIRED, 3 GRACE, 4 CURRENT");
  v1::RemoveRotationPolicyRequest request;
  request.set_path("a");
  ASSERT_OK_AND_ASSIGN(const v1::RotationStatus status, rotation_->RemovePolicy(*store_, request));
  EXPECT_FALSE(status.rotates());
  EXPECT_EQ(States("a"), "1 RETIRED, 2 RETIRED, 3 PREVIOUS, 4 CURRENT");
  Pass(Days(40));
  absl::Time next;
  ASSERT_OK(vault_->RunDue(*store_, &next));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 DESTROYED, 3 PREVIOUS, 4 CURRENT");
  EXPECT_EQ(rotation_->stats().secrets_waiting, 0u);
  ExpectClean();
  ASSERT_OK(Put("k", "1", v1::KIND_API_KEY));
  request.set_path("k");
  EXPECT_EQ(rotation_->RemovePolicy(*store_, request).status().message(),
            "only a generic secret can be without a policy; run: keyturn rotation pause");
  EXPECT_EQ(ReasonOf(Rotate("a").status()), "NO_POLICY");
}

TEST_F(RotationTest, DestroyingASecretLeavesNothingOfItsRuns) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  v1::UpdateMetadataRequest keep;
  keep.set_path("a");
  keep.set_max_versions(100);
  ASSERT_OK(vault_->UpdateMetadata(*store_, keep));
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(Rotate("a", false, false, true));
  }
  const std::string runs = Runs("a");
  EXPECT_EQ(std::count(runs.begin(), runs.end(), ','), 19);  // of 60
  v1::DestroyRequest request;
  request.set_path("a");
  request.set_all(true);
  ASSERT_OK(vault_->Destroy(*store_, request));
  ASSERT_OK(RunDue());
  ExpectClean();
}

// A clock that jumps ahead must not end what somebody still uses.
TEST_F(RotationTest, NothingEndsByAClockThatJumped) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  Pass(absl::Hours(1));
  const absl::Time right = clock_.Now();
  clock_.SetTime(right + Days(91));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_FALSE(rotation_->stats().clock_trusted);
  clock_.SetTime(right);
  for (int i = 0; i < 5; ++i) {
    clock_.AdvanceTime(absl::Minutes(1));
    ASSERT_OK(RunDue());
  }
  EXPECT_FALSE(rotation_->stats().clock_trusted);
  for (int i = 0; i < 6; ++i) {
    clock_.AdvanceTime(absl::Minutes(1));
    ASSERT_OK(RunDue());
  }
  EXPECT_TRUE(rotation_->stats().clock_trusted);
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

}  // namespace
}  // namespace keyturn
