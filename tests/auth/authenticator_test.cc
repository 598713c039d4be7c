#include "auth/authenticator.h"

#include "absl/strings/str_cat.h"
#include "auth/token_forms.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "crypto/mac.h"
#include "tests/auth/auth_fixture.h"

namespace keyturn {
namespace {

const absl::Status& Nobody() {
  static const auto* const status = new absl::Status(WithReason(
      absl::UnauthenticatedError("the credentials are not those of anyone known here"), "NO_ROLE"));
  return *status;
}

class AuthenticatorTest : public AuthFixture {
 protected:
  AuthenticatorTest()
      : authenticator_(Authenticator::Create(*policies_, *tokens_, revocations_, clock_)) {}

  static Credentials With(const std::string& spiffe_id, const std::string& source = "192.0.2.1") {
    Credentials credentials;
    credentials.certificate = std::make_shared<const PeerCertificate>(
        PeerCertificate{HexEncode(Sha256(spiffe_id)), spiffe_id, "cn"});
    credentials.source = *IpAddress::Parse(source);
    return credentials;
  }
  static Credentials With(const CreatedToken& token, const std::string& source = "192.0.2.1") {
    Credentials credentials;
    credentials.bearer_token = token.token.ExposeForWire();
    credentials.source = *IpAddress::Parse(source);
    return credentials;
  }
  absl::StatusOr<std::shared_ptr<const Identity>> Identify(const Credentials& credentials) {
    return authenticator_->Identify(*store_, credentials);
  }

  // What was revoked: the tests say.
  class FakeRevocations : public Revocations {
   public:
    absl::Status Check(const CredentialFacts& facts) const override {
      asked = {.token_id = std::string(facts.token_id),
               .principal = std::string(facts.principal),
               .role = std::string(facts.role),
               .certificate_serial = std::string(facts.certificate_serial),
               .issued = facts.issued};
      return answer;
    }
    uint64_t epoch() const override { return now; }

    struct Asked {
      std::string token_id, principal, role, certificate_serial;
      absl::Time issued;
    };
    absl::Status answer;
    uint64_t now = 0;
    mutable Asked asked;
  };

  FakeRevocations revocations_;
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(AuthenticatorTest, WhatTheListRefusesIsRefusedOnceItsEpochGrows) {
  const CreatedToken token = Make(Ci());
  ASSERT_OK(Identify(With(token)));
  EXPECT_EQ(revocations_.asked.token_id, token.info.id());
  EXPECT_EQ(revocations_.asked.principal, "token:ci");
  EXPECT_EQ(revocations_.asked.issued, clock_.Now());
  const uint64_t before = authenticator_->epoch();
  revocations_.answer = absl::UnauthenticatedError("");
  ++revocations_.now;
  EXPECT_EQ(authenticator_->epoch(), before + 1);
  EXPECT_EQ(Identify(With(token)).status(), RefusedToken());
  for (int i = 0; i < 2 * limits::kLockoutFailures; ++i) {
    EXPECT_CODE(Identify(With(token)), kUnauthenticated);  // it is no guess: nobody is locked out
  }
  revocations_.answer = absl::FailedPreconditionError("sealed");
  EXPECT_CODE(Identify(With(token)), kFailedPrecondition);
  revocations_.answer = absl::OkStatus();
  EXPECT_OK(Identify(With(token)));
}

TEST_F(AuthenticatorTest, ACertificateIsLookedUpByItsSerialAndItsName) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  Credentials credentials;
  const absl::Time made = clock_.Now() - absl::Hours(5);
  credentials.certificate = std::make_shared<const PeerCertificate>(
      PeerCertificate{"f0", "spiffe://prod/api", "cn", absl::InfiniteFuture(), "0a1b", made});
  credentials.source = *IpAddress::Parse("192.0.2.1");
  ASSERT_OK(Identify(credentials));
  EXPECT_EQ(revocations_.asked.token_id, "");
  EXPECT_EQ(revocations_.asked.principal, "spiffe://prod/api");
  EXPECT_EQ(revocations_.asked.role, "") << "which says who may log in, not the list";
  EXPECT_EQ(revocations_.asked.certificate_serial, "0a1b");
  EXPECT_EQ(revocations_.asked.issued, made);
  revocations_.answer = absl::UnauthenticatedError("");
  ++revocations_.now;
  EXPECT_EQ(Identify(credentials).status(), Nobody());
}

TEST_F(AuthenticatorTest, CertificatesGetThePoliciesOfTheirRoles) {
  Put(Role("api", "spiffe://prod/api/*", {"root"}));
  ASSERT_OK_AND_ASSIGN(const auto identity, Identify(With("spiffe://prod/api/one")));
  EXPECT_EQ(identity->principal, "spiffe://prod/api/one");
  EXPECT_EQ(identity->auth_method, "certificate");
  EXPECT_EQ(identity->role, "api");
  EXPECT_TRUE(identity->grants->allows_everything());
  EXPECT_EQ(Identify(With("spiffe://prod/other")).status(), Nobody());
  // A name in the subject is nobody's identity.
  EXPECT_EQ(Identify(With("")).status(), Nobody());
}

TEST_F(AuthenticatorTest, OfSeveralRolesACertificateGetsEachPolicyOnce) {
  Put(Policy("a", {Grant("a")}));
  Put(Policy("b", {Grant("b")}));
  Put(Role("one", "spiffe://prod/*", {"a"}));
  Put(Role("two", "spiffe://prod/x", {"b", "a"}));
  ASSERT_OK_AND_ASSIGN(const auto identity, Identify(With("spiffe://prod/x")));
  EXPECT_EQ(identity->role, "");
  EXPECT_EQ(identity->policies, (std::vector<std::string>{"a", "b"}));
}

TEST_F(AuthenticatorTest, AFingerprintNamesACertificateWithoutSpiffeId) {
  v1::Role role = Role("old", "spiffe://prod/none", {});
  role.add_bound_fingerprints(HexEncode(Sha256("")));
  Put(role);
  ASSERT_OK_AND_ASSIGN(const auto identity, Identify(With("")));
  EXPECT_EQ(identity->principal, "cert:" + HexEncode(Sha256("")));
}

TEST_F(AuthenticatorTest, ARoleIsOpenFromItsNetworksAndUntilItsEnd) {
  v1::Role role = Role("api", "spiffe://prod/api", {"root"});
  role.add_bound_cidrs("192.0.2.0/24");
  const absl::Time end = clock_.Now() + absl::Minutes(1);
  role.mutable_not_after()->set_seconds(absl::ToUnixSeconds(end));
  Put(role);
  ASSERT_OK_AND_ASSIGN(const auto identity, Identify(With("spiffe://prod/api")));
  EXPECT_EQ(identity->expire_time, end);
  EXPECT_CODE(Identify(With("spiffe://prod/api", "198.51.100.1")), kUnauthenticated);
  clock_.AdvanceTime(absl::Seconds(59));
  EXPECT_OK(Identify(With("spiffe://prod/api")));
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_CODE(Identify(With("spiffe://prod/api")), kUnauthenticated);
}

TEST_F(AuthenticatorTest, NoCredentialsIsSaidApart) {
  EXPECT_EQ(Identify(Credentials()).status(),
            absl::UnauthenticatedError("no credentials were given: send a token in the "
                                       "authorization header, or use a client certificate"));
}

TEST_F(AuthenticatorTest, ATokenGoesBeforeTheCertificate) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  const CreatedToken token = Make(Ci());
  Credentials both = With("spiffe://prod/api");
  both.bearer_token = token.token.ExposeForWire();
  ASSERT_OK_AND_ASSIGN(const auto identity, Identify(both));
  EXPECT_EQ(identity->principal, "token:ci");
  EXPECT_EQ(identity->token_id, token.info.id());
  EXPECT_FALSE(identity->grants->allows_everything());
  // And a bad one does not fall back to it.
  both.bearer_token = "kts.bad";
  EXPECT_CODE(Identify(both), kUnauthenticated);
}

TEST_F(AuthenticatorTest, AChangedRoleActsOnTheNextCall) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  EXPECT_OK(Identify(With("spiffe://prod/api")));
  ASSERT_OK(policies_->DeleteRole(*store_, "api"));
  EXPECT_CODE(Identify(With("spiffe://prod/api")), kUnauthenticated);
}

TEST_F(AuthenticatorTest, ALoginIsWorthWhatItsRoleIsWorthNow) {
  Put(Policy("a", {Grant("a")}));
  Put(Policy("b", {Grant("b")}));
  Put(Role("api", "spiffe://prod/api", {"a"}));
  Credentials credentials = With("spiffe://prod/api");
  TokenParams params;
  params.principal = "spiffe://prod/api";
  params.role = "api";
  params.policies = {"a"};
  params.ttl = absl::Hours(1);
  params.certificate_sha256 = credentials.certificate->sha256;
  ASSERT_OK_AND_ASSIGN(const CreatedToken login, tokens_->CreateStateless(params));
  credentials.bearer_token = login.token.ExposeForWire();
  EXPECT_EQ(Identify(credentials).value()->policies, std::vector<std::string>{"a"});
  Put(Role("api", "spiffe://prod/api", {"b"}));
  EXPECT_EQ(Identify(credentials).value()->policies, std::vector<std::string>{"b"});
  const absl::Status over =
      absl::UnauthenticatedError("the role \"api\" of this login is not the caller's any more");
  Put(Role("api", "spiffe://prod/other", {"a"}));
  EXPECT_EQ(Identify(credentials).status(), over);
  v1::Role ending = Role("api", "spiffe://prod/api", {"a"});
  ending.mutable_not_after()->set_seconds(absl::ToUnixSeconds(clock_.Now()));
  Put(ending);
  EXPECT_EQ(Identify(credentials).status(), over);
  v1::Role elsewhere = Role("api", "spiffe://prod/api", {"a"});
  elsewhere.add_bound_cidrs("198.51.100.0/24");
  Put(elsewhere);
  EXPECT_EQ(Identify(credentials).status(), over);
  Put(Role("api", "spiffe://prod/api", {"a"}));
  EXPECT_OK(Identify(credentials));
  ASSERT_OK(policies_->DeleteRole(*store_, "api"));
  EXPECT_EQ(Identify(credentials).status(), over);
}

TEST_F(AuthenticatorTest, ARevokedTokenIsRefusedOnTheNextCall) {
  for (const bool stateless : {false, true}) {
    const CreatedToken token = Make(Ci(), stateless);
    ASSERT_OK_AND_ASSIGN(const auto first, Identify(With(token)));
    ASSERT_OK_AND_ASSIGN(const auto second, Identify(With(token)));
    EXPECT_EQ(first, second) << "from the cache";
    ASSERT_OK(tokens_->Revoke(*store_, token.info.id()));
    EXPECT_CODE(Identify(With(token)), kUnauthenticated);
  }
}

TEST_F(AuthenticatorTest, WhatIsKnownOfATokenHoldsUntilItExpiresAndForItsNetwork) {
  TokenParams params = Ci();
  params.bound_cidrs = {"192.0.2.0/24"};
  const CreatedToken token = Make(params);
  EXPECT_OK(Identify(With(token)));
  EXPECT_CODE(Identify(With(token, "198.51.100.1")), kUnauthenticated);
  clock_.AdvanceTime(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_OK(Identify(With(token)));
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_CODE(Identify(With(token)), kUnauthenticated);
}

TEST_F(AuthenticatorTest, EachUseOfALimitedTokenIsCounted) {
  TokenParams params = Ci();
  params.max_uses = 2;
  const CreatedToken token = Make(params);
  EXPECT_OK(Identify(With(token)));
  EXPECT_OK(Identify(With(token)));
  EXPECT_CODE(Identify(With(token)), kUnauthenticated);
}

TEST_F(AuthenticatorTest, ASourceThatGuessesIsLockedOutAndNoOther) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  const CreatedToken token = Make(Ci());
  EXPECT_OK(Identify(With(token)));
  for (int i = 0; i < limits::kLockoutFailures; ++i) {
    EXPECT_CODE(Identify(With("spiffe://prod/guess")), kUnauthenticated);
  }
  EXPECT_CODE(Identify(With("spiffe://prod/api")), kResourceExhausted);
  EXPECT_OK(Identify(With("spiffe://prod/api", "192.0.2.2")));
  EXPECT_OK(Identify(With(token)));  // who is known already is not held up
  clock_.AdvanceTime(absl::Seconds(limits::kLockoutSeconds));
  EXPECT_OK(Identify(With("spiffe://prod/api")));
}

TEST_F(AuthenticatorTest, WhoGuessesFromANetOfIpv6IsOneSource) {
  Put(Role("api", "spiffe://prod/api", {"root"}));
  for (int i = 0; i < limits::kLockoutFailures; ++i) {
    EXPECT_CODE(Identify(With("spiffe://prod/guess", absl::StrCat("2001:db8:1:2::", i))),
                kUnauthenticated);
  }
  EXPECT_CODE(Identify(With("spiffe://prod/api", "2001:db8:1:2:ffff::1")), kResourceExhausted);
  EXPECT_OK(Identify(With("spiffe://prod/api", "2001:db8:1:3::1")));
  EXPECT_OK(Identify(With("spiffe://prod/api")));
}

TEST_F(AuthenticatorTest, RoleForWantsOneRole) {
  const absl::Status none = WithReason(
      absl::PermissionDeniedError("no such role is open to this certificate from here"), "NO_ROLE");
  Put(Role("one", "spiffe://prod/*", {"root"}));
  EXPECT_EQ(authenticator_->RoleFor(With("spiffe://prod/x"), "")->name(), "one");
  Put(Role("two", "spiffe://prod/x", {"root"}));
  EXPECT_EQ(authenticator_->RoleFor(With("spiffe://prod/x"), "").status(),
            absl::InvalidArgumentError("the certificate matches several roles: name one"));
  EXPECT_EQ(authenticator_->RoleFor(With("spiffe://prod/x"), "two")->name(), "two");
  EXPECT_EQ(authenticator_->RoleFor(With("spiffe://prod/x"), "three").status(), none);
  EXPECT_EQ(authenticator_->RoleFor(With("spiffe://else/x"), "one").status(), none);
  EXPECT_EQ(authenticator_->RoleFor(Credentials(), "one").status(), none);
}

}  // namespace
}  // namespace keyturn
