// A generic secret that becomes a database credential, and its rotation: nothing comes of it at
// once, and the first one is due by the age of the value.
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class AdoptionTest : public RotationFixture {
 protected:
  absl::StatusOr<v1::SecretInfo> AdoptUrl(const std::string& path) {
    v1::AdoptRequest request;
    request.set_path(path);
    request.set_kind(v1::KIND_DB_CREDENTIAL);
    request.set_take_apart(true);
    return vault_->Adopt(*store_, request);
  }
  // "": there is no such field.
  std::string Password(const std::string& path, uint64_t version = 0) {
    const absl::StatusOr<ReadResult> result = Read(path, version, v1::VersionSelector::CURRENT);
    EXPECT_OK(result);
    std::string out;
    if (!result.ok()) return out;
    EXPECT_OK(ForEachField(result->data.ExposeForCrypto(), [&](const FieldView& field) {
      if (field.name == "password") out = std::string(field.value);
      return true;
    }));
    return out;
  }
  // A generic secret has a reminder.
  static v1::RotationPolicy Reminder() {
    v1::RotationPolicy policy;
    policy.set_jitter_max_seconds(-1);
    return policy;
  }
  int64_t Due(const std::string& path) { return Status(path).due_time().seconds(); }

  // Refused so, and nothing is otherwise than before.
  void ExpectRefused(const std::string& path, const std::string& reason, const std::string& said) {
    const std::string states = States(path), runs = Runs(path);
    const int64_t due = Due(path);
    const uint64_t revision = store_->LastRevision().value();
    const auto refused = AdoptUrl(path);
    EXPECT_EQ(Said(refused), said);
    EXPECT_EQ(ReasonOf(refused.status()), reason);
    EXPECT_EQ(store_->LastRevision().value(), revision);
    EXPECT_EQ(States(path), states);
    EXPECT_EQ(Runs(path), runs);
    EXPECT_EQ(Due(path), due);
  }

  static constexpr char kOne[] = "postgres://alcs:one@db/alcs";
  static constexpr char kTwo[] = "postgres://alcs:two@db/alcs";
};

TEST_F(AdoptionTest, APasswordIsDueByItsAge) {
  ASSERT_OK(Put("db", kOne));
  const absl::Time put = clock_.Now();
  Pass(Days(80));
  ASSERT_OK(AdoptUrl("db"));
  Pass(absl::Hours(1));
  EXPECT_EQ(States("db"), "1 CURRENT");
  EXPECT_EQ(Runs("db"), "");
  EXPECT_EQ(Password("db"), "one");
  EXPECT_GE(Due("db"), absl::ToUnixSeconds(put + Days(87)));
  EXPECT_LE(Due("db"), absl::ToUnixSeconds(put + Days(90)));
  Pass(put + Days(90) + absl::Minutes(1) - clock_.Now());
  EXPECT_EQ(Status("db").open_run().state(), v1::RotationRun::AWAITING_VALUE);
  EXPECT_EQ(States("db"), "1 CURRENT");
  ASSERT_OK(Put("db", kTwo));
  ASSERT_OK(RunDue());
  EXPECT_EQ(States("db"), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Password("db"), "two");
  EXPECT_EQ(Password("db", 1), "one");
  ExpectClean();
}

// What is overdue already is not rotated on the spot.
TEST_F(AdoptionTest, AnOldPasswordHasADay) {
  ASSERT_OK(Put("db", kOne));
  Pass(Days(200));
  ASSERT_OK(AdoptUrl("db"));
  Pass(absl::Hours(23));
  EXPECT_EQ(Runs("db"), "");
  EXPECT_EQ(States("db"), "1 CURRENT");
  Pass(absl::Hours(2));
  EXPECT_EQ(Runs("db"), "SCHEDULED AWAITING_VALUE 0");
}

TEST_F(AdoptionTest, APolicyGoesOnAndNothingIsInItsGraceByIt) {
  ASSERT_OK(Put("db", kOne));
  v1::RotationPolicy policy = Reminder();
  policy.set_period_seconds(30 * 86'400);
  ASSERT_OK(SetPolicy("db", policy));
  ASSERT_OK(RunDue());
  const int64_t due = Due("db");
  Pass(Days(10));
  ASSERT_OK(AdoptUrl("db"));
  Pass(absl::Hours(1));
  EXPECT_EQ(States("db"), "1 CURRENT");
  EXPECT_EQ(Password("db"), "one");
  EXPECT_EQ(Due("db"), due);
  EXPECT_EQ(Status("db").policy().period_seconds(), 30 * 86'400);
}

TEST_F(AdoptionTest, ItIsNotTheValueThatARotationWaitsFor) {
  ASSERT_OK(Put("db", kOne));
  ASSERT_OK(SetPolicy("db", Reminder()));
  ASSERT_OK(Rotate("db"));
  ASSERT_EQ(Runs("db"), "MANUAL AWAITING_VALUE 0");
  ExpectRefused("db", "ROTATION_IN_PROGRESS",
                "FAILED_PRECONDITION: a rotation is under way; wait for it, or run: keyturn "
                "rotation cancel");
  EXPECT_EQ(Password("db"), "");
  ASSERT_OK(Cancel("db"));
  ASSERT_OK(AdoptUrl("db"));
  EXPECT_EQ(States("db"), "1 CURRENT");
  EXPECT_EQ(Runs("db"), "MANUAL CANCELLED 0");
  EXPECT_EQ(Password("db"), "one");
}

TEST_F(AdoptionTest, ASecondTimeAndOneOfAnotherKindChangeNothing) {
  ASSERT_OK(Put("db", kOne));
  ASSERT_OK(AdoptUrl("db"));
  Pass(Days(5));
  ExpectRefused("db", "KIND_MISMATCH",
                "FAILED_PRECONDITION: the secret is of kind db_credential already; only a generic "
                "one becomes another");
  ASSERT_OK(Rotate("db"));
  ASSERT_EQ(Runs("db"), "MANUAL AWAITING_VALUE 0");
  ExpectRefused("db", "KIND_MISMATCH",
                "FAILED_PRECONDITION: the secret is of kind db_credential already; only a generic "
                "one becomes another");
  ASSERT_OK(Put("key", kOne, v1::KIND_API_KEY));
  Pass(absl::Hours(1));
  ExpectRefused("key", "KIND_MISMATCH",
                "FAILED_PRECONDITION: the secret is of kind api_key already; only a generic one "
                "becomes another");
  EXPECT_EQ(Password("key"), "");
}

// The newest version is not the current one.
TEST_F(AdoptionTest, AfterARollbackItIsTheCurrentOneThatCounts) {
  ASSERT_OK(Put("db", kOne));
  ASSERT_OK(SetPolicy("db", Reminder()));
  Pass(Days(1));
  ASSERT_OK(Put("db", kTwo));
  ASSERT_OK(RunDue());
  ASSERT_OK(Rollback("db"));
  ASSERT_EQ(States("db"), "1 CURRENT, 2 GRACE");
  const int64_t end = Status("db").versions(0).grace_end_time().seconds();
  ASSERT_OK(AdoptUrl("db"));
  EXPECT_EQ(States("db"), "1 CURRENT, 2 GRACE");
  EXPECT_EQ(Status("db").versions(0).grace_end_time().seconds(), end);
  EXPECT_EQ(Password("db"), "one");
  EXPECT_EQ(Password("db", 2), "two");
  ExpectClean();
}

}  // namespace
}  // namespace keyturn
