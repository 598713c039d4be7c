// Versions are retired at the target where they work, whatever their policy says by then, and are
// not destroyed before.
#include "rotation/target/target_driver.h"
#include "rotation/worker.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class VersionTargetTest : public RotationFixture {
 protected:
  void SetUp() override {
    target_by_policy_ = true;
    targets_ = {{"a", &a_}, {"b", &b_}};
    target_ = &MissingTarget();
    a_.works = {Kept("1")};
    ASSERT_OK(Put("s", "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy("s", At("a")));
    ASSERT_OK(Rotate("s"));
    second_ = Kept(Get("s"));
    ASSERT_EQ(States("s"), "1 GRACE, 2 CURRENT");
    ASSERT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
  }
  static v1::RotationPolicy At(const std::string& target) {
    v1::RotationPolicy policy = Exact();
    policy.set_target(target);
    return policy;
  }
  static std::string Kept(const std::string& value) {
    const FieldView field{"value", 1, value};
    return std::string(EncodeFields({&field, 1})->ExposeForCrypto());
  }
  // "1 a, 2 a".
  std::string Targets() {
    const v1::RotationStatus status = Status("s");
    std::vector<std::string> out;
    for (int i = status.versions_size() - 1; i >= 0; --i) {
      out.push_back(absl::StrCat(status.versions(i).version(), " ", status.versions(i).target()));
    }
    return absl::StrJoin(out, ", ");
  }
  absl::Status Destroy(const std::vector<uint64_t>& versions, bool leave_at_target = false) {
    v1::DestroyRequest request;
    request.set_path("s");
    for (const uint64_t version : versions) request.add_versions(version);
    request.set_all(versions.empty());
    request.set_leave_at_target(leave_at_target);
    Noting updater(*store_);
    const absl::Status destroyed = vault_->Destroy(updater, request).status();
    noted_ = updater.noted;
    return destroyed;
  }

  absl::Status DeleteAll() {
    v1::DeleteRequest request;
    request.set_path("s");
    request.set_all(true);
    return vault_->Delete(*store_, request).status();
  }
  void Purge() {
    absl::Time next;
    ASSERT_OK(vault_->RunDue(*store_, &next));
  }

  // Keeps the notes of an update for its entry in the audit log.
  struct Noting : public Updater {
    explicit Noting(Updater& over) : updater(over) {}
    absl::StatusOr<Revision> Update(UpdateFn fn) override {
      return updater.Update([&](const View& view, Batch& batch) -> absl::Status {
        RETURN_IF_ERROR(fn(view, batch));
        noted = absl::StrJoin(batch.notes(), " ", absl::PairFormatter("="));
        return absl::OkStatus();
      });
    }
    Updater& updater;
    std::string noted;
  };

  FakeTarget a_, b_;
  std::string second_, noted_;
};

TEST_F(VersionTargetTest, AVersionIsRetiredWhereItWasSet) {
  EXPECT_EQ(Targets(), "1 a, 2 a");
  ASSERT_OK(SetPolicy("s", At("b")));
  EXPECT_EQ(Targets(), "1 a, 2 a");
  ASSERT_OK(Rotate("s"));
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 b");
  EXPECT_EQ(b_.works, (std::set<std::string>{Kept(Get("s"))}));
  EXPECT_EQ(a_.armed.count(second_), 1u);  // told where it is
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 RETIRED, 3 CURRENT");
  EXPECT_TRUE(a_.works.empty());
  EXPECT_EQ(b_.works.size(), 1u);
  EXPECT_EQ(std::count(b_.calls.begin(), b_.calls.end(), "retire"), 0);
  ExpectClean();
}

TEST_F(VersionTargetTest, AlsoWhenThePolicyHasNoneAnyMore) {
  ASSERT_OK(SetPolicy("s", Exact()));
  ASSERT_OK(Rotate("s"));
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 ");
  EXPECT_EQ(a_.armed.count(second_), 1u);
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 RETIRED, 3 CURRENT");
  EXPECT_TRUE(a_.works.empty());
}

TEST_F(VersionTargetTest, ARollbackGoesBackToWhereTheVersionIs) {
  ASSERT_OK(SetPolicy("s", At("b")));
  ASSERT_OK(Rotate("s"));
  const std::string third = Kept(Get("s"));
  a_.calls.clear();
  b_.calls.clear();
  ASSERT_OK(Rollback("s"));
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT, 3 GRACE");
  EXPECT_EQ(a_.calls, (std::vector<std::string>{"disarm"}));
  EXPECT_EQ(b_.armed.count(third), 1u);
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 CURRENT, 3 RETIRED");
  EXPECT_TRUE(b_.works.empty());
  EXPECT_EQ(a_.works, (std::set<std::string>{second_}));
}

// The value is there already: where it was set is where it goes on.
TEST_F(VersionTargetTest, ARunGoesOnWhereItsValueWasSet) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  ASSERT_OK(SetPolicy("s", At("b")));
  Pass(absl::Hours(2));
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 CURRENT");
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 a");
  EXPECT_TRUE(b_.calls.empty());
}

// What is in use elsewhere says nothing of what the new target has done.
TEST_F(VersionTargetTest, TheFirstValueOfANewTargetIsNotAskedAboutByTheFormerOne) {
  ASSERT_OK(SetPolicy("s", At("b")));
  b_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("s"));
  EXPECT_EQ(Status("s").open_run().error_class(), "AMBIGUOUS");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 CURRENT");
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 b");
}

TEST_F(VersionTargetTest, ATargetThatIsGoneIsSaidToBeNeeded) {
  ASSERT_OK(SetPolicy("s", At("b")));
  targets_.erase("a");
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 RETIRING, 2 CURRENT");
  const v1::RotationStatus status = Status("s");
  EXPECT_EQ(status.versions(1).retire_error(),
            "the server's configuration has no target 'a', at which version 1 was set");
  EXPECT_TRUE(status.versions(1).has_retire_retry_time());
  // Whoever lists what needs a person sees it too, of all versions that one alone.
  const auto listed =
      rotation_->List(v1::ListRotationsRequest(), [](absl::string_view, bool) { return true; });
  ASSERT_OK(listed);
  ASSERT_EQ(listed->rotations_size(), 1);
  ASSERT_EQ(listed->rotations(0).versions_size(), 1);
  EXPECT_EQ(listed->rotations(0).versions(0).version(), 1u);
  targets_["a"] = &a_;
  Pass(Days(1));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 CURRENT");
  EXPECT_EQ(Status("s").versions(1).retire_error(), "");
}

TEST_F(VersionTargetTest, AValueThatComesFromTheTargetIsRetiredThereAfterAnotherPolicy) {
  ASSERT_OK(Put("s", "by hand"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 a");
  a_.works.insert(Kept("by hand"));
  ASSERT_OK(SetPolicy("s", At("b")));
  ASSERT_OK(Rotate("s", false, false, /*force=*/true));
  Pass(Days(8));
  EXPECT_TRUE(a_.works.empty());
}

TEST_F(VersionTargetTest, WhatWorksAtATargetIsRetiredThereBeforeItIsDestroyed) {
  const absl::Status refused = Destroy({1});
  EXPECT_CODE(refused, kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused), "STILL_AT_TARGET");
  EXPECT_TRUE(absl::StartsWith(refused.message(), "version 1 still works at target a, "))
      << refused;
  EXPECT_EQ(ReasonOf(Destroy({2, 1})), "STILL_AT_TARGET");
  EXPECT_EQ(ReasonOf(Destroy({})), "STILL_AT_TARGET");
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT");  // all of it or nothing
  a_.failures.emplace("retire", absl::UnavailableError("away"));
  Pass(Days(7));
  EXPECT_EQ(States("s"), "1 RETIRING, 2 CURRENT");
  EXPECT_EQ(ReasonOf(Destroy({1})), "STILL_AT_TARGET");
  Pass(absl::Hours(2));
  EXPECT_EQ(a_.works, (std::set<std::string>{second_}));
  ASSERT_OK(Destroy({1}));
  EXPECT_EQ(noted_, "versions=1");
  const absl::Status in_use = Destroy({});
  EXPECT_EQ(ReasonOf(in_use), "STILL_AT_TARGET");
  EXPECT_TRUE(absl::StrContains(in_use.message(), "keyturn secret delete")) << in_use;
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 CURRENT");
}

TEST_F(VersionTargetTest, WhatIsLeftAtATargetIsDestroyedHere) {
  ASSERT_OK(Destroy({1}, /*leave_at_target=*/true));
  EXPECT_EQ(noted_, "left_at_target=1 versions=1");
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 CURRENT");
  EXPECT_EQ(a_.works.count(Kept("1")), 1u);
  ASSERT_OK(Rotate("s"));
  a_.failures.emplace("retire", absl::PermissionDeniedError("refused"));
  Pass(Days(7));
  EXPECT_EQ(Status("s").versions(1).retire_error(), "refused");
  ASSERT_OK(Destroy({2}, /*leave_at_target=*/true));
  EXPECT_EQ(Status("s").versions(1).retire_error(), "");  // nobody has to see to it any more
  ASSERT_OK(Destroy({}, /*leave_at_target=*/true));
  EXPECT_EQ(noted_, "left_at_target=3 versions=3");
}

// What a run has set, or may have, and nobody will use.
TEST_F(VersionTargetTest, WhatACancelledRunHasSetIsRetired) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  ASSERT_EQ(a_.works.size(), 3u);
  a_.failures.emplace("retire", absl::UnavailableError("away"));
  ASSERT_OK(Cancel("s"));
  EXPECT_EQ(Get("s", 3), "VERSION_RETIRED");
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT, 3 RETIRING");
  EXPECT_EQ(Status("s").versions(0).retire_error(), "away");
  EXPECT_EQ(ReasonOf(Destroy({3})), "STILL_AT_TARGET");
  Pass(absl::Hours(2));
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT, 3 RETIRED");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
  EXPECT_EQ(notes_["rotation_retired"], "version=3");
  Pass(Days(31));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 CURRENT, 3 DESTROYED");
  ExpectClean();
}

TEST_F(VersionTargetTest, WhatMayHaveBeenSetIsRetiredToo) {
  a_.lies = true;
  a_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("s"));
  ASSERT_EQ(a_.works.size(), 3u);
  ASSERT_OK(Cancel("s"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT, 3 RETIRED");
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 a");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
}

TEST_F(VersionTargetTest, WhatWasNeverSetIsNotRetired) {
  v1::RotationPolicy policy = At("a");
  policy.mutable_source()->mutable_reminder();
  ASSERT_OK(SetPolicy("s", policy));
  ASSERT_OK(Rotate("s"));  // waits for a value
  a_.calls.clear();
  ASSERT_OK(Cancel("s"));
  Pass(absl::Hours(1));
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT");
  EXPECT_TRUE(a_.calls.empty());
}

TEST_F(VersionTargetTest, AValueThatTheTargetRefusedIsNotThere) {
  a_.failures.emplace("apply", absl::InvalidArgumentError("needs a digit"));
  ASSERT_OK(Rotate("s"));
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 ABANDONED, 4 CURRENT");
  EXPECT_EQ(std::count(a_.calls.begin(), a_.calls.end(), "retire"), 0);
}

TEST_F(VersionTargetTest, AValueThatItRefusesAfterItHasTakenItIsRetired) {
  a_.failures.emplace("test", absl::InvalidArgumentError("replicas need a digit"));
  ASSERT_OK(Rotate("s"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_, Kept(Get("s"))}));
}

TEST_F(VersionTargetTest, AValueThatItRefusesAfterNoAnswerIsRetired) {
  a_.lies = true;
  a_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("s"));
  a_.failures.emplace("probe", absl::InvalidArgumentError("needs a digit"));
  Pass(absl::Hours(2));
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_, Kept(Get("s"))}));
}

TEST_F(VersionTargetTest, WhatIsSupersededByAValueThatIsPutIsRetired) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  ASSERT_OK(Put("s", "by hand"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(Runs("s"), "MANUAL CANCELLED 3, MANUAL DONE 2");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
  EXPECT_EQ(Get("s"), "by hand");
}

TEST_F(VersionTargetTest, WhatARollbackStopsIsRetired) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  ASSERT_OK(Rollback("s"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 CURRENT, 2 GRACE, 3 RETIRED");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
}

// Whoever sees the new value at its target may put it by hand: it is one value, and it is in use.
TEST_F(VersionTargetTest, AValueThatIsInUseIsNotRetiredUnderAnotherNumber) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  std::string third;
  for (const std::string& value : a_.works) {
    if (value == Kept("1") || value == second_) continue;
    ASSERT_OK(ForEachField(value, [&](const FieldView& field) {
      third = std::string(field.value);
      return true;
    }));
  }
  ASSERT_OK(Put("s", third));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(notes_["rotation_retired"], "version=3 in_use_as=4");
  EXPECT_EQ(a_.works.count(Kept(third)), 1u);
  EXPECT_EQ(Get("s"), third);
  // Likewise of one that is in its grace, which ends with that.
  ASSERT_OK(Put("s", "1"));
  Pass(Days(8));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 RETIRED, 3 RETIRED, 4 RETIRED, 5 CURRENT");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1")}));
}

// It may be at the former target; what is not known to be there does not go on there.
TEST_F(VersionTargetTest, AnotherTargetGetsAValueOfItsOwn) {
  a_.lies = true;
  a_.failures.emplace("apply", absl::DeadlineExceededError("no answer"));
  ASSERT_OK(Rotate("s"));
  ASSERT_OK(SetPolicy("s", At("b")));
  Pass(absl::Hours(2));
  EXPECT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 RETIRED, 4 CURRENT");
  EXPECT_EQ(Targets(), "1 a, 2 a, 3 a, 4 b");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("1"), second_}));
  EXPECT_EQ(b_.works, (std::set<std::string>{Kept(Get("s"))}));
}

// A deleted version ends as it would have; if its target is away, its value outlives its recovery.
TEST_F(VersionTargetTest, ADeletedVersionIsNotLostBeforeItIsRetired) {
  v1::DeleteRequest remove;
  remove.set_path("s");
  remove.add_versions(1);
  remove.set_recovery_window_seconds(3600);
  ASSERT_OK(vault_->Delete(*store_, remove));
  const auto purge = [this] {
    absl::Time next;
    ASSERT_OK(vault_->RunDue(*store_, &next));
  };
  for (int hour = 0; hour < 30; ++hour) {
    Pass(absl::Hours(1));
    purge();
  }
  EXPECT_EQ(States("s"), "1 GRACE, 2 CURRENT");
  Pass(Days(6));
  EXPECT_EQ(a_.works, (std::set<std::string>{second_}));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 CURRENT");
  ASSERT_OK_AND_ASSIGN(const int mended, vault_->SweepDue(*store_, NoProgress));
  EXPECT_EQ(mended, 0);  // its hint was there all the time
  purge();
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 CURRENT");
}

// A secret that is deleted can be brought back as it was; when that is over, its value ends at its
// target too, and is kept until it has.
TEST_F(VersionTargetTest, ASecretThatIsDeletedForGoodEndsAtItsTarget) {
  a_.failures.emplace("test", absl::UnavailableError("away"));
  ASSERT_OK(Rotate("s"));
  Pass(absl::Hours(2));
  ASSERT_EQ(States("s"), "1 GRACE, 2 GRACE, 3 CURRENT");
  const std::string third = Kept(Get("s"));
  ASSERT_OK(DeleteAll());
  Pass(Days(29));
  Purge();
  EXPECT_EQ(a_.works, (std::set<std::string>{third}));
  EXPECT_EQ(States("s"), "1 RETIRED, 2 RETIRED, 3 CURRENT");
  a_.failures.emplace("retire", absl::PermissionDeniedError("refused"));
  Pass(Days(2));
  Purge();
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 DESTROYED, 3 RETIRING");
  EXPECT_EQ(Status("s").versions(0).retire_error(), "refused");  // a person sees it
  EXPECT_EQ(a_.works.count(third), 1u);
  Pass(absl::Hours(2));
  EXPECT_TRUE(a_.works.empty());
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 DESTROYED, 3 RETIRED");
  clock_.AdvanceTime(Days(1));
  Purge();
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 DESTROYED, 3 DESTROYED");
  ASSERT_OK(Destroy({}));
  ExpectClean();
}

TEST_F(VersionTargetTest, ASecretThatIsBroughtBackWorksOn) {
  ASSERT_OK(DeleteAll());
  Pass(Days(29));
  v1::UndeleteRequest back;
  back.set_path("s");
  ASSERT_OK(vault_->Undelete(*store_, back));
  Pass(Days(20));
  Purge();
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 CURRENT");
  EXPECT_EQ(a_.works, (std::set<std::string>{second_}));
}

// What a run has set meanwhile ends as well, and with it the run.
TEST_F(VersionTargetTest, WhatIsPendingWhenItsSecretEndsIsRetired) {
  a_.failures.emplace("test", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("s"));
  ASSERT_EQ(a_.works.size(), 3u);
  EXPECT_EQ(ReasonOf(Destroy({3})), "STILL_AT_TARGET");
  ASSERT_OK(DeleteAll());
  Pass(Days(31));
  Purge();
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 RETIRED, 3 RETIRED");
  EXPECT_EQ(Runs("s"), "MANUAL CANCELLED 3, MANUAL DONE 2");
  EXPECT_TRUE(a_.works.empty());
  ExpectClean();
}

// Nothing that is current ends by what was deleted before it.
TEST_F(VersionTargetTest, AValueThatIsPutAfterwardsWorksOn) {
  ASSERT_OK(DeleteAll());
  Pass(Days(20));
  ASSERT_OK(Put("s", "by hand"));
  a_.works.insert(Kept("by hand"));
  Pass(Days(11));
  Purge();
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("s"), "1 DESTROYED, 2 DESTROYED, 3 CURRENT");
  EXPECT_EQ(a_.works, (std::set<std::string>{Kept("by hand")}));
}

TEST_F(VersionTargetTest, WhatIsBroughtBackTooLateIsRetiredAndReplacedByHandOnly) {
  ASSERT_OK(DeleteAll());
  Pass(Days(31));
  Purge();
  ASSERT_OK(RunDue());
  v1::UndeleteRequest back;
  back.set_path("s");
  ASSERT_OK(vault_->Undelete(*store_, back));
  EXPECT_EQ(Get("s"), "VERSION_RETIRED");
  a_.calls.clear();
  Pass(Days(100));
  EXPECT_TRUE(a_.calls.empty());
  ASSERT_OK(Put("s", "anew"));
  EXPECT_EQ(Get("s"), "anew");
}

}  // namespace
}  // namespace keyturn
