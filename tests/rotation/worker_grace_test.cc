// The end of a grace: after a downtime, and while its target says that somebody is there.
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class WorkerGraceTest : public RotationFixture {
 protected:
  void Begin(const v1::RotationPolicy& policy = Exact()) {
    ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy("a", policy));
    Pass(absl::Hours(5));
    ASSERT_OK(Rotate("a"));
    ASSERT_EQ(States("a"), "1 GRACE, 2 CURRENT");
    events_.clear();
  }
  void BeginAtTarget(v1::RotationPolicy::RetireGate gate) {
    target_ = &fake_;
    fake_.works = {Stored("1")};
    v1::RotationPolicy policy = Exact();
    policy.set_target("fake");
    policy.set_retire_gate(gate);
    Begin(policy);
    fake_.calls.clear();
  }
  static std::string Stored(const std::string& value) {
    const FieldView field{"value", 1, value};
    return std::string(EncodeFields({&field, 1})->ExposeForCrypto());
  }
  // The server is off for so long.
  void Downtime(absl::Duration duration) {
    clock_.AdvanceTime(duration);
    Open();
    ASSERT_OK(RunDue());
  }
  // Of the first version.
  absl::Time GraceEnd() {
    const v1::RotationStatus status = Status("a");
    return absl::FromUnixSeconds(
        status.versions(status.versions_size() - 1).grace_end_time().seconds());
  }
  int Events(absl::string_view event) {
    return static_cast<int>(std::count(events_.begin(), events_.end(), absl::StrCat(event, " a")));
  }

  FakeTarget fake_;
};

TEST_F(WorkerGraceTest, WhatEndedInADowntimeUnheardWorksForAnHourMore) {
  Begin();
  Downtime(Days(8));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 1);
  EXPECT_EQ(notes_["rotation_end_announced"], "version=1");
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Hours(1));
  Pass(absl::Minutes(59));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Get("a", 1), "1");
  Pass(absl::Minutes(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 1);
  ExpectClean();
}

TEST_F(WorkerGraceTest, WhatWasAnnouncedBeforeTheDowntimeEndsAtOnce) {
  Begin();
  Pass(absl::Hours(2));
  Downtime(Days(8));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 0);
}

TEST_F(WorkerGraceTest, WhatEndsLaterThanTheDowntimeIsNotMoved) {
  Begin();
  const absl::Time end = GraceEnd();
  Downtime(Days(5));
  EXPECT_EQ(GraceEnd(), end);
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 0);
}

TEST_F(WorkerGraceTest, AnotherDowntimeWithinTheHourBeginsItAnew) {
  Begin();
  Downtime(Days(8));
  Pass(absl::Minutes(10));
  Downtime(Days(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 2);
  Pass(absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

// Days lie between the promotion and the last time that was kept, and in none of them was it up.
TEST_F(WorkerGraceTest, ADowntimeBeforeTheLastOneIsNoneInWhichAnybodyLearnsOfIt) {
  Begin();
  Downtime(Days(5));
  Downtime(Days(3));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_end_announced"), 1);
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Hours(1));
  Pass(absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerGraceTest, ADowntimeBeforeAJumpOfTheClockIsNoneEither) {
  Begin();
  Downtime(Days(5));
  Pass(absl::Minutes(5));
  clock_.SetTime(clock_.Now() + Days(3));
  ASSERT_OK(RunDue());
  clock_.AdvanceTime(absl::Minutes(11));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Minutes(44));
}

TEST_F(WorkerGraceTest, AMachineThatWasSuspendedHasToldNobody) {
  Begin();
  Pass(absl::Minutes(5));
  clock_.Suspend(Days(8));
  ASSERT_OK(RunDue());
  EXPECT_TRUE(rotation_->clock_trusted());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Minutes(55));
  Pass(absl::Minutes(55));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

// Less than a minute at a time is no downtime, and nobody learns of anything in it.
TEST_F(WorkerGraceTest, ShortSuspensionsDoNotCount) {
  v1::RotationPolicy policy = Exact();
  policy.set_grace_seconds(3600);
  Begin(policy);
  Downtime(absl::Seconds(1));
  for (int i = 0; i < 60; ++i) {
    clock_.AdvanceTime(absl::Seconds(5));
    ASSERT_OK(RunDue());
    clock_.Suspend(absl::Seconds(55));
    ASSERT_OK(RunDue());
  }
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Minutes(55));
}

// Each of them adds what it was up for, as far as the time is kept.
TEST_F(WorkerGraceTest, ShortUptimesAddUp) {
  Begin();
  Downtime(Days(8));
  for (int restart = 0; restart < 6; ++restart) {
    Pass(absl::Minutes(50));
    Downtime(absl::Seconds(1));
  }
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerGraceTest, AnEndThatSomebodyHasSetIsKnown) {
  Begin();
  Downtime(absl::Minutes(20));
  ASSERT_OK(SetGrace("a", clock_.Now() + absl::Minutes(5)));
  Pass(absl::Minutes(5));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

// The clock passes over the grace, as a machine does that was stopped, minutes after it began.
TEST_F(WorkerGraceTest, AJumpOfTheClockIsADowntime) {
  Begin();
  Pass(absl::Minutes(5));
  clock_.SetTime(clock_.Now() + Days(91));
  ASSERT_OK(RunDue());
  clock_.AdvanceTime(absl::Minutes(11));
  ASSERT_OK(RunDue());
  EXPECT_TRUE(rotation_->clock_trusted());
  EXPECT_EQ(States("a").substr(0, 7), "1 GRACE");
  EXPECT_EQ(GraceEnd(), clock_.Now() + absl::Minutes(44));  // 5 before, 11 since
  Pass(absl::Hours(1));
  EXPECT_EQ(States("a").substr(0, 9), "1 RETIRED");
}

TEST_F(WorkerGraceTest, TheGreatestAgeIsKept) {
  v1::RotationPolicy policy = Exact();
  policy.set_max_credential_age_seconds(90 * 86'400);
  Begin(policy);
  Downtime(Days(91));
  EXPECT_EQ(States("a").substr(0, 9), "1 RETIRED");
  EXPECT_EQ(Events("rotation_end_announced"), 0);
}

TEST_F(WorkerGraceTest, ItsTargetIsToldOfTheNewEnd) {
  BeginAtTarget(v1::RotationPolicy::WARN);
  Downtime(Days(8));
  EXPECT_EQ(fake_.armed[Stored("1")], GraceEnd());
  EXPECT_EQ(absl::StrJoin(fake_.calls, " "), "arm");
  Pass(absl::Hours(1));
  EXPECT_EQ(absl::StrJoin(fake_.calls, " "), "arm sessions retire verify");
}

TEST_F(WorkerGraceTest, UnderBlockSessionsAtTheTargetHoldAVersion) {
  BeginAtTarget(v1::RotationPolicy::BLOCK);
  fake_.sessions = 3;
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_extended"], "version=1 still_used_by=target fake: sessions 3");
  fake_.sessions = 0;
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_ended"], "version=1");
}

TEST_F(WorkerGraceTest, SessionsHoldNoVersionForEver) {
  BeginAtTarget(v1::RotationPolicy::BLOCK);
  fake_.sessions = 1;
  Pass(Days(21));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_ended"], "version=1 still_used_by=target fake: sessions 1");
}

// What an ended call says is no answer.
TEST_F(WorkerGraceTest, ASealMeanwhileDecidesNothing) {
  struct Sealing : FakeTarget {
    absl::StatusOr<std::optional<int>> Sessions(const DriverCall&, const SecretBytes&) override {
      if (seal != nullptr) std::exchange(seal, nullptr)();
      return absl::DeadlineExceededError("it was ended");
    }
    std::function<void()> seal;
  } target;
  BeginAtTarget(v1::RotationPolicy::BLOCK);
  Pass(Days(7) - absl::Hours(1));
  target_ = &target;
  target.seal = [this] { rotation_->OnSealed(); };
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_grace_extended"), 0);
}

// Who read the value here has moved on; that says nothing of the sessions there.
TEST_F(WorkerGraceTest, WhatSessionsHoldIsNotReleasedByAReader) {
  BeginAtTarget(v1::RotationPolicy::BLOCK);
  fake_.sessions = 1;
  Pass(Days(7));
  ASSERT_EQ(Events("rotation_grace_extended"), 1);
  ASSERT_OK(rotation_->LookAtUsers(IdOf("a")));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_grace_released"), 0);
}

TEST_F(WorkerGraceTest, UnderWarnTheVersionEndsAndTheSessionsAreNamed) {
  BeginAtTarget(v1::RotationPolicy::WARN);
  fake_.sessions = 2;
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_ended"], "version=1 still_used_by=target fake: sessions 2");
}

TEST_F(WorkerGraceTest, WithoutAGateNoTargetIsAsked) {
  BeginAtTarget(v1::RotationPolicy::NONE);
  fake_.sessions = 2;
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(absl::StrJoin(fake_.calls, " "), "retire verify");
}

TEST_F(WorkerGraceTest, ATargetThatCannotTellHoldsNothing) {
  for (const absl::Status& answer :
       {absl::OkStatus(), absl::FailedPreconditionError("no such call")}) {
    BeginAtTarget(v1::RotationPolicy::BLOCK);
    fake_.sessions.reset();
    if (!answer.ok()) fake_.failures.emplace("sessions", answer);
    Pass(Days(7));
    EXPECT_EQ(States("a").substr(0, 9), "1 RETIRED") << answer;
    v1::DestroyRequest request;
    request.set_path("a");
    request.set_all(true);
    request.set_leave_at_target(true);
    ASSERT_OK(vault_->Destroy(*store_, request));
  }
}

TEST_F(WorkerGraceTest, OneThatCannotBeAskedNowMayBeInUse) {
  BeginAtTarget(v1::RotationPolicy::BLOCK);
  fake_.failures.emplace("sessions", absl::UnavailableError("away"));
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_extended"],
            "version=1 still_used_by=target fake: not known, TRANSIENT");
}

}  // namespace
}  // namespace keyturn
