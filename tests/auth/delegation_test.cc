// The rules alone; tests/server/delegation_test.cc has them as callers meet them.
#include "auth/delegation.h"

#include "base/reason.h"
#include "tests/auth/auth_fixture.h"
#include "tests/auth/grant_rules.h"

namespace keyturn {
namespace {

constexpr char kRefused[] =
    "this would give away, or take back, more than the caller may do itself";

void ExpectRefused(const absl::Status& status, const std::string& message = kRefused) {
  EXPECT_CODE(status, kPermissionDenied);
  EXPECT_EQ(status.message(), message);
  EXPECT_EQ(ReasonOf(status), "DELEGATION");
}

// What Covers promises, checked against Allows on all paths of a small alphabet: whoever is covered
// can do nothing that the other cannot.
TEST(Covers, CoveredGrantsNeverExceedTheirGiver) {
  const std::vector<std::string> patterns = {"*", "a/*", "a/b", "a/b*", "+/b",   "a/+", "b/*",
                                             "+", "a",   "b/c", "+/+*", "a/c/*", ""};
  std::vector<std::string> paths = {""};
  for (const std::string one : {"a", "b", "ab"}) {
    paths.push_back(one);
    for (const std::string two : {"b", "c", "bc"}) {
      paths.push_back(one + "/" + two);
      paths.push_back(one + "/" + two + "/d");
    }
  }
  const auto allows = [](const GrantSet& grants, const std::string& path) {
    return grants.Allows("secret:read", path, absl::UnixEpoch(), IpAddress());
  };
  int covered = 0;
  for (const std::string& allow : patterns) {
    for (const std::string& deny : patterns) {
      for (const std::string& wanted : patterns) {
        const GrantSet mine({Allow("secret:*", allow), Deny("secret:read", deny)});
        const GrantRule rule = Allow("secret:read", wanted);
        if (!Covers(mine, rule)) continue;
        ++covered;
        for (const std::string& path : paths) {
          EXPECT_TRUE(!allows(GrantSet({rule}), path) || allows(mine, path))
              << allow << " but not " << deny << " gave " << wanted << " on " << path;
        }
      }
    }
  }
  EXPECT_GT(covered, 30);
}

TEST(Covers, OneRuleMustCoverEachPermissionAndAnyDenyCounts) {
  const GrantSet mine(
      {Allow("secret:*", "a/*"), Allow("admin:role", "*"), Deny("secret:write", "a/private/*")});
  EXPECT_TRUE(Covers(mine, Allow("secret:read", "a/b")));
  EXPECT_TRUE(Covers(mine, Allow("secret:read", "a/private/b")));
  EXPECT_FALSE(Covers(mine, Allow("secret:write", "a/+/b")));
  EXPECT_FALSE(Covers(mine, Allow("secret:*", "a/private/b")));
  EXPECT_FALSE(Covers(mine, Allow("admin:*", "*")));
  GrantRule both = Allow("secret:read", "a/b");
  both.permissions.push_back("admin:role");
  EXPECT_TRUE(Covers(mine, both));
  both.permissions.push_back("admin:policy");
  EXPECT_FALSE(Covers(mine, both));
  EXPECT_TRUE(Covers(GrantSet({}, /*allow_everything=*/true), both));
}

TEST(Covers, NothingLastsLongerOrIsOpenToMoreNetworksThanItsGiver) {
  GrantRule own = Allow("secret:read", "a");
  own.not_after = absl::UnixEpoch() + absl::Hours(1);
  own.bound_cidrs.push_back(*Cidr::Parse("10.0.0.0/8"));
  const GrantSet mine({own});
  GrantRule wanted = own;
  EXPECT_TRUE(Covers(mine, wanted));
  wanted.not_after = own.not_after + absl::Nanoseconds(1);
  EXPECT_FALSE(Covers(mine, wanted));
  wanted = own;
  wanted.bound_cidrs.clear();
  EXPECT_FALSE(Covers(mine, wanted));
  wanted.bound_cidrs.push_back(*Cidr::Parse("11.0.0.0/8"));
  EXPECT_FALSE(Covers(mine, wanted));
  own.bound_cidrs.clear();
  EXPECT_TRUE(Covers(GrantSet({own}), wanted));
}

class DelegationTest : public AuthFixture {
 protected:
  DelegationTest() {
    Put(Policy("allows", {Grant("team/*")}));
    Put(Policy("denies", {Grant("team/private/*", true)}));
    Put(Policy("narrow", {Grant("team/app/*")}));
    Put(Policy("wide", {Grant("*")}));
    mine_.auth_method = "token";
    mine_.policies = {"allows", "denies"};
    mine_.grants = policies_->GrantsOf(mine_.policies);
  }
  absl::Status Pass(const std::vector<std::string>& policies) {
    return CheckPoliciesDelegable(*mine_.grants, mine_.policies, policies, *policies_);
  }

  Identity mine_;
};

TEST_F(DelegationTest, PoliciesArePassedOnWhenCoveredOrAllOfOnesOwn) {
  EXPECT_OK(Pass({}));
  EXPECT_OK(Pass({"narrow"}));
  EXPECT_OK(Pass({"denies"}));  // takes away only
  EXPECT_OK(Pass({"denies", "narrow", "allows"}));
  ExpectRefused(Pass({"allows"}));
  ExpectRefused(Pass({"wide"}));
  ExpectRefused(Pass({"root"}));
  EXPECT_EQ(Pass({"narrow", "none"}),
            WithReason(absl::InvalidArgumentError("there is no policy named \"none\""),
                       "UNKNOWN_POLICY"));
  const GrantSet root({}, /*allow_everything=*/true);
  const std::vector<std::string> any = {"root", "wide"};
  EXPECT_OK(CheckPoliciesDelegable(root, {}, any, *policies_));
}

TEST_F(DelegationTest, ATokenInheritsTheEndAndTheNetworksOfItsMaker) {
  mine_.expire_time = clock_.Now() + absl::Minutes(1);
  mine_.bound_cidrs = {"10.0.0.0/8", "192.0.2.0/24"};
  TokenParams params;
  ASSERT_OK(InheritTokenLimits(mine_, &params));
  EXPECT_EQ(params.not_after, mine_.expire_time);
  EXPECT_EQ(params.bound_cidrs, mine_.bound_cidrs);
  params.not_after = clock_.Now() + absl::Seconds(1);
  params.bound_cidrs = {"10.1.0.0/16", "192.0.2.7"};
  ASSERT_OK(InheritTokenLimits(mine_, &params));
  EXPECT_EQ(params.not_after, clock_.Now() + absl::Seconds(1));
  EXPECT_EQ(params.bound_cidrs, (std::vector<std::string>{"10.1.0.0/16", "192.0.2.7"}));
  params.bound_cidrs = {"10.1.0.0/16", "192.0.0.0/16"};
  ExpectRefused(InheritTokenLimits(mine_, &params),
                "bound_cidrs: 192.0.0.0/16 is not within the networks of the token that makes this "
                "one: 10.0.0.0/8, 192.0.2.0/24");
}

TEST_F(DelegationTest, ACertificateLimitsNoToken) {
  mine_.auth_method = "certificate";
  mine_.expire_time = clock_.Now();
  mine_.bound_cidrs = {"10.0.0.0/8"};
  mine_.limited_uses = true;
  TokenParams params;
  EXPECT_OK(InheritTokenLimits(mine_, &params));
  EXPECT_EQ(params.not_after, absl::InfiniteFuture());
  EXPECT_TRUE(params.bound_cidrs.empty());
  mine_.auth_method = "token";
  ExpectRefused(InheritTokenLimits(mine_, &params),
                "a token whose uses are counted cannot make further tokens");
}

TEST_F(DelegationTest, ADenyOfARoleStaysWithAllThatItIsBoundTo) {
  const v1::Role held = Role("r", "spiffe://prod/a", {"narrow", "denies"});
  v1::Role next = held;
  next.set_description("other");
  next.set_token_ttl_seconds(60);
  EXPECT_OK(CheckRoleChange(mine_, &held, &next, *policies_));
  ExpectRefused(CheckRoleChange(mine_, &held, nullptr, *policies_));
  next.add_bound_cidrs("10.0.0.0/8");
  ExpectRefused(CheckRoleChange(mine_, &held, &next, *policies_));
  next = Role("r", "spiffe://prod/a", {"narrow"});
  ExpectRefused(CheckRoleChange(mine_, &held, &next, *policies_));
  // Without a deny a role is free, as long as it never gives more than the caller has.
  EXPECT_OK(CheckRoleChange(mine_, &next, nullptr, *policies_));
  EXPECT_OK(CheckRoleChange(mine_, nullptr, &next, *policies_));
  const v1::Role wide = Role("r", "spiffe://prod/a", {"wide"});
  ExpectRefused(CheckRoleChange(mine_, nullptr, &wide, *policies_));
  ExpectRefused(CheckRoleChange(mine_, &wide, &next, *policies_));
}

TEST_F(DelegationTest, ADenyOfAPolicyStaysAndItsAllowsAreCovered) {
  const v1::Policy held = Policy("p", {Grant("team/app/*"), Grant("team/app/x", true)});
  const auto change = [&](const v1::Policy* previous, const v1::Policy* next) {
    return CheckPolicyChange(*mine_.grants, previous, next);
  };
  v1::Policy next = Policy("p", {Grant("team/app/x", true), Grant("team/app/y", true)});
  EXPECT_OK(change(&held, &next));
  EXPECT_OK(change(nullptr, &next));
  ExpectRefused(change(&next, &held));
  ExpectRefused(change(&held, nullptr));
  next.mutable_grants(0)->mutable_not_after()->set_seconds(1);
  ExpectRefused(change(&held, &next));  // the deny would end
  next = Policy("p", {Grant("team/private/x")});
  ExpectRefused(change(nullptr, &next));
  EXPECT_OK(change(&next, nullptr));
  EXPECT_OK(CheckPolicyChange(GrantSet({}, /*allow_everything=*/true), &held, nullptr));
}

}  // namespace
}  // namespace keyturn
