// Nobody gives away more than they have: through policies, roles or tokens.
#include "auth/delegation.h"

#include "tests/server/server_fixture.h"

namespace keyturn {
namespace {

class DelegationTest : public ServerFixture {
 protected:
  void SetUp() override {
    StartDev();
    PutPolicy("limited",
              {{"admin:*", "*"}, {"secret:*", "team/*"}, {"deny", "secret:*", "team/private/*"}});
    limited_ = NewToken({"limited"});
  }
  std::string Write(const std::vector<std::pair<std::string, std::string>>& grants,
                    const std::string& name = "mine") {
    v1::PutPolicyRequest request;
    request.mutable_policy()->set_name(name);
    for (const auto& [permission, path] : grants) {
      v1::Grant* const grant = request.mutable_policy()->add_grants();
      grant->add_permissions(permission);
      grant->set_path(path);
    }
    v1::Policy response;
    const grpc::Status status = stubs_->policies->PutPolicy(Ctx(limited_), request, &response);
    return status.ok() ? "OK" : ReasonIn(status);
  }
  std::string Token(const std::vector<std::string>& policies) {
    v1::CreateTokenRequest request;
    for (const std::string& policy : policies) request.add_policies(policy);
    v1::CreateTokenResponse response;
    const grpc::Status status = stubs_->tokens->Create(Ctx(limited_), request, &response);
    return status.ok() ? "OK" : ReasonIn(status);
  }
  std::string limited_;
};

TEST_F(DelegationTest, PoliciesGiveNoMoreThanTheWriterHas) {
  EXPECT_EQ(Write({{"secret:read", "team/app/*"}}), "OK");
  EXPECT_EQ(Write({{"secret:*", "team/app/db"}}), "OK");
  EXPECT_EQ(Write({{"admin:audit", "*"}}), "OK");
  EXPECT_EQ(Write({{"secret:read", "*"}}), "DELEGATION");
  EXPECT_EQ(Write({{"secret:read", "other/x"}}), "DELEGATION");
  EXPECT_EQ(Write({{"secret:read", "+/x"}}), "DELEGATION");
  EXPECT_EQ(Write({{"secret:read", "tea*"}}), "DELEGATION");
  EXPECT_EQ(Write({{"rotation:run", "team/app/*"}}), "DELEGATION");
  // Not what a deny holds back, however it is written.
  EXPECT_EQ(Write({{"secret:read", "team/private/x"}}), "DELEGATION");
  EXPECT_EQ(Write({{"secret:read", "team/*"}}), "DELEGATION");
  EXPECT_EQ(Write({{"secret:read", "team/+/x"}}), "DELEGATION");
}

TEST_F(DelegationTest, ADenyIsNotRemovedByWhomItHolds) {
  EXPECT_EQ(Write({{"admin:*", "*"}}, "limited"), "DELEGATION");
  v1::DeletePolicyRequest request;
  request.set_name("limited");
  v1::DeletePolicyResponse response;
  EXPECT_EQ(ReasonIn(stubs_->policies->DeletePolicy(Ctx(limited_), request, &response)),
            "DELEGATION");
}

TEST_F(DelegationTest, TokensAndRolesCarryOnlyWhatIsOwn) {
  PutPolicy("wide", {{"secret:read", "*"}});
  PutPolicy("narrow", {{"secret:read", "team/app/*"}});
  EXPECT_EQ(Token({"narrow"}), "OK");
  EXPECT_EQ(Token({"limited"}), "OK");
  EXPECT_EQ(Token({"wide"}), "DELEGATION");
  EXPECT_EQ(Token({"root"}), "DELEGATION");
  v1::PutRoleRequest request;
  request.mutable_role()->set_name("r");
  request.mutable_role()->add_bound_spiffe_ids("spiffe://prod/me");
  request.mutable_role()->add_policies("root");
  v1::Role response;
  EXPECT_EQ(ReasonIn(stubs_->policies->PutRole(Ctx(limited_), request, &response)), "DELEGATION");
  request.mutable_role()->set_policies(0, "narrow");
  EXPECT_EQ(Text(stubs_->policies->PutRole(Ctx(limited_), request, &response)), "OK");
}

TEST_F(DelegationTest, ARoleWithADenyIsNotTakenFromWhomItHolds) {
  PutPolicy("denies", {{"deny", "secret:*", "team/private/*"}});
  PutPolicy("narrow", {{"secret:read", "team/app/*"}});
  v1::PutRoleRequest request;
  v1::Role& role = *request.mutable_role();
  role.set_name("held");
  role.add_bound_spiffe_ids("spiffe://prod/me");
  role.add_policies("narrow");
  role.add_policies("denies");
  v1::Role response;
  const auto put = [&] {
    const grpc::Status status = stubs_->policies->PutRole(Ctx(limited_), request, &response);
    return status.ok() ? "OK" : ReasonIn(status);
  };
  const auto remove = [&](const std::string& name) {
    v1::DeleteRoleRequest deletion;
    deletion.set_name(name);
    v1::DeleteRoleResponse ignored;
    const grpc::Status status = stubs_->policies->DeleteRole(Ctx(limited_), deletion, &ignored);
    return status.ok() ? "OK" : ReasonIn(status);
  };
  ASSERT_EQ(put(), "OK");
  role.set_description("still the same for whom it holds");
  EXPECT_EQ(put(), "OK");
  EXPECT_EQ(remove("held"), "DELEGATION");
  role.set_bound_spiffe_ids(0, "spiffe://prod/other");
  EXPECT_EQ(put(), "DELEGATION");
  role.set_bound_spiffe_ids(0, "spiffe://prod/me");
  role.mutable_policies()->RemoveLast();
  EXPECT_EQ(put(), "DELEGATION");
  role.set_name("free");
  EXPECT_EQ(put(), "OK");
  EXPECT_EQ(remove("free"), "OK");
  // Nor a role that gives more than the caller has.
  role.set_name("operators");
  role.set_policies(0, "root");
  ASSERT_EQ(Text(stubs_->policies->PutRole(Ctx(root_), request, &response)), "OK");
  EXPECT_EQ(remove("operators"), "DELEGATION");
  role.set_policies(0, "narrow");
  EXPECT_EQ(put(), "DELEGATION");
}

TEST_F(DelegationTest, ATokenMadeWithATokenInheritsItsLimits) {
  const auto make = [this](const std::string& with, const v1::CreateTokenRequest& request,
                           v1::CreateTokenResponse* made) {
    const grpc::Status status = stubs_->tokens->Create(Ctx(with), request, made);
    return status.ok() ? "OK" : ReasonIn(status);
  };
  v1::CreateTokenRequest request;
  request.set_display_name("maker");
  request.add_policies("limited");
  request.set_ttl_seconds(300);
  request.add_bound_cidrs("127.0.0.0/8");
  v1::CreateTokenResponse maker, child;
  ASSERT_EQ(make(root_, request, &maker), "OK");

  for (const bool stateless : {false, true}) {
    v1::CreateTokenRequest wide;
    wide.set_display_name("child");
    wide.add_policies("limited");
    wide.set_ttl_seconds(30 * limits::kDaySeconds);
    wide.set_stateless(stateless);
    ASSERT_EQ(make(maker.token(), wide, &child), "OK");
    EXPECT_LE(child.info().expire_time().seconds(), maker.info().expire_time().seconds());
    ASSERT_EQ(child.info().bound_cidrs_size(), 1);
    EXPECT_EQ(child.info().bound_cidrs(0), "127.0.0.0/8");
    wide.add_bound_cidrs("127.0.0.1/32");
    EXPECT_EQ(make(maker.token(), wide, &child), "OK");
    wide.add_bound_cidrs("10.0.0.0/8");
    EXPECT_EQ(make(maker.token(), wide, &child), "DELEGATION");
  }

  request.clear_bound_cidrs();
  request.set_max_uses(3);
  ASSERT_EQ(make(root_, request, &maker), "OK");
  EXPECT_EQ(make(maker.token(), request, &child), "DELEGATION");
}

TEST_F(DelegationTest, OneOfSeveralOwnPoliciesCannotBePassedOnAlone) {
  PutPolicy("allows", {{"admin:token", "*"}, {"secret:*", "team/*"}});
  PutPolicy("denies", {{"deny", "secret:*", "team/private/*"}});
  limited_ = NewToken({"allows", "denies"});
  EXPECT_EQ(Token({"allows"}), "DELEGATION");
  EXPECT_EQ(Token({"allows", "denies"}), "OK");
}

TEST_F(DelegationTest, OnlyRootIssuesCertificates) {
  absl::StatusOr<CertificateRequest> csr = MakeCertificateRequest();
  v1::IssueCertificateRequest request;
  request.set_csr(csr->csr_der);
  request.set_spiffe_id("spiffe://keyturn/operator");
  v1::IssueCertificateResponse response;
  EXPECT_EQ(ReasonIn(stubs_->system->IssueCertificate(Ctx(limited_), request, &response)),
            "DELEGATION");
}

}  // namespace
}  // namespace keyturn
