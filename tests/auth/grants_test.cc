#include "auth/grants.h"

#include <random>

#include "absl/strings/match.h"
#include "tests/auth/grant_rules.h"
#include "tests/support/seed.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

bool Allows(const std::vector<GrantRule>& rules, const std::string& permission,
            const std::string& path) {
  return GrantSet(rules).Allows(permission, path, kNow, IpAddress());
}

TEST(Grants, PatternsAreVaults) {
  const auto matches = [](const std::string& pattern, const std::string& path) {
    return Allows({Allow("secret:read", pattern)}, "secret:read", path);
  };
  EXPECT_TRUE(matches("a/b", "a/b"));
  EXPECT_FALSE(matches("a/b", "a/b/c"));
  EXPECT_FALSE(matches("a/b/c", "a/b"));
  EXPECT_TRUE(matches("a/*", "a/b/c"));
  EXPECT_FALSE(matches("a/*", "a"));
  EXPECT_FALSE(matches("a/*", "ab"));
  EXPECT_TRUE(matches("a/b*", "a/bc/d"));
  EXPECT_TRUE(matches("+/b", "x/b"));
  EXPECT_FALSE(matches("+/b", "x/y/b"));
  EXPECT_FALSE(matches("+", "x/y"));
  EXPECT_TRUE(matches("a/+/c*", "a/x/cd"));
  EXPECT_TRUE(matches("*", "anything/at/all"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("+", ""));
  EXPECT_FALSE(matches("a/*", ""));
}

TEST(Grants, TheMostSpecificDecidesAndDenyWinsTies) {
  EXPECT_FALSE(
      Allows({Allow("secret:read", "a/*"), Deny("secret:read", "a/b/*")}, "secret:read", "a/b/c"));
  EXPECT_TRUE(
      Allows({Deny("secret:read", "a/*"), Allow("secret:read", "a/b/*")}, "secret:read", "a/b/c"));
  EXPECT_FALSE(
      Allows({Allow("secret:read", "a/b"), Deny("secret:read", "a/b")}, "secret:read", "a/b"));
  EXPECT_TRUE(
      Allows({Deny("secret:read", "+/b"), Allow("secret:read", "a/b")}, "secret:read", "a/b"));
  EXPECT_TRUE(Allows({Deny("secret:read", "a/+/c*"), Allow("secret:read", "a/+/c")}, "secret:read",
                     "a/x/c"));
  EXPECT_FALSE(Allows({}, "secret:read", "a"));
}

TEST(Grants, PermissionsMatchByDomain) {
  EXPECT_TRUE(Allows({Allow("secret:*", "*")}, "secret:write", "a"));
  EXPECT_FALSE(Allows({Allow("secret:*", "*")}, "secrets:write", "a"));
  EXPECT_FALSE(Allows({Allow("secret:read", "*")}, "secret:write", "a"));
  EXPECT_FALSE(Allows({Allow("secret:read", "*")}, "secret:*", "a"));
}

TEST(Grants, EndInTimeAndAreBoundToNetworks) {
  GrantRule rule = Allow("secret:read", "a");
  rule.not_after = kNow + absl::Seconds(1);
  rule.bound_cidrs.push_back(*Cidr::Parse("10.0.0.0/8"));
  const GrantSet grants({rule});
  const IpAddress inside = *IpAddress::Parse("10.1.2.3");
  EXPECT_TRUE(grants.Allows("secret:read", "a", kNow, inside));
  EXPECT_FALSE(grants.Allows("secret:read", "a", kNow + absl::Seconds(1), inside));
  EXPECT_FALSE(grants.Allows("secret:read", "a", kNow, *IpAddress::Parse("11.0.0.1")));
  EXPECT_FALSE(grants.Allows("secret:read", "a", kNow, IpAddress()));
}

TEST(Grants, BelowADirectory) {
  const auto below = [](const std::vector<GrantRule>& rules, const std::string& path) {
    return GrantSet(rules).MayAllowBelow("secret:list", path, kNow, IpAddress());
  };
  const std::vector<GrantRule> deep = {Allow("secret:list", "a/b/c")};
  EXPECT_TRUE(below(deep, ""));
  EXPECT_TRUE(below(deep, "a"));
  EXPECT_TRUE(below(deep, "a/b/"));
  EXPECT_FALSE(below(deep, "a/x"));
  EXPECT_FALSE(below(deep, "b"));
  EXPECT_TRUE(below({Allow("secret:list", "+/x")}, "any"));
  const std::vector<GrantRule> hidden = {Allow("secret:list", "a/*"),
                                         Deny("secret:list", "a/private/*")};
  EXPECT_TRUE(below(hidden, "a"));
  EXPECT_FALSE(below(hidden, "a/private"));
  EXPECT_TRUE(below({Allow("secret:list", "a/private/one"), Deny("secret:list", "a/private/*")},
                    "a/private"));
}

// Against the decision for each path of a small world, for random rules.
TEST(Grants, AllBelowIsNeverMoreThanIsAllowed) {
  const std::vector<std::string> segments = {"a", "b", "ab"};
  std::vector<std::string> paths;
  for (const std::string& x : segments) {
    for (const std::string& y : segments) {
      paths.push_back(x + "/" + y);
      for (const std::string& z : segments) paths.push_back(x + "/" + y + "/" + z);
    }
  }
  const std::vector<std::string> patterns = {"*",   "a*",    "a/*",   "a/b",   "a/b/*", "+/b",
                                             "+/*", "a/+/a", "a/a*",  "ab/*",  "+/+/b", "b/*",
                                             "a",   "a/+",   "a/b/a", "+/ab/*"};
  std::mt19937 random(TestSeed());
  int certain = 0, possible = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<GrantRule> rules;
    for (int i = 0; i < 4; ++i) {
      const std::string& pattern = patterns[random() % patterns.size()];
      rules.push_back(random() % 3 == 0 ? Deny("secret:read", pattern)
                                        : Allow("secret:read", pattern));
    }
    const GrantSet grants(rules);
    for (const std::string directory : {"a", "b", "ab", "a/b"}) {
      bool all = true;
      for (const std::string& path : paths) {
        const bool below = absl::StartsWith(path, directory + "/");
        all = all && (!below || grants.Allows("secret:read", path, kNow, IpAddress()));
      }
      const bool said = grants.AllowsAllBelow("secret:read", directory, kNow, IpAddress());
      EXPECT_TRUE(all || !said) << directory << " round " << round;
      certain += said ? 1 : 0;
      possible += all ? 1 : 0;
    }
  }
  EXPECT_GT(certain, possible / 2);  // cautious, not useless
  EXPECT_TRUE(GrantSet({Allow("secret:*", "*")}).AllowsAllBelow("secret:read", "", kNow, {}));
  EXPECT_FALSE(GrantSet({Allow("secret:*", "a*")}).AllowsAllBelow("secret:read", "", kNow, {}));
}

TEST(Grants, ExplainNamesTheRule) {
  const GrantSet grants({Allow("secret:*", "a/*"), Deny("secret:read", "a/b")});
  const auto reason = [&](const char* path) {
    return grants.Explain("secret:read", path, kNow, IpAddress()).reason;
  };
  EXPECT_EQ(reason("a/x"), "policy p: allow secret:* on a/*");
  EXPECT_EQ(reason("a/b"), "policy p: deny secret:read on a/b");
  EXPECT_EQ(reason("z"), "no grant matches");
}

TEST(Grants, FormsAreChecked) {
  for (const char* good : {"", "*", "a", "a/b", "+/b", "a/+/*", "a/b*"}) {
    EXPECT_OK(ValidatePattern(good));
  }
  for (const char* bad : {"/a", "a/", "a//b", "a/*/b", "**", "a+", "a/b+c", "a/..", "./a"}) {
    EXPECT_CODE(ValidatePattern(bad), kInvalidArgument);
  }
}

}  // namespace
}  // namespace keyturn
