// The driver of a target that is reached over HTTPS: what arrives, what is made of each answer, and
// what is not connected to.
#include "rotation/target/webhook.h"

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/limits.h"
#include "base/reason.h"
#include "net/https_post.h"
#include "rotation/target/request.h"
#include "rotation/target/target_driver.h"
#include "rotation/target/webhook_signature.h"
#include "tests/rotation/target/https_server.h"
#include "tests/rotation/target/values.h"

namespace keyturn {
namespace {

constexpr char kKey[] = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

class WebhookTest : public testing::Test {
 protected:
  WebhookTest() {
    std::signal(SIGPIPE, SIG_IGN);
    std::ofstream(dir_.File("key")) << kKey << "\n";
  }

  TargetSpec SpecOf(const HttpsServer& server) {
    TargetSpec spec;
    spec.name = "billing";
    spec.paths = {"prod/*"};
    spec.url = server.url();
    spec.signing_key_file = dir_.File("key");
    spec.ca_file = server.ca_file();
    spec.allow_addresses = {"127.0.0.1", "::1"};
    spec.timeout = absl::Seconds(20);
    return spec;
  }
  std::unique_ptr<TargetDriver> DriverOf(const TargetSpec& spec) {
    auto transport = NewWebhookTransport(spec, clock_);
    EXPECT_OK(transport);
    return std::make_unique<TargetDriver>(spec.name, spec.paths, *std::move(transport));
  }
  absl::Status Apply(const TargetSpec& spec, const Interrupt* interrupt = nullptr) {
    DriverCall call = StripeCall();
    call.interrupt = interrupt;
    return DriverOf(spec)->Apply(call, Value("old-value"), Value("new-value"));
  }
  // Of a server that answers with these bytes.
  absl::Status ApplyWith(const std::string& answer) {
    HttpsServer server([&](const HttpsServer::Seen&) { return answer; });
    const absl::Status status = Apply(SpecOf(server));
    EXPECT_EQ(server.seen().size(), 1u);
    return status;
  }

  TempDir dir_;
  SimulatedClock clock_;
};

TEST_F(WebhookTest, ACallArrivesSigned) {
  HttpsServer server(
      [](const HttpsServer::Seen&) { return HttpAnswer(200, R"({"result":"ok"})"); });
  ASSERT_OK(Apply(SpecOf(server)));
  ASSERT_OK(Apply(SpecOf(server)));
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_OK(DriverOf(SpecOf(server))->Retire(StripeCall(), Value("old-value")));
  const std::vector<HttpsServer::Seen> seen = server.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_TRUE(absl::StartsWith(seen[0].head, "POST /rotate HTTP/1.1\r\n"));
  EXPECT_EQ(seen[0].Header("content-type"), "application/json");
  EXPECT_EQ(seen[0].Header("user-agent"), "keyturn");
  const nlohmann::json body = nlohmann::json::parse(seen[0].body);
  EXPECT_EQ(body["call"], "apply");
  EXPECT_EQ(body["value"]["value"], "new-value");
  EXPECT_EQ(body["current"]["value"], "old-value");
  EXPECT_EQ(body["id"], seen[0].Header("webhook-id"));
  const SecretBytes key = *ParseWebhookKey(kKey);
  for (const HttpsServer::Seen& request : seen) {
    int64_t seconds = 0;
    ASSERT_TRUE(absl::SimpleAtoi(request.Header("webhook-timestamp"), &seconds));
    EXPECT_EQ(request.Header("webhook-signature"),
              *SignWebhook(key, request.Header("webhook-id"), seconds,
                           *SecretBytes::CopyOf(request.body)));
  }
  // The same call has the same id, another another.
  EXPECT_EQ(seen[1].Header("webhook-id"), seen[0].Header("webhook-id"));
  EXPECT_NE(seen[2].Header("webhook-id"), seen[0].Header("webhook-id"));
  EXPECT_EQ(seen[2].Header("webhook-timestamp"), absl::StrCat(absl::ToUnixSeconds(clock_.Now())));
  EXPECT_FALSE(absl::StrContains(seen[0].head, "-value"));
}

TEST_F(WebhookTest, AnswersAreThoseOfPrograms) {
  HttpsServer server([](const HttpsServer::Seen& seen) {
    const bool probe = absl::StrContains(seen.body, R"("call":"probe")");
    return HttpAnswer(probe ? 200 : 202, probe ? R"({"result":"ok","works":true})"
                                               : R"({"result":"policy","message":"new-value?"})");
  });
  const auto driver = DriverOf(SpecOf(server));
  ASSERT_OK_AND_ASSIGN(const bool works, driver->Probe(StripeCall(), Value("new-value")));
  EXPECT_TRUE(works);
  const absl::Status refused = Apply(SpecOf(server));
  EXPECT_EQ(FailureOf(refused), Failure::kPolicy);
  EXPECT_EQ(refused.message(), "target billing: [redacted]?");
}

TEST_F(WebhookTest, EachStatusIsTakenForWhatItIs) {
  const std::pair<int, Failure> statuses[] = {
      {204, Failure::kAmbiguous},  // no answer in it
      {301, Failure::kPermanent}, {302, Failure::kPermanent}, {307, Failure::kPermanent},
      {400, Failure::kPermanent}, {401, Failure::kAccess},    {403, Failure::kAccess},
      {404, Failure::kPermanent}, {410, Failure::kPermanent}, {429, Failure::kTransient},
      {500, Failure::kAmbiguous}, {502, Failure::kTransient}, {503, Failure::kTransient},
      {504, Failure::kTransient}};
  HttpsServer server;
  const std::string more =
      absl::StrCat("Location: ", server.url("/elsewhere"), "\r\nRetry-After: 1\r\n");
  size_t asked = 0;
  for (const auto& [code, failure] : statuses) {
    server.Say(HttpAnswer(code, "", more));
    const absl::Status said = Apply(SpecOf(server));
    EXPECT_EQ(FailureOf(said), failure) << code << said;
    EXPECT_EQ(server.seen().size(), ++asked) << code;  // nothing is followed
  }
}

TEST_F(WebhookTest, WhatIsNoAnswerIsAmbiguous) {
  EXPECT_EQ(FailureOf(ApplyWith("")), Failure::kAmbiguous);
  EXPECT_EQ(FailureOf(ApplyWith("what?\r\n\r\n")), Failure::kAmbiguous);
  EXPECT_EQ(FailureOf(ApplyWith(HttpAnswer(200, "<html>"))), Failure::kAmbiguous);
  EXPECT_EQ(FailureOf(ApplyWith("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")),
            Failure::kAmbiguous);
  const absl::Status long_one =
      ApplyWith(HttpAnswer(200, std::string(limits::kTargetAnswerBytesMax + 1, ' ')));
  EXPECT_EQ(FailureOf(long_one), Failure::kAmbiguous);
  EXPECT_EQ(long_one.message(), "target billing: the answer is too long");
}

TEST_F(WebhookTest, AnAddressThatIsNotPublicIsConnectedToOnlyIfItIsAllowed) {
  HttpsServer server(
      [](const HttpsServer::Seen&) { return HttpAnswer(200, R"({"result":"ok"})"); });
  TargetSpec spec = SpecOf(server);
  spec.allow_addresses = {"10.0.0.0/8"};
  const absl::Status status = Apply(spec);
  EXPECT_EQ(FailureOf(status), Failure::kPermanent);
  EXPECT_EQ(status.message(), "target billing: 127.0.0.1 is not public, and not allowed");
  // By a name, or written otherwise: it is the address that counts.
  for (const char* const host : {"localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"}) {
    spec.url = absl::StrCat("https://", host, ":", server.port(), "/");
    EXPECT_EQ(FailureOf(Apply(spec)), Failure::kPermanent) << host;
  }
  EXPECT_TRUE(server.seen().empty());
}

// The engine is told, of those who say for how long they are busy.
TEST_F(WebhookTest, AWaitThatATargetAsksForGoesWithItsAnswer) {
  const std::pair<int, absl::Duration> answers[] = {{429, absl::Minutes(2)},
                                                    {503, absl::Minutes(2)},
                                                    {502, absl::ZeroDuration()},
                                                    {500, absl::ZeroDuration()}};
  for (const auto& [status, wait] : answers) {
    EXPECT_EQ(RetryAfterOf(ApplyWith(HttpAnswer(status, "", "Retry-After: 120\r\n"))), wait)
        << status;
  }
}

// In seconds or as a date; never longer than a day, whatever it asks for.
TEST_F(WebhookTest, HowLongAServerAsksToWaitIsTold) {
  HttpsServer server;
  HttpsRequest request;
  request.url = server.url();
  request.body = "{}";
  request.ca_file = server.ca_file();
  request.timeout = absl::Seconds(20);
  request.answer_bytes_max = 1024;
  request.may_connect = [](const std::string&) { return true; };
  const auto wait = [&](const std::string& value) {
    const std::string header = absl::StrCat("Retry-After: ", value, "\r\n");
    server.Say(HttpAnswer(503, "", value.empty() ? "" : header));
    const absl::StatusOr<HttpsAnswer> answer = HttpsPost(request);
    EXPECT_OK(answer);
    return answer.ok() ? answer->retry_after : -absl::InfiniteDuration();
  };
  const auto date = [](absl::Duration from_now) {
    return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", Clock::Real().Now() + from_now,
                            absl::UTCTimeZone());
  };
  const absl::Duration most = absl::Seconds(limits::kHttpRetryAfterSecondsMax);
  EXPECT_EQ(wait(""), absl::ZeroDuration());
  EXPECT_EQ(wait("120"), absl::Minutes(2));
  EXPECT_EQ(wait("0"), absl::ZeroDuration());
  EXPECT_EQ(wait("-5"), absl::ZeroDuration());
  EXPECT_EQ(wait("soon"), absl::ZeroDuration());
  EXPECT_EQ(wait("86401"), most);
  EXPECT_EQ(wait(date(-absl::Hours(1))), absl::ZeroDuration());
  EXPECT_EQ(wait(date(absl::Hours(400))), most);
  const absl::Duration hour = wait(date(absl::Hours(1)));
  EXPECT_LE(hour, absl::Hours(1));
  EXPECT_GE(hour, absl::Minutes(55));  // of a machine that is slow
}

TEST_F(WebhookTest, AServerThatCannotShowWhoItIsGetsNothing) {
  HttpsServer server(
      [](const HttpsServer::Seen&) { return HttpAnswer(200, R"({"result":"ok"})"); });
  TargetSpec spec = SpecOf(server);
  const HttpsServer other([](const HttpsServer::Seen&) { return ""; });
  spec.ca_file = other.ca_file();
  absl::Status status = Apply(spec);
  EXPECT_EQ(FailureOf(status), Failure::kPermanent);
  EXPECT_EQ(status.message(), "target billing: the server's certificate is not good");
  spec.ca_file = "";  // the system's
  EXPECT_EQ(FailureOf(Apply(spec)), Failure::kPermanent);
  spec.ca_file = server.ca_file();
  spec.url = absl::StrCat("https://localhost:", server.port(), "/");  // it is for 127.0.0.1
  status = Apply(spec);
  EXPECT_EQ(FailureOf(status), Failure::kPermanent) << status;
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(WebhookTest, NobodyThereIsTriedAgain) {
  std::optional<HttpsServer> server;
  server.emplace([](const HttpsServer::Seen&) { return ""; });
  const TargetSpec spec = SpecOf(*server);
  server.reset();
  std::ofstream(spec.ca_file).close();
  EXPECT_EQ(FailureOf(Apply(spec)), Failure::kTransient);
}

TEST_F(WebhookTest, NoAnswerInTimeMayHaveDoneIt) {
  absl::Notification done;
  HttpsServer server([&](const HttpsServer::Seen&) {
    done.WaitForNotification();
    return "";
  });
  TargetSpec spec = SpecOf(server);
  spec.timeout = absl::Seconds(1);
  const absl::Status status = Apply(spec);
  EXPECT_CODE(status, kDeadlineExceeded);
  done.Notify();
}

// The port takes connections, and nobody speaks: nothing was sent.
TEST_F(WebhookTest, NoConnectionInTimeIsTriedAgain) {
  absl::Notification busy, done;
  HttpsServer server([&](const HttpsServer::Seen&) {
    busy.Notify();
    done.WaitForNotification();
    return "";
  });
  TargetSpec spec = SpecOf(server);
  const TargetSpec patient = SpecOf(server);
  std::thread first([&] { EXPECT_FALSE(Apply(patient).ok()); });
  busy.WaitForNotification();
  spec.timeout = absl::Seconds(1);
  const absl::Status status = Apply(spec);
  EXPECT_EQ(FailureOf(status), Failure::kTransient) << status;
  done.Notify();
  first.join();
}

TEST_F(WebhookTest, AnInterruptLeavesOpenWhatHappened) {
  absl::Notification arrived, done;
  HttpsServer server([&](const HttpsServer::Seen&) {
    arrived.Notify();
    done.WaitForNotification();
    return "";
  });
  Interrupt interrupt;
  std::thread seals([&] {
    arrived.WaitForNotification();
    interrupt.Set();
  });
  const absl::Status status = Apply(SpecOf(server), &interrupt);
  EXPECT_CODE(status, kAborted);
  seals.join();
  done.Notify();
}

TEST_F(WebhookTest, AProxyOfTheEnvironmentIsNotUsed) {
  HttpsServer server(
      [](const HttpsServer::Seen&) { return HttpAnswer(200, R"({"result":"ok"})"); });
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  EXPECT_OK(Apply(SpecOf(server)));
  unsetenv("https_proxy");
  unsetenv("ALL_PROXY");
}

TEST_F(WebhookTest, AKeyThatIsNoneIsRefusedAtTheStart) {
  HttpsServer server([](const HttpsServer::Seen&) { return ""; });
  TargetSpec spec = SpecOf(server);
  std::ofstream(dir_.File("key")) << "secret";
  const absl::Status status = NewWebhookTransport(spec, clock_).status();
  EXPECT_CODE(status, kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat(dir_.File("key"),
                         ": a signing key is \"whsec_\" and the base64 of 24 to 64 bytes"));
  spec.signing_key_file = "/nowhere/key";
  EXPECT_CODE(NewWebhookTransport(spec, clock_), kNotFound);
}

}  // namespace
}  // namespace keyturn
