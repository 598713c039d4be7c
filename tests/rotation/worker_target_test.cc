// What the target of a policy is told when graces begin, move and end, and when a version comes
// back: also when the server dies on the way.
#include "rotation/worker.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class WorkerTargetTest : public RotationFixture {
 protected:
  void SetUp() override {
    target_ = &fake_;
    Begin("a");
    ASSERT_OK(Rotate("a"));
    ASSERT_EQ(States("a"), "1 GRACE, 2 CURRENT");
    first_ = Kept("1");
    second_ = Kept(Get("a"));
    Forget();
  }
  // A secret whose value works at the target.
  void Begin(const std::string& path) {
    fake_.works = {Kept("1")};
    fake_.armed.clear();
    ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, AtTarget()));
  }
  static v1::RotationPolicy AtTarget() {
    v1::RotationPolicy policy = Exact();
    policy.set_target("fake");
    return policy;
  }
  static std::string Kept(const std::string& value) {
    const FieldView field{"value", 1, value};
    return std::string(EncodeFields({&field, 1})->ExposeForCrypto());
  }
  void Destroy(const std::string& path) {
    v1::DestroyRequest request;
    request.set_path(path);
    request.set_all(true);
    request.set_leave_at_target(true);
    ASSERT_OK(vault_->Destroy(*store_, request));
  }
  void Forget() {
    fake_.calls.clear();
    events_.clear();
  }
  std::string Calls() { return absl::StrJoin(fake_.calls, " "); }
  std::string Events() { return absl::StrJoin(events_, ", "); }
  v1::RotationRun Run() { return Status("a").open_run(); }
  // Does something else once, between the first event of this name and the next change.
  void After(absl::string_view event, std::function<void()> meanwhile) {
    after_ = std::string(event);
    then_ = std::move(meanwhile);
  }
  void OnEvent(absl::string_view event, absl::string_view path) override {
    RotationFixture::OnEvent(event, path);
    if (event != after_ || then_ == nullptr) return;
    const absl::MutexLock lock(&events_mu_);
    meanwhile_ = std::exchange(then_, nullptr);
  }

  std::string after_;
  std::function<void()> then_;
  FakeTarget fake_;
  std::string first_, second_;
};

TEST_F(WorkerTargetTest, ARollbackHasTheFormerVersionGoOnBeforeItIsTheCurrentOne) {
  meanwhile_ = [this] {
    EXPECT_EQ(fake_.armed.count(first_), 0u);  // told already
    EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  };
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Calls(), "disarm arm");
  EXPECT_EQ(States("a"), "1 CURRENT, 2 GRACE");
  EXPECT_EQ(Runs("a"), "ROLLBACK DONE 1, MANUAL DONE 2");
  EXPECT_EQ(fake_.armed, (std::map<std::string, absl::Time>{{second_, clock_.Now() + Days(7)}}));
  EXPECT_EQ(Events(), "rotation_disarmed a, rotation_promoted a, rotation_announced a");
  EXPECT_EQ(notes_["rotation_disarmed"], "version=1 run=2 cause=ROLLBACK");
  Pass(Days(8));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 RETIRED");
  EXPECT_EQ(fake_.works, (std::set<std::string>{first_}));
  ExpectClean();
}

TEST_F(WorkerTargetTest, ARollbackThatWaitsForItsTargetKeepsTheVersionItGoesBackTo) {
  for (int i = 0; i < 11; ++i) fake_.failures.emplace("disarm", absl::UnavailableError("away"));
  ASSERT_OK(SetGrace("a", clock_.Now() + absl::Hours(1)));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Run().state(), v1::RotationRun::RETRY_WAIT);
  EXPECT_EQ(Get("a").size(), 43u);  // the one that is to be replaced works on
  Pass(Days(1));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");  // though its grace would be over
  EXPECT_EQ(Run().state(), v1::RotationRun::BLOCKED);
  Pass(Days(2));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 GRACE");
  EXPECT_EQ(Get("a"), "1");
}

TEST_F(WorkerTargetTest, ARollbackIsHeldAsOneWithoutATarget) {
  Pass(Days(89));  // the first version is retired
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 CURRENT, 3 GRACE");
  Pass(absl::Hours(23));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 CURRENT, 3 GRACE");
  Pass(absl::Hours(3));  // it is as old as it was
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 GRACE, 3 GRACE, 4 CURRENT");
}

TEST_F(WorkerTargetTest, ACancelledRollbackLeavesTheVersionInItsGrace) {
  fake_.failures.emplace("disarm", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Run().state(), v1::RotationRun::BLOCKED);
  ASSERT_OK(Cancel("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Runs("a"), "ROLLBACK CANCELLED 1, MANUAL DONE 2");
  Pass(Days(8));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

// The target was told that it goes on; then somebody puts another value.
TEST_F(WorkerTargetTest, ARollbackThatIsOvertakenIsToldTheEndAgain) {
  meanwhile_ = [this] {  // between the target's answer and what is kept of it
    ASSERT_OK(Put("a", "by hand"));
  };
  ASSERT_OK(Rollback("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 CURRENT");
  EXPECT_EQ(Runs("a"), "ROLLBACK CANCELLED 1, MANUAL DONE 2");
  EXPECT_EQ(fake_.armed.count(second_), 1u);
}

TEST_F(WorkerTargetTest, AnAnswerAboutTheValueDoesNotAbandonTheVersionItGoesBackTo) {
  for (int i = 0; i < 3; ++i) fake_.failures.emplace("disarm", absl::InvalidArgumentError("no"));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Run().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  ASSERT_OK(Rollback("a"));  // again, at once
  EXPECT_EQ(States("a"), "1 CURRENT, 2 GRACE");
}

TEST_F(WorkerTargetTest, WhatIsRolledBackFromBecauseItLeakedEndsAtOnce) {
  ASSERT_OK(Rollback("a", /*compromised=*/true));
  EXPECT_EQ(Calls(), "disarm retire verify");
  EXPECT_EQ(States("a"), "1 CURRENT, 2 DESTROYED!");
  EXPECT_EQ(fake_.works, (std::set<std::string>{first_}));
}

TEST_F(WorkerTargetTest, AnEmergencyDoesNotGoBack) {
  fake_.failures.emplace("disarm", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rollback("a"));
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  EXPECT_EQ(States("a"), "1 GRACE, 2 DESTROYED!, 3 CURRENT");
  EXPECT_EQ(Runs("a"), "EMERGENCY DONE 3, ROLLBACK CANCELLED 1, MANUAL DONE 2");
}

TEST_F(WorkerTargetTest, ARollbackToAVersionThatIsRetiredMeanwhileIsOver) {
  fake_.failures.emplace("disarm", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rollback("a"));
  v1::RetireRequest request;
  request.set_path("a");
  request.set_version(1);
  request.set_reason("it is not wanted");
  ASSERT_OK(rotation_->Retire(*store_, request));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Runs("a"), "ROLLBACK CANCELLED 1, MANUAL DONE 2");
}

TEST_F(WorkerTargetTest, AGraceThatIsMovedIsToldAgain) {
  ASSERT_OK(SetGrace("a", clock_.Now() + Days(20)));
  EXPECT_EQ(Calls(), "arm");
  EXPECT_EQ(fake_.armed[first_], clock_.Now() + Days(20));
  EXPECT_EQ(Events(), "rotation_armed a");
  ASSERT_OK(RunDue());
  EXPECT_EQ(Calls(), "arm");  // once
  ASSERT_OK(SetGrace("a", clock_.Now() + Days(2)));
  EXPECT_EQ(fake_.armed[first_], clock_.Now() + Days(2));
}

TEST_F(WorkerTargetTest, AGraceThatIsMovedWhileItsEndIsToldIsToldAgain) {
  const absl::Time moved = clock_.Now() + Days(20);
  After("rotation_promoted", [this, moved] { ASSERT_OK(SetGrace("a", moved, 2)); });
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(fake_.armed[second_], moved);
}

// What the target has set is the value of a run that is over by then; the next run sets its own.
TEST_F(WorkerTargetTest, AnAnswerAboutARunThatWasCancelledIsNotOneAboutTheNext) {
  v1::RotationPolicy policy = AtTarget();
  policy.set_max_live_versions(5);
  ASSERT_OK(SetPolicy("a", policy));
  After("rotation_generated", [this] {
    v1::CancelRotationRequest cancel;
    cancel.set_path("a");
    cancel.set_reason("it is not wanted");
    ASSERT_OK(rotation_->Cancel(*store_, cancel));
    ASSERT_OK(Rotate("a"));
  });
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Runs("a"), "MANUAL DONE 4, MANUAL CANCELLED 3, MANUAL DONE 2");
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(fake_.works, (std::set<std::string>{first_, second_, Kept(Get("a"))}));
}

TEST_F(WorkerTargetTest, AnEndThatCannotBeToldIsTriedAgainAndComesAllTheSame) {
  fake_.failures.emplace("arm", absl::UnavailableError("away"));
  ASSERT_OK(SetGrace("a", clock_.Now() + Days(2)));
  EXPECT_EQ(Events(), "rotation_arm_failed a");
  EXPECT_TRUE(absl::StrContains(notes_["rotation_arm_failed"], "error_class=TRANSIENT"));
  Pass(absl::Hours(1));
  EXPECT_EQ(Events(), "rotation_arm_failed a, rotation_armed a");
  // One that is refused is not asked for a day, but for another end at once, and is retired when
  // its time comes.
  fake_.failures.emplace("arm", absl::PermissionDeniedError("refused"));
  ASSERT_OK(SetGrace("a", clock_.Now() + absl::Hours(5)));
  Pass(absl::Hours(1));
  EXPECT_EQ(Calls(), "arm arm arm");
  ASSERT_OK(SetGrace("a", clock_.Now() + absl::Hours(3)));
  EXPECT_EQ(fake_.armed[first_], clock_.Now() + absl::Hours(3));
  fake_.failures.emplace("arm", absl::PermissionDeniedError("refused"));
  ASSERT_OK(SetGrace("a", clock_.Now() + absl::Hours(2)));
  Forget();
  Pass(absl::Hours(2));
  EXPECT_EQ(Calls(), "sessions retire verify");
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerTargetTest, TheVersionBeforeAValueThatWasPutEndsAtItsTarget) {
  ASSERT_OK(Put("a", "by hand"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(fake_.armed[second_], clock_.Now() + Days(7));
  Pass(Days(8));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 RETIRED, 3 CURRENT");
  EXPECT_EQ(fake_.works.count(second_), 0u);
}

TEST_F(WorkerTargetTest, APolicyThatIsRemovedForgetsNoVersionAtItsTarget) {
  ASSERT_OK(Put("g", "1"));
  ASSERT_OK(SetPolicy("g", AtTarget()));
  ASSERT_OK(Rotate("g"));
  v1::RemoveRotationPolicyRequest request;
  request.set_path("g");
  const absl::Status refused = rotation_->RemovePolicy(*store_, request).status();
  EXPECT_CODE(refused, kFailedPrecondition);
  EXPECT_EQ(refused.message(),
            "version 1 is still to end at target fake; wait for that, or run: keyturn rotation "
            "retire");
  // It remembers where it is to end.
  ASSERT_OK(SetPolicy("g", Exact()));
  EXPECT_CODE(rotation_->RemovePolicy(*store_, request), kFailedPrecondition);
  v1::RetireRequest retire;
  retire.set_path("g");
  retire.set_version(1);
  retire.set_reason("it is not wanted");
  ASSERT_OK(rotation_->Retire(*store_, retire));
  ASSERT_OK(rotation_->RemovePolicy(*store_, request));
}

TEST_F(WorkerTargetTest, APolicyMayNameOnlyATargetThatThereIs) {
  v1::RotationPolicy policy = AtTarget();
  policy.set_target("absent");
  EXPECT_CODE(SetPolicy("a", policy), kInvalidArgument);
  // A database learns of it by its target.
  ASSERT_OK(Put("db", "1", v1::KIND_DB_CREDENTIAL));
  EXPECT_CODE(SetPolicy("db", Exact()), kInvalidArgument);
  EXPECT_OK(SetPolicy("db", AtTarget()));
}

// Who reads the URL and who reads the password must get in alike.
TEST_F(WorkerTargetTest, ANewPasswordIsInTheUrlBesideIt) {
  const std::string url = "postgres://alcs:old@db:5432/alcs";
  const FieldView fields[] = {{"password", 1, "old"}, {"value", 1, url}};
  PutParams params;
  params.path = *SecretPath::Parse("db");
  params.kind = v1::KIND_DB_CREDENTIAL;
  params.principal = "test";
  ASSERT_OK(vault_->Put(*store_, params, *EncodeFields(fields)));
  fake_.works = {std::string(EncodeFields(fields)->ExposeForCrypto())};
  ASSERT_OK(SetPolicy("db", AtTarget()));  // makes the field "value"
  ASSERT_OK(Rotate("db"));
  const v1::RotationRun run = Status("db").open_run();
  EXPECT_EQ(run.state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(run.error(),
            "field 'value' holds the URL of a database, of which the server makes the password "
            "alone: let the policy's source.generate.field be 'password' (`keyturn secret adopt` "
            "gives it a field)");
  EXPECT_EQ(Get("db"), url);

  v1::RotationPolicy policy = AtTarget();
  policy.mutable_source()->mutable_generate()->set_field("password");
  ASSERT_OK(SetPolicy("db", policy));  // and the run goes on
  EXPECT_EQ(States("db"), "1 GRACE, 2 CURRENT");
  const absl::StatusOr<ReadResult> read = Read("db", 0, v1::VersionSelector::CURRENT);
  ASSERT_OK(read);
  std::string password;
  ASSERT_OK(ForEachField(read->data.ExposeForCrypto(), [&](const FieldView& field) {
    if (field.name == "password") password = std::string(field.value);
    return true;
  }));
  EXPECT_NE(password, "old");
  EXPECT_EQ(Get("db"), absl::StrCat("postgres://alcs:", password, "@db:5432/alcs"));
}

// The server dies at each change in turn, before or after it is durable.
TEST_F(WorkerTargetTest, ADeathOnTheWayBackIsMadeGoodByTheNextStart) {
  int deaths = 0;
  Destroy("a");
  for (const bool after : {false, true}) {
    for (int at = 1;; ++at) {
      const std::string path = absl::StrCat("s", after, "/", at);
      Begin(path);
      ASSERT_OK(Rotate(path));
      const std::string second = Kept(Get(path));
      events_.clear();
      die_at_ = at;
      die_after_ = after;
      ASSERT_OK(Rollback(path).status());
      if (!dead_) ASSERT_OK(SetGrace(path, clock_.Now() + Days(3)));
      const bool died = dead_;
      dead_ = false;
      die_at_ = 0;
      RotationFixture::Open();
      ASSERT_OK(RunDue());
      EXPECT_EQ(States(path), "1 CURRENT, 2 GRACE") << "death at " << at << after;
      EXPECT_EQ(Runs(path), "ROLLBACK DONE 1, MANUAL DONE 2");
      ASSERT_OK(SetGrace(path, clock_.Now() + Days(5)));
      EXPECT_EQ(fake_.armed,
                (std::map<std::string, absl::Time>{
                    {second, absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now() + Days(5)))}}))
          << "death at " << at << after;
      for (const char* const event : {"rotation_disarmed", "rotation_promoted"}) {
        EXPECT_EQ(std::count(events_.begin(), events_.end(), absl::StrCat(event, " ", path)), 1)
            << event << " at " << at << after;
      }
      clock_.AdvanceTime(Days(6));
      ASSERT_OK(RunDue());
      EXPECT_EQ(States(path), "1 CURRENT, 2 RETIRED") << "death at " << at << after;
      EXPECT_EQ(fake_.works, (std::set<std::string>{Kept("1")}));
      Destroy(path);
      if (!died) break;
      ++deaths;
    }
  }
  EXPECT_EQ(deaths, 8);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
