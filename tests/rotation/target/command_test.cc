// The driver of a target that is a program: each call, each outcome, and where no value may be.
#include "rotation/target/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/reason.h"
#include "rotation/target/target_driver.h"
#include "storage/file_system.h"
#include "tests/rotation/target/values.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

class CommandTest : public testing::Test {
 protected:
  CommandTest() {
    std::signal(SIGPIPE, SIG_IGN);
    log_ = open(dir_.File("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    SetLogFd(log_);
    SetLogLevel(LogLevel::kInfo);
  }
  ~CommandTest() override {
    SetLogLevel(LogLevel::kError);
    SetLogFd(2);
    close(log_);
  }

  static std::unique_ptr<TargetDriver> DriverOf(TargetSpec spec) {
    spec.name = "stripe";
    if (spec.paths.empty()) spec.paths = {"prod/stripe/*"};
    std::unique_ptr<Transport> transport = NewCommandTransport(spec);
    return std::make_unique<TargetDriver>(spec.name, spec.paths, std::move(transport));
  }
  std::unique_ptr<TargetDriver> Provider() {
    const char* const source = std::getenv("KEYTURN_SOURCE");
    TargetSpec spec;
    spec.command = {
        absl::StrCat(source == nullptr ? "." : source, "/tests/rotation/target/provider.py"),
        dir_.path()};
    return DriverOf(spec);
  }
  static std::unique_ptr<TargetDriver> Script(const std::string& script, int seconds = 20) {
    TargetSpec spec;
    spec.command = {"/bin/sh", "-c", script};
    spec.timeout = absl::Seconds(seconds);
    return DriverOf(spec);
  }
  static absl::Status Apply(const std::string& script, int seconds = 20) {
    return Script(script, seconds)->Apply(StripeCall(), Value("old-value"), Value("new-value"));
  }
  std::string Read(const std::string& name) {
    return FileSystem::Posix().Read(dir_.File(name)).value_or("");
  }

  TempDir dir_;
  int log_;
};

TEST_F(CommandTest, EveryCallReachesTheProgram) {
  const auto driver = Provider();
  const DriverCall call = StripeCall();
  const SecretBytes old = Value("old-value"), fresh = Value("new-value");
  ASSERT_OK_AND_ASSIGN(bool works, driver->Probe(call, fresh));
  EXPECT_FALSE(works);
  ASSERT_OK(driver->Apply(call, old, fresh));
  ASSERT_OK_AND_ASSIGN(works, driver->Probe(call, fresh));
  EXPECT_TRUE(works);
  ASSERT_OK(driver->Test(call, fresh));
  ASSERT_OK(driver->ArmExpiry(call, fresh, absl::FromUnixSeconds(1'800'000'000)));
  EXPECT_TRUE(absl::StrContains(Read("state"), "2027-01-15T08:00:00+00:00")) << Read("state");
  ASSERT_OK(driver->Disarm(call, fresh));
  EXPECT_FALSE(absl::StrContains(Read("state"), "2027"));
  ASSERT_OK_AND_ASSIGN(bool dead, driver->VerifyDead(call, fresh));
  EXPECT_FALSE(dead);
  ASSERT_OK(driver->Retire(call, fresh));
  ASSERT_OK(driver->Retire(call, fresh));
  ASSERT_OK_AND_ASSIGN(dead, driver->VerifyDead(call, fresh));
  EXPECT_TRUE(dead);
  EXPECT_EQ(FailureOf(driver->Test(call, fresh)), Failure::kAmbiguous);
  EXPECT_EQ(Read("calls"),
            "probe 2\napply 2\nprobe 2\ntest 2\narm 2\ndisarm 2\nverify 2\nretire 2\nretire 2\n"
            "verify 2\ntest 2\n");
}

TEST_F(CommandTest, NoValueIsAnywhereButInTheInput) {
  const auto driver = Provider();
  ASSERT_OK(driver->Apply(StripeCall(), Value("old-value"), Value("new-value")));
  const nlohmann::json seen = nlohmann::json::parse(Read("surroundings"));
  EXPECT_EQ(seen["argv"].size(), 2u);
  for (const auto& [name, value] : seen["environment"].items()) {
    EXPECT_TRUE(name == "PATH" || name == "LC_CTYPE") << name;  // the latter is Python's own
  }
  EXPECT_LE(seen["descriptors"].size(), 5u);  // and its file, and that of the listing
  EXPECT_FALSE(absl::StrContains(Read("surroundings"), "-value"));
  // The program says it on its standard error.
  const std::string log = Read("log");
  EXPECT_TRUE(absl::StrContains(log, "the value is [redacted]")) << log;
  EXPECT_FALSE(absl::StrContains(log, "-value"));
}

TEST_F(CommandTest, EachResultIsTakenForWhatItIs) {
  const std::pair<const char*, Failure> results[] = {{"ok", Failure::kNone},
                                                     {"transient", Failure::kTransient},
                                                     {"auth", Failure::kAccess},
                                                     {"policy", Failure::kPolicy},
                                                     {"ambiguous", Failure::kAmbiguous},
                                                     {"permanent", Failure::kPermanent}};
  for (const auto& [word, failure] : results) {
    const absl::Status status =
        Apply(absl::StrCat(R"(cat >/dev/null; echo '{"result":")", word, R"("}')"));
    EXPECT_EQ(FailureOf(status), failure) << word << status;
  }
}

TEST_F(CommandTest, ItMayAskToBeLeftAloneForAWhile) {
  for (const char* const exit : {"", "; exit 3"}) {
    const absl::Status status = Apply(absl::StrCat(
        R"(cat >/dev/null; echo '{"result":"transient",)", R"("retry_after_seconds":120}')", exit));
    EXPECT_EQ(FailureOf(status), Failure::kTransient) << status;
    EXPECT_EQ(RetryAfterOf(status), absl::Seconds(120)) << status;
  }
}

TEST_F(CommandTest, WhatIsNoAnswerIsAmbiguous) {
  const std::pair<const char*, const char*> scripts[] = {
      {"exit 0", "target stripe: it gave no answer"},
      {"exit 1", "target stripe: it gave no answer (exit code 1)"},
      {"echo done", "target stripe: its answer is not one JSON object"},
      {R"(echo '{"result":"ok"}'; exit 3)", "target stripe: it says ok and exited with code 3"},
      {R"(echo '{"result":"ok"}'; kill -KILL $$)", "target stripe: it was ended by signal 9"},
      {R"(echo '{"result":"ok"}'; yes)", "target stripe: its answer is too long"}};
  for (const auto& [script, message] : scripts) {
    const absl::Status status = Apply(script);
    EXPECT_EQ(FailureOf(status), Failure::kAmbiguous) << script;
    EXPECT_EQ(status.message(), message);
  }
  const auto quiet = Script(R"(echo '{"result":"ok"}')");
  EXPECT_EQ(FailureOf(quiet->Probe(StripeCall(), Value("v")).status()), Failure::kAmbiguous);
  EXPECT_EQ(*quiet->Sessions(StripeCall(), Value("v")), std::nullopt);  // it cannot tell
  EXPECT_EQ(*Script(R"(echo '{"result":"ok","sessions":4}')")->Sessions(StripeCall(), Value("v")),
            4);
}

TEST_F(CommandTest, OneThatTakesTooLongMayHaveDoneIt) {
  const absl::Status status = Apply("sleep 600", 1);
  EXPECT_CODE(status, kDeadlineExceeded);
  EXPECT_EQ(status.message(), "target stripe: it took longer than 1s");
}

TEST_F(CommandTest, OneThatCannotBeStartedNeedsAPerson) {
  TargetSpec spec;
  spec.command = {"/nowhere/rotate"};
  const absl::Status status = DriverOf(spec)->Retire(StripeCall(), Value("old-value"));
  EXPECT_EQ(FailureOf(status), Failure::kPermanent);
  EXPECT_EQ(status.message(),
            "target stripe: cannot run /nowhere/rotate: No such file or directory");
}

TEST_F(CommandTest, WhatItSaysIsShownWithoutValues) {
  const absl::Status status =
      Apply(R"(echo '{"result":"auth","message":"new-value was refused, old-value too"}'; exit 9)");
  EXPECT_EQ(FailureOf(status), Failure::kAccess);
  EXPECT_EQ(status.message(),
            "target stripe: [redacted] was refused, [redacted] too (exit code 9)");
}

TEST_F(CommandTest, AnInterruptLeavesOpenWhatHappened) {
  Interrupt interrupt;
  interrupt.Set();
  DriverCall call = StripeCall();
  call.interrupt = &interrupt;
  EXPECT_EQ(FailureOf(Script("sleep 600")->Retire(call, Value("v"))), Failure::kAmbiguous);
}

TEST_F(CommandTest, ASecretThatItIsNotForIsNotTold) {
  TargetSpec spec;
  spec.paths = {"prod/+/key", "test/*"};
  spec.command = {"/bin/sh", "-c", absl::StrCat("touch ", dir_.File("called"))};
  const auto driver = DriverOf(spec);
  EXPECT_TRUE(driver->IsFor("prod/stripe/key"));
  EXPECT_TRUE(driver->IsFor("test/a/b"));
  EXPECT_FALSE(driver->IsFor("prod/stripe/key2"));
  DriverCall call = StripeCall();
  call.path = "prod/other";
  const absl::Status status = driver->Apply(call, Value("a"), Value("b"));
  EXPECT_EQ(FailureOf(status), Failure::kPermanent);
  EXPECT_EQ(status.message(), "target stripe is not for prod/other");
  EXPECT_EQ(access(dir_.File("called").c_str(), F_OK), -1);
}

TEST_F(CommandTest, TheEnvironmentIsThatOfTheConfiguration) {
  TargetSpec spec;
  spec.command = {"/bin/sh", "-c",
                  R"(printf '{"result":"auth","message":"%s %s"}' "$PATH" "$ACCT")"};
  spec.environment = {"ACCT=acct_1", "PATH=/opt/bin"};
  EXPECT_EQ(DriverOf(spec)->Disarm(StripeCall(), Value("v-v-v")).message(),
            "target stripe: /opt/bin acct_1");
}

}  // namespace
}  // namespace keyturn
