#include "auth/permissions.h"

#include <algorithm>

#include "tests/support/status.h"

namespace keyturn {
namespace {

TEST(Permissions, EachIsTaken) {
  EXPECT_TRUE(std::is_sorted(Permissions().begin(), Permissions().end()));
  for (const std::string& one : Permissions()) EXPECT_OK(ValidatePermission(one));
  EXPECT_OK(ValidatePermission("secret:*"));
  EXPECT_OK(ValidatePermission("admin:*"));
}

TEST(Permissions, NoOtherIsTaken) {
  for (const char* bad :
       {"", "read", "secret", "secret:", "secret:r", "secret:raed", "secret:read ", ":read", "*",
        ":*", "*:*", "s:*", "secrets:*", "secret:read*", "secret:re*", "Secret:read", "a:b:c"}) {
    SCOPED_TRACE(bad);
    EXPECT_CODE(ValidatePermission(bad), kInvalidArgument);
  }
  EXPECT_CODE(ValidatePermission(std::string("secret:read\0", 12)), kInvalidArgument);
}

TEST(Permissions, TheNearestIsNamed) {
  EXPECT_EQ(ValidatePermission("secret:raed").message(),
            "there is no permission 'secret:raed'; did you mean secret:read? There are "
            "admin:audit, admin:certificate, admin:keys, admin:password-policy, admin:policy, "
            "admin:revocation, admin:role, admin:seal, admin:token, admin:verify, admin:webhook, "
            "apikey:list, apikey:verify, apikey:write, jwt:publish, jwt:sign, jwt:verify, "
            "revocation:check, "
            "revocation:write, secret:delete, secret:destroy, secret:list, secret:read, "
            "secret:rotate, secret:write; and admin:*, apikey:*, jwt:*, revocation:* and secret:*");
}

TEST(Permissions, ThoseOfTheServerItselfAreAboutNoPath) {
  for (const char* const of_none : {"admin:token", "admin:*", "revocation:check", "revocation:*"}) {
    EXPECT_FALSE(IsOfPaths(of_none)) << of_none;
  }
  for (const char* const of_paths : {"secret:read", "secret:*", "jwt:sign", "apikey:*"}) {
    EXPECT_TRUE(IsOfPaths(of_paths)) << of_paths;
  }
}

TEST(Permissions, ALongOneIsNotRepeatedWhole) {
  EXPECT_LT(ValidatePermission(std::string(1 << 20, 'x')).message().size(), 700u);
}

}  // namespace
}  // namespace keyturn
