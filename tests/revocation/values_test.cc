#include "revocation/values.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace keyturn {
namespace {

TEST(Values, EachNumberStandsForOneText) {
  std::set<std::string> seen;
  for (uint8_t id = 0; id < kUsualValues; ++id) {
    const absl::string_view value = UsualValue(id);
    EXPECT_EQ(UsualValueId(value), id) << value;
    EXPECT_TRUE(seen.emplace(value).second) << value;
  }
  EXPECT_EQ(seen.size(), 31U);
  EXPECT_EQ(kSideValue, 31);
}

// Numbers may stand on disk.
TEST(Values, NumbersStay) {
  EXPECT_EQ(UsualValue(0), "1");
  EXPECT_EQ(UsualValue(1), "");
  EXPECT_EQ(UsualValue(3), "revoked");
  EXPECT_EQ(UsualValue(6), "logged_out");
  EXPECT_EQ(UsualValue(7), "0");
  EXPECT_EQ(UsualValue(18), "OK");
  EXPECT_EQ(UsualValue(30), "deleted");
}

TEST(Values, OthersHaveNone) {
  for (const char* value : {"2", "Revoked", "1 ", " ", "revoked1", "{\"a\":1}"}) {
    EXPECT_EQ(UsualValueId(value), std::nullopt) << value;
  }
  EXPECT_EQ(UsualValueId(absl::string_view("\0", 1)), std::nullopt);
  EXPECT_DEATH(UsualValue(kSideValue), "");
}

}  // namespace
}  // namespace keyturn
