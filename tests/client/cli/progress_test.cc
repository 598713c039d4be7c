#include "client/cli/progress.h"

#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace keyturn::cli {
namespace {

TEST(Progress, ShowsABarOrACount) {
  EXPECT_EQ(Progress::Bar(50, 100, "records checked", 79),
            "[##########..........] 50 of 100 records checked");
  EXPECT_EQ(Progress::Bar(7, 0, "records checked", 79), "7 records checked");
  EXPECT_EQ(Progress::Bar(200, 100, "x", 25), "[####################] 20");
}

}  // namespace
}  // namespace keyturn::cli
