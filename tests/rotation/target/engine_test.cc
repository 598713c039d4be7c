// A held key of a provider rotates through the whole engine by a program.
#include <csignal>
#include <fstream>

#include "rotation/target/command.h"
#include "rotation/target/target_driver.h"
#include "rotation/target/targets.h"
#include "storage/file_system.h"
#include "tests/rotation/rotation_fixture.h"

namespace keyturn {
namespace {

class TargetEngineTest : public RotationFixture {
 protected:
  TargetEngineTest() {
    std::signal(SIGPIPE, SIG_IGN);
    const char* const source = std::getenv("KEYTURN_SOURCE");
    TargetSpec spec;
    spec.name = "stripe";
    spec.paths = {"prod/stripe/*"};
    spec.command = {
        absl::StrCat(source == nullptr ? "." : source, "/tests/rotation/target/provider.py"),
        provider_.path()};
    driver_ = std::make_unique<TargetDriver>(spec.name, spec.paths, NewCommandTransport(spec));
    target_ = driver_.get();
    target_by_policy_ = true;
  }
  // Nothing runs when the driver goes.
  ~TargetEngineTest() override { rotation_.reset(); }

  void SetUp() override {
    ASSERT_OK(Put(kPath, "first-value", v1::KIND_API_KEY));
    v1::RotationPolicy policy = Exact();
    policy.set_target("stripe");
    ASSERT_OK(SetPolicy(kPath, policy));
    Write("state", R"({"works": ["first-value"], "ends": {}})");
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(provider_.File(name)) << text;
  }
  std::string Read(const std::string& name) {
    return FileSystem::Posix().Read(provider_.File(name)).value_or("");
  }

  // What the engine does on the target's thread.
  void Await(const std::string& event) {
    const std::string line = absl::StrCat(event, " ", kPath);
    const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(events_mu_) {
      return std::find(events_.begin(), events_.end(), line) != events_.end();
    };
    {
      const absl::MutexLock lock(&events_mu_);
      ASSERT_TRUE(events_mu_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(120))) << line;
    }
    // The thread tells of a change before it is done with the secret, which has no turn till then.
    rotation_->OnSealed();  // waits for it
    ASSERT_OK(rotation_->OnUnsealed());
  }
  std::vector<std::string> Events() {
    const absl::MutexLock lock(&events_mu_);
    return events_;
  }

  static constexpr char kPath[] = "prod/stripe/key";
  TempDir provider_;
  std::unique_ptr<TargetDriver> driver_;
};

TEST_F(TargetEngineTest, AHeldKeyRotatesAtItsProvider) {
  ASSERT_OK(Rotate(kPath));  // which does not wait for it
  Await("rotation_announced");
  EXPECT_EQ(States(kPath), "1 GRACE, 2 CURRENT");
  EXPECT_EQ(Read("calls"), "probe 2\napply 2\ntest 2\narm 1\n");
  const std::string fresh = Get(kPath);
  EXPECT_TRUE(absl::StrContains(Read("state"), fresh));
  EXPECT_TRUE(absl::StrContains(Read("state"), "first-value"));
  EXPECT_FALSE(absl::StrContains(Read("surroundings"), fresh));

  clock_.AdvanceTime(Days(7));
  ASSERT_OK(RunDue());
  Await("rotation_retired");
  EXPECT_EQ(States(kPath), "1 RETIRED, 2 CURRENT");
  EXPECT_FALSE(absl::StrContains(Read("state"), "first-value"));
  EXPECT_EQ(Events(),
            (std::vector<std::string>{
                "rotation_generated prod/stripe/key", "rotation_applied prod/stripe/key",
                "rotation_tested prod/stripe/key", "rotation_promoted prod/stripe/key",
                "rotation_announced prod/stripe/key", "rotation_grace_ended prod/stripe/key",
                "rotation_retired prod/stripe/key"}));
}

TEST_F(TargetEngineTest, ARefusalBlocksTheRun) {
  Write("next", R"({"result":"auth","message":"our own key is no key any more"})");
  ASSERT_OK(Rotate(kPath));
  Await("rotation_blocked");
  EXPECT_EQ(Status(kPath).open_run().error_class(), "AUTH");
  EXPECT_EQ(Status(kPath).open_run().error(), "target stripe: our own key is no key any more");
  EXPECT_EQ(Get(kPath), "first-value");
}

TEST_F(TargetEngineTest, AnAnswerThatIsNoneIsAskedAbout) {
  Write("next", "Traceback (most recent call last)");
  ASSERT_OK(Rotate(kPath));
  Await("rotation_failed");
  EXPECT_EQ(Status(kPath).open_run().error_class(), "AMBIGUOUS");
  EXPECT_EQ(Status(kPath).open_run().error(), "target stripe: its answer is not one JSON object");
  clock_.AdvanceTime(absl::Minutes(2));
  ASSERT_OK(RunDue());
  Await("rotation_announced");
  EXPECT_EQ(States(kPath), "1 GRACE, 2 CURRENT");
}

TEST_F(TargetEngineTest, ATargetThatIsGoneBlocksAndNothingIsSaidToBeRetired) {
  ASSERT_OK(Rotate(kPath));
  Await("rotation_announced");
  rotation_.reset();
  target_ = &MissingTarget();
  RotationFixture::Open();
  clock_.AdvanceTime(Days(8));
  ASSERT_OK(RunDue());
  Await("rotation_retire_failed");
  EXPECT_EQ(States(kPath), "1 RETIRING, 2 CURRENT");
  EXPECT_TRUE(absl::StrContains(notes_["rotation_retire_failed"],
                                "the server's configuration has no target 'stripe'"));
  ASSERT_OK(Rotate(kPath));
  EXPECT_EQ(Status(kPath).open_run().state(), v1::RotationRun::BLOCKED);
  EXPECT_EQ(Status(kPath).open_run().error(),
            "the server's configuration has no target 'stripe', which the policy names");
}

TEST_F(TargetEngineTest, SealingEndsWhatIsUnderWayAndItGoesOnAfterwards) {
  TargetSpec spec;
  spec.name = "stripe";
  spec.paths = {"*"};
  spec.timeout = absl::Minutes(5);
  spec.command = {"/bin/sh", "-c", absl::StrCat("touch ", provider_.File("begun"), "; sleep 600")};
  rotation_.reset();
  const auto slow =
      std::make_unique<TargetDriver>(spec.name, spec.paths, NewCommandTransport(spec));
  target_ = slow.get();
  RotationFixture::Open();
  ASSERT_OK(Rotate(kPath));
  // Another secret is not held up, whoever has it done.
  ASSERT_OK(Put("other", "1", v1::KIND_API_KEY));
  ASSERT_OK(SetPolicy("other", Exact()));
  ASSERT_OK(Rotate("other"));
  EXPECT_EQ(States("other"), "1 GRACE, 2 CURRENT");
  rotation_->OnSealed();  // returns long before the program would
  rotation_.reset();
  target_ = driver_.get();
  RotationFixture::Open();
  clock_.AdvanceTime(absl::Minutes(2));
  ASSERT_OK(RunDue());
  Await("rotation_announced");
  EXPECT_EQ(States(kPath), "1 GRACE, 2 CURRENT");
}

}  // namespace
}  // namespace keyturn
