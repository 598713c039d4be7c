#include "auth/auth_store.h"

#include "base/reason.h"
#include "tests/auth/auth_fixture.h"

namespace keyturn {
namespace {

class AuthStoreTest : public AuthFixture {
 protected:
  std::shared_ptr<const GrantSet> GrantsOf(const std::vector<std::string>& policies) {
    return policies_->GrantsOf(policies);
  }
  bool Reads(const std::vector<std::string>& policies, const std::string& path) {
    return GrantsOf(policies)->Allows("secret:read", path, clock_.Now(), IpAddress());
  }
};

// Takes no change.
class FullStore : public Updater {
 public:
  absl::StatusOr<Revision> Update(UpdateFn) override { return absl::UnavailableError("full"); }
};

TEST_F(AuthStoreTest, WhatIsPutIsReadBackWithItsTime) {
  clock_.AdvanceTime(absl::Milliseconds(1250));
  v1::Policy policy = Policy("app", {Grant("a/*")});
  policy.mutable_update_time()->set_seconds(1);  // not the writer's to say
  ASSERT_OK_AND_ASSIGN(const v1::Policy stored, policies_->PutPolicy(*store_, policy));
  EXPECT_EQ(stored.update_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(stored.update_time().nanos(), 250'000'000);
  EXPECT_EQ(policies_->GetPolicy("app")->SerializeAsString(), stored.SerializeAsString());
  ASSERT_OK_AND_ASSIGN(const v1::Role role,
                       policies_->PutRole(*store_, Role("api", "spiffe://prod/api", {"app"})));
  EXPECT_EQ(role.update_time().nanos(), 250'000'000);
  Open();
  EXPECT_EQ(policies_->GetPolicy("app")->SerializeAsString(), stored.SerializeAsString());
  EXPECT_EQ(policies_->GetRole("api")->SerializeAsString(), role.SerializeAsString());
}

TEST_F(AuthStoreTest, WhatIsNotThereIsNamed) {
  EXPECT_EQ(policies_->GetPolicy("x").status(),
            absl::NotFoundError("there is no policy named \"x\""));
  EXPECT_EQ(policies_->DeleteRole(*store_, "x"),
            absl::NotFoundError("there is no role named \"x\""));
  EXPECT_EQ(policies_->DeletePasswordPolicy(*store_, "x"),
            absl::NotFoundError("there is no password policy named \"x\""));
}

TEST_F(AuthStoreTest, TheRootPolicyIsThereAndStaysAsItIs) {
  EXPECT_EQ(policies_->GetPolicy("root")->description(),
            "allows everything; cannot be written or deleted");
  EXPECT_TRUE(policies_->ListPolicies().empty());
  const absl::Status reserved = absl::FailedPreconditionError("the policy \"root\" is reserved");
  EXPECT_EQ(policies_->PutPolicy(*store_, Policy("root", {})).status(), reserved);
  EXPECT_EQ(policies_->DeletePolicy(*store_, "root"), reserved);
  for (const char* bad : {"", "Root", " root", "root ", "-x", "a/b", "\xEF\xBD\x92oot"}) {
    EXPECT_CODE(policies_->PutPolicy(*store_, Policy(bad, {})), kInvalidArgument);
  }
}

TEST_F(AuthStoreTest, RolesAndTheirPoliciesStayTogether) {
  EXPECT_EQ(
      policies_->PutRole(*store_, Role("api", "spiffe://prod/api", {"root", "app"})).status(),
      WithReason(absl::InvalidArgumentError("there is no policy named \"app\""), "UNKNOWN_POLICY"));
  EXPECT_TRUE(policies_->ListRoles().empty());
  Put(Policy("app", {}));
  Put(Role("api", "spiffe://prod/api", {"root", "app"}));
  EXPECT_EQ(policies_->DeletePolicy(*store_, "app"),
            absl::FailedPreconditionError(
                "the policy is used by the role \"api\"; change that role first"));
  ASSERT_OK(policies_->DeleteRole(*store_, "api"));
  EXPECT_OK(policies_->DeletePolicy(*store_, "app"));
  EXPECT_CODE(policies_->DeletePolicy(*store_, "app"), kNotFound);
  Open();
  EXPECT_TRUE(policies_->ListPolicies().empty());
}

TEST_F(AuthStoreTest, GrantsFollowThePoliciesAtOnce) {
  EXPECT_FALSE(Reads({"app"}, "a/b")) << "what does not exist grants nothing";
  Put(Policy("app", {Grant("a/*")}));
  EXPECT_TRUE(Reads({"app"}, "a/b"));
  EXPECT_FALSE(Reads({"app"}, "b"));
  EXPECT_EQ(GrantsOf({"app"}), GrantsOf({"app"})) << "compiled once";
  Put(Policy("private", {Grant("a/private/*", true)}));
  EXPECT_TRUE(Reads({"app"}, "a/private/x"));
  EXPECT_FALSE(Reads({"app", "private"}, "a/private/x"));
  Put(Policy("app", {Grant("b")}));
  EXPECT_FALSE(Reads({"app"}, "a/b"));
  EXPECT_TRUE(Reads({"app"}, "b"));
  ASSERT_OK(policies_->DeletePolicy(*store_, "app"));
  EXPECT_FALSE(Reads({"app"}, "b"));
  EXPECT_TRUE(Reads({"app", "root"}, "b"));
}

TEST_F(AuthStoreTest, TheEpochGrowsWithChangesOnly) {
  uint64_t epoch = policies_->epoch();
  const auto grew = [&] { return std::exchange(epoch, policies_->epoch()) < epoch; };
  Put(Policy("app", {}));
  EXPECT_TRUE(grew());
  Put(Role("api", "spiffe://prod/api", {"app"}));
  EXPECT_TRUE(grew());
  EXPECT_CODE(policies_->DeletePolicy(*store_, "app"), kFailedPrecondition);
  EXPECT_FALSE(grew());
  ASSERT_OK(policies_->DeleteRole(*store_, "api"));
  EXPECT_TRUE(grew());
  ASSERT_OK(policies_->Load(nullptr));
  EXPECT_TRUE(grew());
}

TEST_F(AuthStoreTest, AChangeThatIsNotDurableIsNotShown) {
  Put(Policy("app", {Grant("a")}));
  FullStore full;
  EXPECT_EQ(policies_->PutPolicy(full, Policy("app", {Grant("*")})).status(),
            absl::UnavailableError("full"));
  EXPECT_EQ(policies_->DeletePolicy(full, "app"), absl::UnavailableError("full"));
  EXPECT_FALSE(Reads({"app"}, "b"));
  EXPECT_TRUE(Reads({"app"}, "a"));
}

TEST_F(AuthStoreTest, PasswordPoliciesAreKept) {
  v1::PasswordPolicy policy;
  policy.set_name("human");
  policy.set_length(20);
  ASSERT_OK(policies_->PutPasswordPolicy(*store_, policy));
  policy.set_length(0);
  EXPECT_CODE(policies_->PutPasswordPolicy(*store_, policy), kInvalidArgument);
  Open();
  EXPECT_EQ(policies_->GetPasswordPolicy("human")->length(), 20u);
  ASSERT_OK(policies_->DeletePasswordPolicy(*store_, "human"));
  Open();
  EXPECT_TRUE(policies_->ListPasswordPolicies().empty());
}

TEST_F(AuthStoreTest, RecordsComeBackAfterAnUnseal) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  ASSERT_OK(policies_->Load(nullptr));
  EXPECT_TRUE(policies_->ListRoles().empty());
  EXPECT_FALSE(GrantsOf({"root"})->allows_everything());
  EXPECT_EQ(policies_->PutPolicy(*store_, Policy("app", {})).status(),
            absl::FailedPreconditionError("the vault is sealed"));
  ASSERT_OK(policies_->Load(keys_));
  EXPECT_EQ(policies_->ListRoles().size(), 1u);
  EXPECT_TRUE(GrantsOf({"root"})->allows_everything());
}

}  // namespace
}  // namespace keyturn
