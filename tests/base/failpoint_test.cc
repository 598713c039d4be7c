#include "base/failpoint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace keyturn {
namespace {

void Work() {
  KEYTURN_FAILPOINT("test/first");
  KEYTURN_FAILPOINT("test/second");
}

TEST(FailpointUnitTest, TheHookSeesEachThatIsReachedUntilItIsTakenAway) {
  Work();
  std::vector<std::string> seen;
  SetFailpointHook([&](absl::string_view name) { seen.emplace_back(name); });
  Work();
  SetFailpointHook(nullptr);
  Work();
  EXPECT_EQ(seen, (std::vector<std::string>{"test/first", "test/second"}));
}

TEST(FailpointUnitTest, AHookMayTakeItselfAway) {
  int seen = 0;
  SetFailpointHook([&](absl::string_view) {
    ++seen;
    SetFailpointHook(nullptr);
  });
  Work();
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace keyturn
