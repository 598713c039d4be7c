#include "rotation/target/answer.h"

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
