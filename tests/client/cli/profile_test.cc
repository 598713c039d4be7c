#include "client/cli/profile.h"

#include <gtest/gtest.h>

#include "tests/client/cli/cli_home.h"

namespace keyturn::cli {
namespace {

using ProfileTest = CliHome;

TEST(CheckProfileName, AllowsFileNamesOnly) {
  EXPECT_OK(CheckProfileName("prod-eu_1"));
  for (const std::string bad : {"", "..", "a/b", "a b", "a.b"}) {
    EXPECT_EQ(CheckProfileName(bad).message(),
              absl::StrCat("profile name '", bad, "' must be 1 to 64 of A-Z a-z 0-9 _ -"));
  }
  EXPECT_FALSE(CheckProfileName(std::string(65, 'a')).ok());
}

TEST_F(ProfileTest, SaysWhyTheProfilesCannotBeRead) {
  Set("XDG_CONFIG_HOME", Write("file", ""));
  EXPECT_EQ(
      Profiles::Load().status().message(),
      absl::StrCat("cannot read ", dir_.File("file"), "/keyturn/config.json: Not a directory"));
}

}  // namespace
}  // namespace keyturn::cli
