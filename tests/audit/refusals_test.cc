#include "audit/refusals.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

class RefusalLimiterTest : public testing::Test {
 protected:
  // How many of these refusals get an entry.
  int Admitted(const std::string& source, int count, absl::Time now = kNow) {
    int admitted = 0;
    for (int i = 0; i < count; ++i) admitted += limiter_.Admit(source, now) ? 1 : 0;
    return admitted;
  }
  // "source count@second ", in order of sources and seconds after kNow.
  std::string Due(absl::Time now) {
    std::vector<std::string> items;
    for (const RefusalLimiter::Counted& item : limiter_.TakeDue(now)) {
      items.push_back(absl::StrCat(item.source, " ", item.count, "@",
                                   absl::ToInt64Seconds(item.second - kNow), "; "));
    }
    std::sort(items.begin(), items.end());
    std::string out;
    for (const std::string& item : items) out += item;
    return out;
  }

  RefusalLimiter limiter_;
};

TEST_F(RefusalLimiterTest, ASourceGetsAFewEntriesInEachSecond) {
  EXPECT_EQ(limits::kAuditRefusalsPerSecondPerSource, 10);
  EXPECT_EQ(Admitted("a", 15), 10);
  EXPECT_EQ(Admitted("b", 3), 3);
  EXPECT_EQ(Admitted("a", 1, kNow + absl::Milliseconds(999)), 0);
  EXPECT_EQ(Admitted("a", 15, kNow + absl::Seconds(1)), 10);
}

TEST_F(RefusalLimiterTest, WhatGetsNoEntryIsCountedOnceItsSecondIsOver) {
  Admitted("a", 15);
  Admitted("b", 10);
  Admitted("c", 11);
  EXPECT_EQ(Due(kNow + absl::Milliseconds(999)), "");
  EXPECT_EQ(Admitted("a", 2), 0);
  EXPECT_EQ(Due(kNow + absl::Seconds(1)), "a 7@0; c 1@0; ");
  EXPECT_EQ(Due(kNow + absl::Seconds(2)), "");
}

TEST_F(RefusalLimiterTest, NoSecondOfALongFloodIsForgotten) {
  for (int second = 0; second < 3; ++second) {
    Admitted("a", 20 + second, kNow + absl::Seconds(second));
  }
  EXPECT_EQ(Due(kNow + absl::Seconds(2)), "a 10@0; a 11@1; ");
  EXPECT_EQ(Due(kNow + absl::Seconds(3)), "a 12@2; ");
}

TEST_F(RefusalLimiterTest, TheSurplusOfSourcesSharesOneCounter) {
  for (size_t i = 0; i < RefusalLimiter::kSourcesMax; ++i) {
    ASSERT_EQ(Admitted(absl::StrCat("s", i), 1), 1);
  }
  EXPECT_EQ(Admitted("x", 6), 6);
  EXPECT_EQ(Admitted("y", 6), 4);
  EXPECT_EQ(Admitted("s7", 12), 9) << "who is known keeps a counter of its own";
  const absl::Time later = kNow + absl::Seconds(1);
  EXPECT_EQ(Due(later), "(others) 2@0; s7 3@0; ");
  EXPECT_EQ(Admitted("x", 10, later), 10) << "there is room again";
  EXPECT_EQ(Admitted("y", 10, later), 10);
}

}  // namespace
}  // namespace keyturn
