#include "rotation/clock_keeper.h"

#include "keyring/envelope.h"
#include "storage/schema.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

// One secret whose first version is in its grace.
class ClockKeeperTest : public RotationFixture {
 protected:
  void SetUp() override {
    ASSERT_OK(Put("a", "1", v1::KIND_API_KEY));
    ASSERT_OK(SetPolicy("a", Exact()));
    ASSERT_OK(Rotate("a"));
    Pass(absl::Hours(2));
    events_.clear();
  }
  // A restart on a machine whose clock is off by so much from then on.
  void RestartWithClockOff(absl::Duration off) {
    clock_.SetTime(clock_.Now() + off);
    RotationFixture::Open();
    ASSERT_OK(RunDue());
  }
  void PassMinutes(int minutes) {
    for (int i = 0; i < minutes; ++i) {
      clock_.AdvanceTime(absl::Minutes(1));
      ASSERT_OK(RunDue());
    }
  }
  absl::StatusOr<v1::AcceptClockResponse> Accept(const std::string& reason) {
    v1::AcceptClockRequest request;
    request.set_reason(reason);
    return rotation_->AcceptClock(*store_, request);
  }
  bool Trusted() { return rotation_->stats().clock_trusted && rotation_->clock_trusted(); }
  std::string MarkKey() {
    return schema::NamedRecordKey(IndexMac(**keyring_->Snapshot(), "setting", "clock"),
                                  static_cast<uint8_t>(Purpose::kSetting));
  }
  int64_t Kept() {
    const std::string key = MarkKey();
    const auto sealed = store_->Newest().Get(Family::kRecords, key);
    EXPECT_OK(sealed);
    const auto opened = OpenRecord(**keyring_->Snapshot(), Purpose::kSetting, key, **sealed);
    EXPECT_OK(opened);
    record::v1::ClockMark mark;
    EXPECT_TRUE(mark.ParseFromString(std::string(opened->plaintext.ExposeForCrypto())));
    return mark.wall_ms() / 1000;
  }
};

TEST_F(ClockKeeperTest, TheTimeIsKeptOnceAnHour) {
  const int64_t kept = Kept();
  EXPECT_LE(absl::ToUnixSeconds(clock_.Now()) - kept, 3600);
  const Revision before = store_->LastRevision();
  for (int i = 0; i < 4 * 3600; i += 10) {
    clock_.AdvanceTime(absl::Seconds(10));
    ASSERT_OK(RunDue());
  }
  EXPECT_LE(store_->LastRevision().value() - before.value(), 4u);
  EXPECT_GE(Kept(), kept + 4 * 3600);
}

TEST_F(ClockKeeperTest, AClockThatIsBehindAtUnsealIsNotBelievedUntilItIsPastTheTimeKept) {
  RestartWithClockOff(-absl::Hours(3));
  EXPECT_FALSE(Trusted());
  EXPECT_EQ(events_, (std::vector<std::string>{"clock_distrusted "}));
  EXPECT_EQ(Get("a", 1), "1");  // reads are served
  const int64_t kept = Kept();
  PassMinutes(150);  // even, but before it still
  EXPECT_FALSE(Trusted());
  EXPECT_EQ(Kept(), kept);
  PassMinutes(31);
  EXPECT_GE(absl::ToUnixSeconds(clock_.Now()), kept);
  PassMinutes(11);
  EXPECT_TRUE(Trusted());
  EXPECT_EQ(events_.size(), 1u);  // said once
  Pass(Days(8));
  EXPECT_EQ(States("a"), "1 RETIRED, 2 CURRENT");
}

TEST_F(ClockKeeperTest, NothingStartsOrEndsByAClockThatIsBehind) {
  Pass(Days(89));
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 CURRENT");
  ASSERT_OK(Rotate("a"));
  RestartWithClockOff(-Days(400));
  Pass(Days(390));  // the wrong clock goes on; all of it is before the time kept
  EXPECT_FALSE(Trusted());
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 GRACE, 3 CURRENT");
  ASSERT_OK(Rotate("a"));  // what somebody asks for is done
  EXPECT_EQ(States("a"), "1 DESTROYED, 2 GRACE, 3 GRACE, 4 CURRENT");
}

TEST_F(ClockKeeperTest, AClockThatIsSetRightAfterTheUnsealIsBelievedInTenMinutes) {
  RestartWithClockOff(-Days(300));
  PassMinutes(3);
  clock_.SetTime(clock_.Now() + Days(300));
  PassMinutes(9);
  EXPECT_FALSE(Trusted());
  PassMinutes(2);
  EXPECT_TRUE(Trusted());
  EXPECT_EQ(States("a"), "1 GRACE, 2 CURRENT");
}

TEST_F(ClockKeeperTest, SomebodyMayAcceptTheClock) {
  RestartWithClockOff(-Days(30));
  EXPECT_EQ(Said(Accept("")), "INVALID_ARGUMENT: reason: say why; it is kept in the audit log");
  EXPECT_FALSE(Trusted());
  const int64_t kept = Kept();
  ASSERT_OK_AND_ASSIGN(const v1::AcceptClockResponse accepted, Accept("the old clock was ahead"));
  EXPECT_FALSE(accepted.was_trusted());
  EXPECT_EQ(accepted.known_time().seconds(), kept);
  EXPECT_EQ(accepted.time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_TRUE(Trusted());
  EXPECT_EQ(Kept(), absl::ToUnixSeconds(clock_.Now()));
  ASSERT_OK(RunDue());
  RestartWithClockOff(absl::ZeroDuration());
  EXPECT_TRUE(Trusted());  // also after the next start
}

TEST_F(ClockKeeperTest, AcceptingAlsoEndsTheWaitAfterAJump) {
  clock_.SetTime(clock_.Now() + absl::Hours(5));  // nobody has looked since
  ASSERT_OK(Accept("it was set"));
  EXPECT_TRUE(Trusted());
  ASSERT_OK(RunDue());
  EXPECT_TRUE(Trusted());
}

TEST_F(ClockKeeperTest, AClockThatIsFarAheadIsBelievedAndSaid) {
  RestartWithClockOff(Days(20));  // as after so long without a server
  EXPECT_TRUE(Trusted());
  EXPECT_EQ(events_, (std::vector<std::string>{"clock_ahead ", "rotation_retired a"}));
  EXPECT_GE(rotation_->stats().clock_ahead, Days(20));
  RestartWithClockOff(absl::Hours(23));
  EXPECT_EQ(rotation_->stats().clock_ahead, absl::ZeroDuration());
  EXPECT_EQ(std::count(events_.begin(), events_.end(), "clock_ahead "), 1);
}

TEST_F(ClockKeeperTest, ATimeThatDoesNotOpenIsOneThatNeverComes) {
  ASSERT_OK(store_->Update([&](const View&, Batch& batch) {
    batch.Put(Family::kRecords, MarkKey(), "damaged");
    return absl::OkStatus();
  }));
  RestartWithClockOff(absl::ZeroDuration());
  PassMinutes(60);
  EXPECT_FALSE(Trusted());
  ASSERT_OK(Accept("the record was damaged"));
  EXPECT_TRUE(Trusted());
  ASSERT_OK(RunDue());
  RestartWithClockOff(absl::ZeroDuration());
  EXPECT_TRUE(Trusted());
}

TEST_F(ClockKeeperTest, AJumpIsInTheAuditLog) {
  clock_.SetTime(clock_.Now() + absl::Hours(1));
  ASSERT_OK(RunDue());
  ASSERT_OK(RunDue());
  EXPECT_EQ(events_, (std::vector<std::string>{"clock_distrusted "}));
}

// Steps within a grace, those that stay and those that are taken back: by the clock that is
// believed nothing ends early, and nothing is rotated twice.
TEST_F(ClockKeeperTest, StepsOfTheClockEndNothingEarlyAndRotateNothingTwice) {
  for (const absl::Duration step :
       {absl::Duration(absl::Hours(1)), absl::Duration(-absl::Hours(1)), Days(91), -Days(8)}) {
    for (const bool taken_back : {false, true}) {
      const std::string path = absl::StrCat("s", absl::ToInt64Hours(step), taken_back);
      ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
      ASSERT_OK(SetPolicy(path, Exact()));
      Pass(Days(90) + absl::Minutes(1));
      EXPECT_EQ(States(path), "1 GRACE, 2 CURRENT") << step;
      const v1::RotationStatus before = Status(path);
      const absl::Time end = absl::FromUnixSeconds(before.versions(1).grace_end_time().seconds());
      events_.clear();
      clock_.SetTime(clock_.Now() + step);
      PassMinutes(5);
      EXPECT_EQ(States(path), "1 GRACE, 2 CURRENT") << step;
      if (taken_back) {
        clock_.SetTime(clock_.Now() - step);
        PassMinutes(11);
      }
      EXPECT_EQ(Status(path).due_time().seconds(), before.due_time().seconds()) << step;
      while (clock_.Now() < end - absl::Minutes(1)) {
        EXPECT_EQ(States(path), "1 GRACE, 2 CURRENT") << step << " " << clock_.Now();
        Pass(std::min(absl::Duration(absl::Hours(6)), end - absl::Minutes(1) - clock_.Now()));
      }
      // Nobody could know of it before the step but for a few minutes.
      if (end < clock_.Now()) {
        EXPECT_EQ(States(path).substr(0, 7), "1 GRACE") << step;
      }
      Pass(absl::Hours(1));
      EXPECT_EQ(States(path).substr(0, 9), "1 RETIRED") << step;
      const int64_t late =
          std::max<int64_t>(0, absl::ToUnixSeconds(clock_.Now()) - before.due_time().seconds());
      EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_promoted " + path),
                late > 0 ? 1 : 0)
          << step;
      v1::DestroyRequest request;
      request.set_path(path);
      request.set_all(true);
      ASSERT_OK(vault_->Destroy(*store_, request));
    }
  }
}

// The hour from two to three is not there on that night, and twice in autumn.
TEST_F(ClockKeeperTest, ANightOnWhichTheCivilClockChangesHasOneRotation) {
  for (const char* const night : {"2027-03-28T00:00:00Z", "2027-10-31T00:00:00Z"}) {
    absl::Time midnight;
    std::string error;
    ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, night, &midnight, &error)) << error;
    Pass(midnight - absl::Hours(30) - clock_.Now());
    const std::string path = absl::StrCat("s", absl::ToUnixSeconds(midnight));
    ASSERT_OK(Put(path, "1", v1::KIND_API_KEY));
    v1::RotationPolicy policy = Exact();
    policy.set_period_seconds(54 * 3600);  // its middle is 27 hours after its start
    policy.set_grace_seconds(3600);
    v1::RotationWindow* const window = policy.add_windows();
    window->set_cron("30 2 * * *");
    window->set_duration_seconds(4 * 3600);
    window->set_time_zone("Europe/Berlin");
    ASSERT_OK(SetPolicy(path, policy));
    events_.clear();
    const absl::Time due = absl::FromUnixSeconds(Status(path).due_time().seconds());
    EXPECT_GE(due, midnight) << night;
    EXPECT_LE(due, midnight + absl::Hours(5)) << night;
    Pass(due - clock_.Now());
    EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_promoted " + path), 1) << night;
    Pass(midnight + absl::Hours(14) - clock_.Now());
    EXPECT_EQ(std::count(events_.begin(), events_.end(), "rotation_promoted " + path), 1) << night;
    EXPECT_TRUE(Trusted());
  }
}

// A second that is counted twice, or spread over a day.
TEST_F(ClockKeeperTest, ALeapSecondIsNoJump) {
  clock_.AdvanceTime(absl::Seconds(1));
  clock_.SetTime(clock_.Now() - absl::Seconds(1));
  ASSERT_OK(RunDue());
  EXPECT_TRUE(Trusted());
  clock_.AdvanceTime(Days(1));
  clock_.SetTime(clock_.Now() + absl::Seconds(1));
  ASSERT_OK(RunDue());
  EXPECT_TRUE(Trusted());
  EXPECT_EQ(events_, std::vector<std::string>());
}

}  // namespace
}  // namespace keyturn
