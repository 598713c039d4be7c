// What becomes of a version at the end of its grace while somebody still uses it: from reads and
// acknowledgements to its retirement.
#include "rotation/held_grace.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

using Gate = v1::RotationPolicy;

class RetireGateTest : public RotationFixture {
 protected:
  // "payments" and "cron" read version 1, which is then replaced.
  void Begin(Gate::RetireGate gate) {
    ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
    v1::RotationPolicy policy = Exact();
    policy.set_retire_gate(gate);
    ASSERT_OK(SetPolicy("a", policy));
    EXPECT_EQ(ReadAs("payments", "a"), "1");
    EXPECT_EQ(ReadAs("cron", "a"), "1");
    clock_.AdvanceTime(absl::Hours(1));
    ASSERT_OK(Rotate("a"));
    replaced_ = clock_.Now();
    EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  }
  void PassUntil(absl::Time time) { Pass(time - clock_.Now()); }
  // As the server's background: writes uses once a second, and does what is due.
  void Minute() {
    for (int i = 0; i < 60; ++i) {
      clock_.AdvanceTime(absl::Seconds(1));
      ASSERT_OK(usage_->WriteDue());
      const absl::Status done = RunDue();
      ASSERT_TRUE(done.ok() || dead_) << done;
    }
  }
  void Acknowledge(const std::string& consumer, uint64_t version) {
    v1::AcknowledgeRequest request;
    request.set_path("a");
    request.set_version(version);
    ASSERT_OK(usage_->Acknowledge(request, consumer));
  }
  int Events(const std::string& event) {
    return static_cast<int>(std::count(events_.begin(), events_.end(), event + " a"));
  }

  absl::Time replaced_;
};

TEST_F(RetireGateTest, UnderBlockAVersionInUseOutlivesItsGraceTwiceAndNotMore) {
  Begin(Gate::BLOCK);
  PassUntil(replaced_ + Days(7) - absl::Hours(1));
  EXPECT_EQ(Events("rotation_grace_extended"), 0);
  PassUntil(replaced_ + Days(7) + absl::Hours(1));
  EXPECT_EQ(notes_["rotation_grace_extended"], "version=1 still_used_by=cron,payments");
  const v1::RotationStatus status = Status("a");
  EXPECT_EQ(status.laggards_size(), 2);
  EXPECT_EQ(status.consumers(), 2u);
  while (clock_.Now() < replaced_ + Days(21) - absl::Hours(1)) {
    Pass(absl::Hours(1));
    ASSERT_EQ(States("a"), "1 GRACE, 2 CURRENT") << clock_.Now();
    ASSERT_EQ(Get("a", 1), "1");
  }
  EXPECT_EQ(Events("rotation_grace_extended"), 2);
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_retired"], "version=1 still_used_by=cron,payments");
  EXPECT_EQ(Consumers("a"), "cron GONE 1, payments GONE 1");
}

TEST_F(RetireGateTest, ItEndsWithinAMinuteOnceTheLastUserMovesOrAcknowledges) {
  Begin(Gate::BLOCK);
  PassUntil(replaced_ + Days(9));
  EXPECT_EQ(ReadAs("payments", "a"), "2");
  Minute();
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");  // cron is still there
  EXPECT_EQ(Consumers("a", true), "cron LAGGING 1");
  Acknowledge("cron", 2);
  Minute();
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_grace_extended"), 1);
  EXPECT_EQ(Events("rotation_grace_released"), 1);
  EXPECT_EQ(notes_["rotation_grace_released"], "version=1");
  EXPECT_EQ(notes_["rotation_retired"], "version=1");
  ExpectClean();
}

TEST_F(RetireGateTest, BeforeItsGraceIsOverItStaysWhoeverMoves) {
  Begin(Gate::BLOCK);
  EXPECT_EQ(ReadAs("payments", "a"), "2");
  EXPECT_EQ(ReadAs("cron", "a"), "2");
  PassUntil(replaced_ + Days(7) - absl::Hours(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_grace_extended"), 0);
}

TEST_F(RetireGateTest, WhoIsForgottenHoldsNothing) {
  Begin(Gate::BLOCK);
  EXPECT_EQ(ReadAs("payments", "a"), "2");
  PassUntil(replaced_ + Days(8));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  v1::ForgetConsumerRequest forget;
  forget.set_path("a");
  forget.set_name("cron");
  forget.set_reason("decommissioned");
  ASSERT_OK(usage_->Forget(*store_, forget));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");  // at once
}

// Its end has passed by a clock that is not believed, so it has not been ended yet.
TEST_F(RetireGateTest, WhatIsReleasedAfterItsEndKeepsThatEnd) {
  Begin(Gate::BLOCK);
  PassUntil(replaced_ + Days(8));
  const int64_t end = Status("a").versions(1).grace_end_time().seconds();
  clock_.SetTime(clock_.Now() + Days(20));
  ASSERT_OK(RunDue());
  for (const char* const name : {"cron", "payments"}) {
    v1::ForgetConsumerRequest forget;
    forget.set_path("a");
    forget.set_name(name);
    forget.set_reason("decommissioned");
    ASSERT_OK(usage_->Forget(*store_, forget));
  }
  EXPECT_EQ(Events("rotation_grace_released"), 1);
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Status("a").versions(1).grace_end_time().seconds(), end);
}

TEST_F(RetireGateTest, WhoWasGoneBeforeTheRotationHoldsNothing) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(Gate::BLOCK);
  ASSERT_OK(SetPolicy("a", policy));
  EXPECT_EQ(ReadAs("old", "a"), "1");
  Pass(absl::Seconds(limits::kConsumerGoneSeconds) + absl::Hours(1));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Consumers("a"), "old GONE 1");
  Pass(Days(7) + absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(RetireGateTest, WarnRetiresOnTimeAndNamesThem) {
  Begin(Gate::WARN);
  PassUntil(replaced_ + Days(7) + absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_retired"], "version=1 still_used_by=cron,payments");
}

TEST_F(RetireGateTest, NoneRetiresOnTimeAndAsksNobody) {
  Begin(Gate::NONE);
  PassUntil(replaced_ + Days(7) + absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_retired"], "version=1");
}

TEST_F(RetireGateTest, WhatAnOperatorHasExtendedIsNotCutShort) {
  Begin(Gate::BLOCK);
  PassUntil(replaced_ + Days(8));
  v1::SetGraceRequest extend;
  extend.set_path("a");
  extend.set_version(1);
  extend.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(20)));
  extend.set_reason("a partner is late");
  ASSERT_OK(rotation_->SetGrace(*store_, extend));
  Acknowledge("payments", 2);
  Acknowledge("cron", 2);
  Pass(Days(19));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

// Held once, then without a policy, then with one again: its new grace is its own.
TEST_F(RetireGateTest, WithoutAPolicyNothingIsHeld) {
  ASSERT_OK(Put("a", "1"));
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(Gate::BLOCK);
  ASSERT_OK(SetPolicy("a", policy));
  EXPECT_EQ(ReadAs("payments", "a"), "1");
  ASSERT_OK(Rotate("a"));
  Pass(Days(8));
  EXPECT_EQ(Events("rotation_grace_extended"), 1);
  v1::RemoveRotationPolicyRequest remove;
  remove.set_path("a");
  ASSERT_OK(rotation_->RemovePolicy(*store_, remove));
  ASSERT_OK(SetPolicy("a", policy));
  EXPECT_EQ(ReadAs("payments", "a"), "2");
  Minute();
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RetireGateTest, AGraceThatWasReleasedMayBeHeldAgain) {
  Begin(Gate::BLOCK);
  PassUntil(replaced_ + Days(8));
  Acknowledge("payments", 2);
  Acknowledge("cron", 2);
  die_at_ = 2;  // released, not retired yet
  Minute();
  EXPECT_EQ(Events("rotation_grace_released"), 1);
  dead_ = false;
  Open();
  EXPECT_EQ(ReadAs("cron", "a", 1), "1");  // it was wrong
  Minute();
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_grace_extended"), 2);
}

TEST_F(RetireGateTest, AReleaseThatDiedIsMadeUpForByTheNextUse) {
  for (const bool after : {false, true}) {
    SCOPED_TRACE(after);
    if (after) {
      v1::DestroyRequest destroy;
      destroy.set_path("a");
      destroy.set_all(true);
      ASSERT_OK(vault_->Destroy(*store_, destroy));
    }
    Begin(Gate::BLOCK);
    PassUntil(replaced_ + Days(8));
    Acknowledge("payments", 2);
    Acknowledge("cron", 2);
    die_at_ = 1;
    die_after_ = after;
    Minute();
    EXPECT_TRUE(dead_);
    EXPECT_EQ(Consumers("a"), "cron ACKNOWLEDGED 2, payments ACKNOWLEDGED 2");
    dead_ = false;
    Open();
    EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
    EXPECT_EQ(ReadAs("cron", "a"), "2");
    Minute();
    EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  }
}

// Nothing but the record is left of the uses, and it is enough.
TEST_F(RetireGateTest, AfterARestartTheUsersAreStillThere) {
  Begin(Gate::BLOCK);
  usage_->OnSealed();
  Open();
  PassUntil(replaced_ + Days(6));
  Open();
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(notes_["rotation_grace_extended"], "version=1 still_used_by=cron,payments");
}

// The server was off while a grace ended: who used the version before still does.
TEST_F(RetireGateTest, AGraceThatEndedWhileTheServerWasOffIsHeldAsWell) {
  Begin(Gate::BLOCK);
  ASSERT_OK(usage_->WriteAll());
  clock_.AdvanceTime(Days(10));
  Open();
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RetireGateTest, SomebodyUnknownHoldsItToo) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_retire_gate(Gate::BLOCK);
  ASSERT_OK(SetPolicy("a", policy));
  for (size_t i = 0; i <= limits::kUsesPerShardMax; ++i) ReadAs(absl::StrCat("c", i), "a");
  EXPECT_EQ(usage_->stats().lost, 1u);
  clock_.AdvanceTime(absl::Seconds(2));
  ASSERT_OK(Rotate("a"));
  // All that are known by name move.
  for (size_t i = 0; i < limits::kUsesPerShardMax; ++i) ReadAs(absl::StrCat("c", i), "a");
  Pass(Days(20));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_TRUE(absl::StrContains(notes_["rotation_grace_extended"], "(others)"));
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

}  // namespace
}  // namespace keyturn
