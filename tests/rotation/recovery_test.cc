// What must not happen to a rotation when something else happens to its secret, and what one secret
// must not do to the others.
#include <thread>

#include "keyring/envelope.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class RotationRecoveryTest : public RotationFixture {
 protected:
  absl::Status Delete(const std::string& path) {
    v1::DeleteRequest request;
    request.set_path(path);
    return vault_->Delete(*store_, request).status();
  }
  absl::Status Undelete(const std::string& path) {
    v1::UndeleteRequest request;
    request.set_path(path);
    return vault_->Undelete(*store_, request).status();
  }
  absl::Status Pause(const std::string& path) {
    v1::PauseRotationRequest request;
    request.set_path(path);
    request.set_reason("freeze");
    return rotation_->Pause(*store_, request).status();
  }
};

TEST_F(RotationRecoveryTest, AnEmergencyEndsWhatLeakedAlsoWhenTheOwnerBringsTheValue) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  EXPECT_EQ(Get("a"), "1");  // until there is another
  ASSERT_OK(Put("a", "2"));
  EXPECT_EQ(Get("a", 1), "VERSION_COMPROMISED");  // from this moment on
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 DESTROYED!, 2 CURRENT");
  EXPECT_EQ(Runs("a"), "EMERGENCY DONE 2");
  ASSERT_OK(Put("a", "3"));
  EXPECT_EQ(Get("a", 2), "2");  // the emergency is over
}

TEST_F(RotationRecoveryTest, WhatIsNotToBeDoneAnyMoreIsNotDone) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  clock_.AdvanceTime(Days(7));
  meanwhile_ = [this] {
    v1::SetGraceRequest request;
    request.set_path("a");
    request.set_reason("a partner is late");
    request.mutable_end_time()->set_seconds(absl::ToUnixSeconds(clock_.Now() + Days(1)));
    ASSERT_OK(rotation_->SetGrace(*store_, request));
  };
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(events_, (std::vector<std::string>{"rotation_generated a", "rotation_promoted a"}));
}

// The secret is as it was: it is a directory above it that has another name.
TEST_F(RotationRecoveryTest, WhatMovesMeanwhileIsToldByItsNewPath) {
  ASSERT_OK(Put("old/a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("old/a", Exact()));
  clock_.AdvanceTime(Days(90));
  meanwhile_ = [this] {
    v1::RenameRequest request;
    request.set_path("old");
    request.set_new_path("new");
    request.set_directory(true);
    ASSERT_OK(vault_->Rename(*store_, request));
  };
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("new/a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(events_,
            (std::vector<std::string>{"rotation_started new/a", "rotation_promoted new/a"}));
}

TEST_F(RotationRecoveryTest, ACancelledEmergencyIsNone) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  v1::CancelRotationRequest cancel;
  cancel.set_path("a");
  cancel.set_reason("a false alarm");
  ASSERT_OK(rotation_->Cancel(*store_, cancel));
  ASSERT_OK(Put("a", "2"));
  EXPECT_EQ(Get("a", 1), "1");
}

TEST_F(RotationRecoveryTest, AnEmergencyNeedsNoRoom) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(ReasonOf(Rotate("a").status()), "GRACE_ACTIVE");
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 DESTROYED!, 4 CURRENT");
}

TEST_F(RotationRecoveryTest, ASecretThatIsUndeletedRotatesOn) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  Pass(Days(88));
  ASSERT_OK(Delete("a"));
  Pass(Days(5));
  EXPECT_EQ(Get("a"), "VERSION_DELETED");  // nothing brought it back
  ASSERT_OK(Undelete("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RotationRecoveryTest, WhatIsDeletedIsNotRotatedByHandEither) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Put("asked", "1", v1::KIND_API_KEY));
  ASSERT_OK(Delete("a"));
  ASSERT_OK(Delete("asked"));
  for (const char* const path : {"a", "asked"}) {
    const auto refused = Rotate(path);
    EXPECT_EQ(ReasonOf(refused.status()), "VERSION_DELETED");
    EXPECT_EQ(
        Said(refused),
        "FAILED_PRECONDITION: version 1, the current one, is deleted, and a rotation does not "
        "bring the secret back; undelete it, or put a new value");
    EXPECT_EQ(Runs(path), "");
  }
  // A list says of those alone which version it is.
  ASSERT_OK(Put("fine", "1", v1::KIND_API_KEY));
  const auto listed =
      rotation_->List(v1::ListRotationsRequest(), [](absl::string_view, bool) { return true; });
  ASSERT_OK(listed);
  ASSERT_EQ(listed->rotations_size(), 3);
  for (const v1::RotationStatus& status : listed->rotations()) {
    EXPECT_EQ(status.versions_size(), status.path() == "fine" ? 0 : 1) << status.path();
  }
  EXPECT_TRUE(listed->rotations(0).versions(0).has_delete_time());
  ASSERT_OK(Undelete("a"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  ASSERT_OK(Put("asked", "2"));
  ASSERT_OK(Rotate("asked"));
  EXPECT_EQ(Runs("asked"), "MANUAL AWAITING_VALUE 0");
  // An open one is not hurried either: it waits.
  ASSERT_OK(Delete("asked"));
  EXPECT_EQ(ReasonOf(Rotate("asked").status()), "VERSION_DELETED");
}

// What leaked is replaced as soon as it could be read again.
TEST_F(RotationRecoveryTest, AnEmergencyOfWhatIsDeletedIsDoneOnceItIsBack) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Delete("a"));
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  EXPECT_EQ(Runs("a"), "EMERGENCY RUNNING 0");
  EXPECT_EQ(Get("a"), "VERSION_DELETED");
  ASSERT_OK(Undelete("a"));
  ASSERT_OK(RunDue());
  EXPECT_EQ(Runs("a"), "EMERGENCY DONE 2");
  EXPECT_EQ(States("a"), "1 DESTROYED!, 2 CURRENT");
}

TEST_F(RotationRecoveryTest, WhatIsGoneForGoodIsNotRotated) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Delete("a"));
  Pass(Days(40));  // past its recovery
  absl::Time next;
  ASSERT_OK(vault_->RunDue(*store_, &next));
  EXPECT_EQ(ReasonOf(Rotate("a").status()), "NO_CURRENT_VERSION");
  EXPECT_EQ(Runs("a"), "");
  ASSERT_OK(Put("a", "2"));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Runs("a"), "MANUAL DONE 3");
}

TEST_F(RotationRecoveryTest, ADeletedSecretDoesNotComeBackByAnOpenRun) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  FakeTarget target;
  target_ = &target;
  target.failures.emplace("probe", absl::PermissionDeniedError("refused"));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Delete("a"));
  Pass(Days(3));
  EXPECT_EQ(Get("a"), "VERSION_DELETED");
  Pass(Days(40));  // past its recovery
  absl::Time next;
  ASSERT_OK(vault_->RunDue(*store_, &next));
  Pass(Days(1));
  EXPECT_EQ(Runs("a"), "MANUAL CANCELLED 2");
}

TEST_F(RotationRecoveryTest, APauseHoldsAScheduledRunThatIsTriedAgain) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  FakeTarget target;
  target_ = &target;
  target.failures.emplace("probe", absl::PermissionDeniedError("refused"));
  Pass(Days(90));
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::BLOCKED);
  ASSERT_OK(Pause("a"));
  Pass(Days(4));
  EXPECT_EQ(Get("a"), "1");
  ASSERT_OK(Rotate("a"));  // what somebody asks for is done
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RotationRecoveryTest, APolicyThatChangesUnderAnOpenRunDecidesHowItGoesOn) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::AWAITING_VALUE);
  ASSERT_OK(SetPolicy("a", Exact()));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  // And the other way: what a provider makes is not made here.
  v1::RotationPolicy policy = Exact();
  policy.mutable_source()->mutable_generate()->set_field("absent");
  ASSERT_OK(SetPolicy("a", policy));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::BLOCKED);
  policy.mutable_source()->mutable_reminder();
  ASSERT_OK(SetPolicy("a", policy));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::AWAITING_VALUE);
}

TEST_F(RotationRecoveryTest, AFieldThatIsNotThereIsNotMadeBesideTheOldValue) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.mutable_source()->mutable_generate()->set_field("passwrd");
  ASSERT_OK(SetPolicy("a", policy));
  ASSERT_OK(Rotate("a", /*emergency=*/true));
  EXPECT_EQ(Status("a").open_run().error(),
            "the current version has no field 'passwrd' to be replaced; the policy's "
            "source.generate.field says which one is");
  EXPECT_EQ(States("a"), "1 CURRENT");
}

TEST_F(RotationRecoveryTest, AKeyPairDoesNotBecomeAText) {
  ASSERT_OK(Put("a", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ==\n-----END PRIVATE KEY-----\n",
                v1::KIND_JWT_KEY));
  Pass(Days(91));
  EXPECT_EQ(States("a"), "1 CURRENT");
  EXPECT_EQ(Status("a").open_run().state(), v1::RotationRun::BLOCKED);
  EXPECT_TRUE(absl::StrContains(Status("a").open_run().error(), "holds a key pair in PEM"));
  // As it often stands in variables: in base64.
  const std::string encoded = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3QlE9PQo=";
  ASSERT_OK(Put("b", encoded, v1::KIND_JWT_KEY));
  ASSERT_OK(Rotate("b"));
  EXPECT_EQ(States("b"), "1 CURRENT");
  EXPECT_EQ(Get("b"), encoded);
  EXPECT_EQ(Status("b").open_run().error(),
            "field 'value' holds a key pair in PEM, which the server does not make; use source "
            "reminder");
}

TEST_F(RotationRecoveryTest, ValuesThatCannotBeMadeAreRefusedWithThePolicy) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.mutable_source()->mutable_generate()->mutable_spec()->set_policy("nobody's");
  EXPECT_EQ(Said(SetPolicy("a", policy)),
            "INVALID_ARGUMENT: policy.source.generate: no password policy nobody's");
  policy.mutable_source()->mutable_generate()->mutable_spec()->clear_policy();
  policy.mutable_source()->mutable_generate()->mutable_spec()->set_bytes(8);
  EXPECT_TRUE(absl::StrContains(Said(SetPolicy("a", policy)), "an API key has at least 32"));
}

TEST_F(RotationRecoveryTest, OneThatDoesNotOpenHoldsUpNobody) {
  for (const char* const path : {"a", "b", "c"}) {
    ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy(path, Exact()));
  }
  const std::string key = schema::SecretMetadataKey(IdOf("b"));
  const std::string record = **store_->Newest().Get(Family::kRecords, key);
  const auto write = [&](const std::string& bytes) {
    ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
      batch.Put(Family::kRecords, key, bytes);
      return absl::OkStatus();
    }));
  };
  write("damaged");
  Pass(Days(91));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(States("c"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(rotation_->stats().secrets_failing, 1u);
  write(record);  // mended, as from a backup
  Pass(absl::Hours(2));
  EXPECT_EQ(States("b"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(rotation_->stats().secrets_failing, 0u);
}

TEST_F(RotationRecoveryTest, WhatATargetSaysIsKeptAsTextWhateverItIs) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  FakeTarget target;
  target_ = &target;
  std::string said = "x\xff\xfe";
  while (said.size() < 2000) said += "\xc3\xa4";
  target.failures.emplace("apply", absl::PermissionDeniedError(said));
  ASSERT_OK(Rotate("a"));
  const std::string kept = Status("a").open_run().error();
  EXPECT_TRUE(absl::StartsWith(kept, "x\\xff\\xfe\\xc3\\xa4")) << kept;
  EXPECT_EQ(kept.size(), limits::kRotationErrorBytesMax);
  // Valid, and cut where a character ends.
  said.erase(1, 2);
  target.failures.emplace("apply", absl::PermissionDeniedError(said));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Status("a").open_run().error(), said.substr(0, limits::kRotationErrorBytesMax - 1));
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(RotationRecoveryTest, ASecretThatIsWrittenOftenHasOneHint) {
  ASSERT_OK(Put("a", "0", v1::KIND_API_KEY));
  for (int i = 1; i < 20; ++i) {
    clock_.AdvanceTime(absl::Seconds(30));
    ASSERT_OK(RunDue());
    ASSERT_OK(Put("a", absl::StrCat(i)));
  }
  ASSERT_OK(RunDue());
  EXPECT_EQ(rotation_->stats().secrets_waiting, 1u);
}

TEST_F(RotationRecoveryTest, OldVersionsEndWithTheFirstPolicyAndLeaveRoom) {
  for (int i = 0; i < 6; ++i) ASSERT_OK(Put("a", absl::StrCat(i)));
  ASSERT_OK(SetPolicy("a", Exact()));
  EXPECT_EQ(States("a"), "1 GRACE, 2 GRACE, 3 GRACE, 4 GRACE, 5 GRACE, 6 CURRENT");
  ASSERT_OK(Rotate("a"));
  EXPECT_EQ(Get("a", 0, v1::VersionSelector::PREVIOUS), "5");
  Pass(Days(8));
  EXPECT_EQ(States("a"),
            "1 RETIRED, 2 RETIRED, 3 RETIRED, 4 RETIRED, 5 RETIRED, 6 RETIRED, "
            "7 CURRENT");
}

TEST_F(RotationRecoveryTest, ARollbackOfAnEarlyRotationKeepsTheSchedule) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("a", Exact()));
  const int64_t due = Status("a").due_time().seconds();
  Pass(Days(2));
  ASSERT_OK(Rotate("a"));
  ASSERT_OK(Rollback("a"));
  EXPECT_EQ(Status("a").due_time().seconds(), due);
  Pass(Days(5));
  EXPECT_EQ(Get("a"), "1");
}

TEST_F(RotationRecoveryTest, ALateStartWaitsForAWindowWhenThePolicySaysSo) {
  ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_enforcement(v1::RotationPolicy::SOFT);
  v1::RotationWindow* const window = policy.add_windows();
  window->set_cron("0 2 * * SUN");
  window->set_duration_seconds(4 * 3600);
  ASSERT_OK(SetPolicy("a", policy));
  clock_.AdvanceTime(Days(120));  // sealed meanwhile, and unsealed on a Friday: 2026-05-01
  ASSERT_OK(RunDue());
  EXPECT_EQ(Get("a"), "1");
  Pass(absl::Hours(36));
  EXPECT_EQ(Get("a"), "1");
  Pass(absl::Hours(16));
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

// Callers, the schedule, and writers, all at once: each change is whole, and nothing is left open.
TEST_F(RotationRecoveryTest, ManyAtOnceLeaveOneCurrentVersionAndNoOpenRun) {
  ASSERT_OK(Put("a", "0", v1::KIND_API_KEY));
  v1::RotationPolicy policy = Exact();
  policy.set_max_live_versions(20);
  ASSERT_OK(SetPolicy("a", policy));
  const auto each = [&](int who) {
    for (int i = 0; i < 10; ++i) {
      if (who == 0) (void)Put("a", absl::StrCat("by hand ", i));
      if (who == 1) (void)Rollback("a").status();
      if (who == 2) {
        absl::Time next;
        (void)rotation_->RunDue(&next).status();
      }
      if (who > 2) (void)Rotate("a").status();
    }
  };
  std::vector<std::thread> threads;
  for (int who = 0; who < 5; ++who) threads.emplace_back(each, who);
  for (std::thread& thread : threads) thread.join();
  clock_.AdvanceTime(absl::Seconds(2));
  ASSERT_OK(RunDue());
  EXPECT_FALSE(Status("a").has_open_run());
  int current = 0;
  const v1::RotationStatus status = Status("a");
  for (const v1::VersionInfo& version : status.versions()) {
    current += version.state() == v1::VERSION_STATE_CURRENT ? 1 : 0;
    EXPECT_NE(version.state(), v1::VERSION_STATE_PENDING);
  }
  EXPECT_EQ(current, 1);
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
