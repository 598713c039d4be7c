#include "rotation/target/targets.h"

#include <csignal>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/rotation/target/values.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn {
namespace {

TargetSpec Command(const std::string& name) {
  TargetSpec spec;
  spec.name = name;
  spec.paths = {"prod/" + name + "/*"};
  spec.command = {"/bin/true"};
  return spec;
}

TEST(Targets, AreFoundByName) {
  ASSERT_OK_AND_ASSIGN(const auto targets,
                       Targets::Create({Command("stripe"), Command("twilio")}, Clock::Real()));
  EXPECT_EQ(targets->DriverOf(""), nullptr);
  EXPECT_EQ(targets->DriverOf("stripe")->lane(), "stripe");
  EXPECT_EQ(targets->DriverOf("twilio")->lane(), "twilio");
  EXPECT_EQ(targets->DriverOf("gone"), &MissingTarget());
}

TEST(Targets, WhatTheyAreAskedIsCounted) {
  std::signal(SIGPIPE, SIG_IGN);  // these programs do not read what they are told
  TargetSpec good = Command("stripe"), bad = Command("twilio");
  good.command = {"/bin/sh", "-c", R"(echo '{"result":"ok","works":true}')"};
  bad.command = {"/bin/sh", "-c", R"(echo '{"result":"auth"}')"};
  ASSERT_OK_AND_ASSIGN(const auto targets, Targets::Create({good, bad}, Clock::Real()));
  std::vector<std::string> seen;
  targets->SetObserver(
      [&](const std::string& target, absl::string_view call, Failure outcome, absl::Duration took) {
        EXPECT_GT(took, absl::ZeroDuration());
        seen.push_back(absl::StrCat(target, " ", call, " ", FailureName(outcome)));
      },
      Clock::Real());
  DriverCall call = StripeCall();
  EXPECT_OK(targets->DriverOf("stripe")->Probe(call, Value("v")));
  EXPECT_OK(targets->DriverOf("stripe")->Retire(call, Value("v")));
  EXPECT_FALSE(targets->DriverOf("twilio")->Retire(call, Value("v")).ok());  // not for its path
  call.path = "prod/twilio/key";
  EXPECT_FALSE(targets->DriverOf("twilio")->Retire(call, Value("v")).ok());
  EXPECT_EQ(seen,
            (std::vector<std::string>{"stripe probe ", "stripe retire ", "twilio retire AUTH"}));
}

TEST(Targets, APolicyMayNameOneThatIsForItsPath) {
  ASSERT_OK_AND_ASSIGN(const auto targets,
                       Targets::Create({Command("stripe"), Command("twilio")}, Clock::Real()));
  EXPECT_OK(targets->Check("stripe", "prod/stripe/key"));
  EXPECT_EQ(targets->Check("stripe", "prod/twilio/key").message(),
            "policy.target: stripe is not for prod/twilio/key; the server's configuration says "
            "which paths it is for");
  EXPECT_EQ(targets->Check("sendgrid", "prod/stripe/key").message(),
            "policy.target: there is no 'sendgrid'; allowed are stripe, twilio");
  ASSERT_OK_AND_ASSIGN(const auto none, Targets::Create({}, Clock::Real()));
  EXPECT_EQ(none->Check("stripe", "prod/stripe/key").message(),
            "policy.target: there is no 'stripe'; the server's configuration has none");
}

TEST(Targets, OneThatIsMissingNeedsAPersonWhateverIsAsked) {
  Driver& missing = MissingTarget();
  const DriverCall call = StripeCall();
  const SecretBytes value = Value("v");
  EXPECT_EQ(missing.lane(), "");
  for (const absl::Status& status :
       {missing.Probe(call, value).status(), missing.Apply(call, value, value),
        missing.Test(call, value), missing.ArmExpiry(call, value, absl::InfiniteFuture()),
        missing.Disarm(call, value), missing.Sessions(call, value).status(),
        missing.Retire(call, value), missing.VerifyDead(call, value).status()}) {
    EXPECT_EQ(FailureOf(status), Failure::kPermanent);
    EXPECT_EQ(status.message(),
              "the server's configuration has no target 'stripe', which the policy names");
  }
}

TEST(Targets, KeysAndCasAreLookedForWhenTheConfigurationIsChecked) {
  const TempDir dir;
  TargetSpec spec;
  spec.name = "billing";
  spec.url = "https://billing.example";
  spec.signing_key_file = dir.File("key");
  EXPECT_CODE(CheckTargetFiles(spec), kNotFound);
  EXPECT_EQ(Targets::Create({spec}, Clock::Real()).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(spec.signing_key_file) << "secret";
  EXPECT_CODE(CheckTargetFiles(spec), kInvalidArgument);
  EXPECT_FALSE(absl::StrContains(CheckTargetFiles(spec).message(), "secret"));
  std::ofstream(spec.signing_key_file) << "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
  EXPECT_OK(CheckTargetFiles(spec));
  EXPECT_OK(Targets::Create({spec}, Clock::Real()));
  spec.ca_file = dir.File("absent.pem");
  EXPECT_EQ(CheckTargetFiles(spec).message(),
            absl::StrCat("ca_file: ", spec.ca_file, " cannot be read"));
}

TEST(Targets, ProgramsAreLookedForWhenTheConfigurationIsChecked) {
  TargetSpec spec = Command("stripe");
  EXPECT_OK(CheckTargetFiles(spec));
  spec.command = {"/nowhere/rotate"};
  EXPECT_EQ(CheckTargetFiles(spec).message(),
            "command: /nowhere/rotate is not a program that can be run");
}

}  // namespace
}  // namespace keyturn
