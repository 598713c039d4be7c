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
