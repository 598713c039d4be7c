// What the engine does at a target that works, fails or lies, and when it dies on the way.
#include "rotation/worker.h"

#include "rotation/runs.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class WorkerTest : public RotationFixture {
 protected:
  void SetUp() override {
    ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy("a", Exact()));
    target_ = &fake_;
    // What works before anything is rotated.
    fake_.works.insert(Stored("1"));
  }
  static std::string Stored(const std::string& value) {
    const FieldView field{"value", 1, value};
    return std::string(EncodeFields({&field, 1})->ExposeForCrypto());
  }
  v1::RotationRun Open() { return Status("a").open_run(); }
  // Two versions work for 90 days, and there is room for no third one.
  void FillRoom() {
    v1::RotationPolicy policy = Exact();
    policy.set_max_live_versions(2);
    policy.set_grace_seconds(90 * 86'400);
    ASSERT_OK(SetPolicy("a", policy));
    ASSERT_OK(Rotate("a"));
  }
  std::string Calls() { return absl::StrJoin(fake_.calls, " "); }
  int Events(const std::string& event) {
    return static_cast<int>(std::count(events_.begin(), events_.end(), event + " a"));
  }

  void Destroy(const std::string& path) {
    v1::DestroyRequest request;
    request.set_path(path);
    request.set_all(true);
    ASSERT_OK(vault_->Destroy(*store_, request));
  }

  FakeTarget fake_;
};

TEST_F(WorkerTest, ATargetIsAskedBeforeItIsChangedAndTestedBeforeItCounts) {
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Calls(), "probe apply test arm");
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(fake_.works, (std::set<std::string>{Stored("1"), Stored(Get("a"))}));
  EXPECT_EQ(fake_.armed[Stored("1")], clock_.Now() + Days(7));
  Pass(Days(8));
  EXPECT_EQ(Calls(), "probe apply test arm sessions retire verify");
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(fake_.works, (std::set<std::string>{Stored(Get("a"))}));
  EXPECT_EQ(events_, (std::vector<std::string>{"rotation_generated a", "rotation_applied a",
                                               "rotation_tested a", "rotation_promoted a",
                                               "rotation_announced a", "rotation_grace_ended a",
                                               "rotation_retired a"}));
}

TEST_F(WorkerTest, ATargetThatIsAwayIsTriedAgainWithTheSameValue) {
  for (int i = 0; i < 3; ++i) fake_.failures.emplace("apply", absl::UnavailableError("no route"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Open().state(), v1::RotationRun::RETRY_WAIT);
  EXPECT_EQ(Open().error_class(), "TRANSIENT");
  EXPECT_EQ(Open().error(), "no route");
  EXPECT_EQ(Get("a"), "1");
  Pass(absl::Hours(4));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");  // one value all along
  EXPECT_EQ(Events("rotation_failed"), 3);
  EXPECT_EQ(Events("rotation_generated"), 1);
}

TEST_F(WorkerTest, ATargetThatAsksForTimeGetsIt) {
  const absl::Status busy = WithRetryAfter(absl::UnavailableError("busy"), absl::Hours(5));
  fake_.failures.emplace("apply", busy);
  ASSERT_OK(Rotate("a"));
  Pass(absl::Hours(5) - absl::Minutes(1));
  EXPECT_EQ(Open().state(), v1::RotationRun::RETRY_WAIT);
  Pass(absl::Minutes(2));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  // Of the former value likewise.
  fake_.failures.emplace("retire", busy);
  Pass(Days(7) + absl::Hours(4));
  EXPECT_EQ(States("a"), "1 RETIRING, 2 CURRENT");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerTest, ATargetThatStaysAwayBlocksTheRunWhichIsTriedAgainEachDay) {
  for (int i = 0; i < 11; ++i) fake_.failures.emplace("probe", absl::UnavailableError("no route"));
  ASSERT_OK(Rotate("a"));
  Pass(absl::Hours(23));
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(Open().attempts(), 10u);
  EXPECT_EQ(Get("a"), "1");
  Pass(Days(3));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Events("rotation_blocked"), 2);
}

TEST_F(WorkerTest, AnOperatorNeedNotWaitForTheNextDay) {
  fake_.failures.emplace("apply", absl::PermissionDeniedError("the admin's password is wrong"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);  // at the first refusal
  EXPECT_EQ(Open().error_class(), "AUTH");
  const size_t calls = fake_.calls.size();
  Pass(absl::Hours(20));
  EXPECT_EQ(fake_.calls.size(), calls);  // no login is looped
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(WorkerTest, AValueThatTheTargetRefusesIsMadeAnew) {
  fake_.failures.emplace("apply", absl::InvalidArgumentError("needs a digit"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 ABANDONED, 3 CURRENT");
  EXPECT_EQ(Get("a", 2), "VERSION_ABANDONED");
  Pass(Days(38));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 DESTROYED, 3 CURRENT");
  ExpectClean();
}

TEST_F(WorkerTest, ATargetThatRefusesEveryValueBlocksTheRun) {
  for (int i = 0; i < 3; ++i) fake_.failures.emplace("apply", absl::InvalidArgumentError("no"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 ABANDONED, 3 ABANDONED, 4 ABANDONED");
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(Open().error_class(), "POLICY");
}

// The answer was lost, and the new value had been set: setting it once more would be one too many.
TEST_F(WorkerTest, WhatMayHaveHappenedIsAskedForFirst) {
  fake_.lies = true;
  fake_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Open().error_class(), "AMBIGUOUS");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Calls(), "probe apply probe test arm");
}

TEST_F(WorkerTest, ATargetThatTakesNeitherValueIsNotGuessedAt) {
  fake_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("a"));
  fake_.works.clear();
  Pass(absl::Hours(2));
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(Open().error(), "neither the current nor the new value works at the target");
  EXPECT_EQ(Get("a"), "1");
}

// Also not a day later, or because an answer of another class came between.
TEST_F(WorkerTest, NorIsItLaterWithoutThatOneOfThemWorks) {
  for (const bool other : {false, true}) {
    fake_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
    ASSERT_OK(Rotate("a"));
    const std::set<std::string> works = std::exchange(fake_.works, {});
    if (other) fake_.failures.emplace("probe", absl::UnavailableError("away"));
    Pass(Days(3));
    ASSERT_OK(Rotate("a"));
    EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
    EXPECT_EQ(std::count(fake_.calls.begin(), fake_.calls.end(), "apply"), 1) << other;
    fake_.works = works;  // somebody has set the old one again
    ASSERT_OK(Rotate("a"));
    EXPECT_FALSE(Status("a").has_open_run());
    EXPECT_EQ(Get("a").size(), 43u);
    Pass(Days(8));
    fake_.calls.clear();
  }
}

// As a server of before wrote it, which had that in the class of the last error.
TEST_F(WorkerTest, ARunOfBeforeIsInDoubtByItsError) {
  fake_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("a"));
  fake_.works.clear();
  const std::shared_ptr<const KeyringSnapshot> keys = *keyring_->Snapshot();
  const Uuid id = IdOf("a");
  ASSERT_OK(store_->Update([&](const View& view, Batch& batch) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<v1::RotationRun> run, ReadRun(*keys, view, id, Open().number()));
    EXPECT_TRUE(run->uncertain());
    run->clear_uncertain();
    return WriteRun(*keys, view, id, *run, batch);
  }));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(std::count(fake_.calls.begin(), fake_.calls.end(), "apply"), 1);
}

TEST_F(WorkerTest, ANewPolicyHasABlockedRunTriedAtOnce) {
  fake_.failures.emplace("apply", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Open().state(), v1::RotationRun::BLOCKED);
  ASSERT_OK(SetPolicy("a", Status("a").policy()));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(WorkerTest, ARotationThatWaitsForRoomStartsWhenThereIsSome) {
  FillRoom();
  fake_.failures.emplace("retire", absl::UnavailableError("away"));
  Pass(Days(90));
  EXPECT_EQ(States("a"), "1 RETIRING, 2 CURRENT");
  Pass(absl::Minutes(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 GRACE, 3 CURRENT");
}

TEST_F(WorkerTest, RoomThatSomebodyMakesIsTakenAtOnce) {
  FillRoom();
  ASSERT_OK(SetGrace("a", clock_.Now() + Days(89)));
  v1::RotationPolicy policy = Status("a").policy();
  policy.set_period_seconds(80 * 86'400);
  policy.set_grace_seconds(80 * 86'400);
  ASSERT_OK(SetPolicy("a", policy));
  Pass(Days(81));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  v1::RetireRequest retire;
  retire.set_path("a");
  retire.set_version(1);
  retire.set_reason("nobody needs it");
  ASSERT_OK(rotation_->Retire(*store_, retire));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 GRACE, 3 CURRENT");
}

// What a target says of the former value comes when the new one is in use already.
TEST_F(WorkerTest, NoAnswerAfterThePromotionTakesTheCurrentVersionAway) {
  for (const absl::Status& answer :
       {absl::InvalidArgumentError("no such time"), absl::DeadlineExceededError("no answer"),
        absl::UnavailableError("away")}) {
    fake_.failures.emplace("arm", answer);
    ASSERT_OK(Rotate("a"));
    Pass(absl::Hours(2));
    EXPECT_FALSE(Status("a").has_open_run()) << answer;
    EXPECT_EQ(Get("a").size(), 43u) << answer;
    Pass(Days(8));
  }
  EXPECT_EQ(States("a"), "1 RETIRED, 2 RETIRED, 3 RETIRED, 4 CURRENT");
}

TEST_F(WorkerTest, AVersionThatStillWorksAtItsTargetIsNotRetired) {
  ASSERT_OK(Rotate("a"));
  fake_.failures.emplace("retire", absl::UnavailableError("away"));
  Pass(Days(7));
  EXPECT_EQ(States("a"), "1 RETIRING, 2 CURRENT");
  EXPECT_EQ(Get("a", 1), "VERSION_RETIRED");  // nobody is given it any more
  Pass(absl::Hours(3));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Events("rotation_retire_failed"), 1);
}

TEST_F(WorkerTest, AVersionIsNotRetiredByTheWordOfItsTargetAlone) {
  ASSERT_OK(Rotate("a"));
  fake_.keeps = true;
  Pass(Days(7) + absl::Hours(1));
  EXPECT_EQ(States("a"), "1 RETIRING, 2 CURRENT");
  EXPECT_GE(Events("rotation_retire_failed"), 1);
  fake_.keeps = false;
  Pass(absl::Hours(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerTest, RetiringIsNotLoopedAfterARefusal) {
  ASSERT_OK(Rotate("a"));
  fake_.failures.emplace("retire", absl::PermissionDeniedError("refused"));
  Pass(Days(7));
  const size_t calls = fake_.calls.size();
  for (int i = 0; i < 59; ++i) Pass(absl::Minutes(1));
  EXPECT_EQ(fake_.calls.size(), calls);
  Pass(absl::Minutes(2));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(WorkerTest, ACancelledRunLeavesTheCurrentVersionAlone) {
  for (int i = 0; i < 20; ++i) fake_.failures.emplace("apply", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("a"));
  v1::CancelRotationRequest request;
  request.set_path("a");
  request.set_reason("not today");
  ASSERT_OK(rotation_->Cancel(*store_, request));
  EXPECT_EQ(States("a"), "1 CURRENT, 2 ABANDONED");
  EXPECT_EQ(Runs("a"), "MANUAL CANCELLED 2");
  EXPECT_EQ(ReasonOf(rotation_->Cancel(*store_, request).status()), "NO_RUN");
}

TEST_F(WorkerTest, AValueThatIsPutMeanwhileWins) {
  fake_.failures.emplace("apply", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Put("a", "by hand"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Get("a"), "by hand");
  EXPECT_EQ(States("a"), "1 GRACE, 2 ABANDONED, 3 CURRENT");
  EXPECT_EQ(Runs("a"), "MANUAL CANCELLED 2");
}

// The server dies at each change in turn, before or after it is durable; what comes after it goes
// on from there, and it all ends as if nothing had happened.
TEST_F(WorkerTest, ADeathAtAnyChangeIsMadeGoodByTheNextStart) {
  int deaths = 0;
  Destroy("a");
  for (const bool after : {false, true}) {
    for (int at = 1;; ++at) {
      const std::string path = absl::StrCat("s", after, "/", at);
      fake_.works = {Stored("1")};
      ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
      ASSERT_OK(SetPolicy(path, Exact()));
      events_.clear();
      die_at_ = at;
      die_after_ = after;
      ASSERT_OK(Rotate(path).status());
      clock_.AdvanceTime(Days(8));
      absl::Time next;
      while (!dead_ && rotation_->RunDue(&next).value_or(0) > 0) {
      }
      const bool died = dead_;
      dead_ = false;
      die_at_ = 0;
      RotationFixture::Open();
      ASSERT_OK(RunDue());
      ASSERT_OK(RunDue());
      if (died && States(path) == "1 GRACE, 2 CURRENT") {  // its grace began late
        clock_.AdvanceTime(Days(8));
        ASSERT_OK(RunDue());
      }
      EXPECT_EQ(States(path), "1 RETIRED, 2 CURRENT") << "death at " << at << after;
      EXPECT_EQ(Runs(path), "MANUAL DONE 2");
      EXPECT_EQ(fake_.works, (std::set<std::string>{Stored(Get(path))}));
      for (const char* const event :
           {"rotation_generated", "rotation_promoted", "rotation_retired"}) {
        EXPECT_EQ(std::count(events_.begin(), events_.end(), absl::StrCat(event, " ", path)), 1)
            << event << " at " << at << after;
      }
      Destroy(path);
      if (!died) break;
      ++deaths;
    }
  }
  EXPECT_EQ(deaths, 14);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
