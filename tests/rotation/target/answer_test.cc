#include "rotation/target/answer.h"

#include "base/limits.h"
#include "base/reason.h"
#include "rotation/driver.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(TargetAnswer, EachResultIsAFailureOfItsOwn) {
  const std::pair<const char*, Failure> results[] = {{"ok", Failure::kNone},
                                                     {"transient", Failure::kTransient},
                                                     {"auth", Failure::kAccess},
                                                     {"policy", Failure::kPolicy},
                                                     {"ambiguous", Failure::kAmbiguous},
                                                     {"permanent", Failure::kPermanent}};
  for (const auto& [word, failure] : results) {
    const TargetAnswer answer =
        ReadAnswer(absl::StrCat(R"({"result":")", word, R"(","message":"said so"})"));
    EXPECT_EQ(FailureOf(answer.status), failure) << word;
    EXPECT_EQ(answer.status.message(), failure == Failure::kNone ? "" : "said so");
    EXPECT_FALSE(answer.works.has_value());
    EXPECT_FALSE(answer.sessions.has_value());
  }
  EXPECT_EQ(ReadAnswer(R"({"result":"auth"})").status.message(), "it says auth");
}

TEST(TargetAnswer, SaysWhatWasAsked) {
  EXPECT_EQ(ReadAnswer(R"({"result":"ok","works":true})").works, true);
  EXPECT_EQ(ReadAnswer(R"({"result":"ok","works":false,"sessions":3})").works, false);
  EXPECT_EQ(ReadAnswer(R"({"result":"ok","sessions":3})").sessions, 3);
  EXPECT_FALSE(ReadAnswer(R"({"result":"ok","works":"yes"})").works.has_value());
  EXPECT_FALSE(ReadAnswer(R"({"result":"ok","sessions":-1})").sessions.has_value());
  EXPECT_FALSE(ReadAnswer(R"({"result":"ok","sessions":1e9})").sessions.has_value());
  EXPECT_FALSE(ReadAnswer(R"({"result":"ok","sessions":99999999999})").sessions.has_value());
}

TEST(TargetAnswer, MayAskToBeLeftAloneForAWhile) {
  const auto wait = [](absl::string_view seconds) {
    return RetryAfterOf(
        ReadAnswer(absl::StrCat(R"({"result":"transient","retry_after_seconds":)", seconds, "}"))
            .status);
  };
  EXPECT_EQ(wait("120"), absl::Seconds(120));
  EXPECT_EQ(wait("0"), absl::ZeroDuration());
  const absl::Duration most = absl::Seconds(limits::kHttpRetryAfterSecondsMax);
  EXPECT_EQ(wait(absl::StrCat(limits::kHttpRetryAfterSecondsMax)), most);
  EXPECT_EQ(wait("86401"), most);
  EXPECT_EQ(wait("18446744073709551615"), most);
  for (const char* const none : {"-1", "1.5", "1e3", "\"120\"", "true", "null", "[120]"}) {
    EXPECT_EQ(wait(none), absl::ZeroDuration()) << none;
  }
  const TargetAnswer done = ReadAnswer(R"({"result":"ok","retry_after_seconds":120})");
  EXPECT_OK(done.status);
  EXPECT_EQ(RetryAfterOf(done.status), absl::ZeroDuration());
}

TEST(TargetAnswer, WhatIsNoneIsAmbiguous) {
  for (const char* const text :
       {"", " \n", "ok", "{", "[]", "null", "{}", R"({"result":"OK"})", R"({"result":1})",
        R"({"result":"ok"} trailing)", R"({"result":"ok"}{"result":"ok"})",
        R"({"result":"ok","result":"auth"})", "{\"result\":\"ok\",\"message\":\"\xff\"}"}) {
    EXPECT_EQ(FailureOf(ReadAnswer(text).status), Failure::kAmbiguous) << text;
  }
}

TEST(TargetAnswer, ItsMessageIsOneLine) {
  EXPECT_EQ(ReadAnswer(R"({"result":"auth","message":"a\nb\u0007c\u0000d"})").status.message(),
            "a b c d");
}

}  // namespace
}  // namespace keyturn
