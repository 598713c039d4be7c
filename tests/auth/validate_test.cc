#include "auth/validate.h"

#include <functional>

#include "auth/auth_store.h"
#include "base/limits.h"
#include "tests/support/status.h"

namespace keyturn {
namespace {

v1::Policy GoodPolicy() {
  v1::Policy policy;
  policy.set_name("app");
  v1::Grant* grant = policy.add_grants();
  grant->add_permissions("secret:read");
  grant->set_path("a/*");
  return policy;
}
v1::Role GoodRole() {
  v1::Role role;
  role.set_name("api");
  role.add_bound_spiffe_ids("spiffe://prod/api");
  return role;
}
v1::PasswordPolicy GoodPasswordPolicy() {
  v1::PasswordPolicy policy;
  policy.set_name("human");
  policy.set_length(20);
  return policy;
}

template <typename Object>
struct Wrong {
  std::function<void(Object*)> change;
  std::string message;
};

TEST(ValidateName, IsLowerCaseLettersDigitsAndDashes) {
  for (const std::string& good : {std::string("a"), std::string("0"), std::string("a-b_c9"),
                                  std::string(limits::kNameBytesMax, 'x')}) {
    EXPECT_OK(ValidateName("role", good));
  }
  for (const std::string& bad :
       {std::string(), std::string("A"), std::string("-a"), std::string("_a"), std::string("a b"),
        std::string("a/b"), std::string("\xc3\xa4"), std::string("a\0", 2),
        std::string(limits::kNameBytesMax + 1, 'x')}) {
    EXPECT_EQ(ValidateName("role", bad),
              absl::InvalidArgumentError("the name of a role must be 1 to 128 characters of "
                                         "[a-z0-9_-] and begin with a letter or digit"))
        << bad;
  }
}

TEST(ValidatePolicy, SaysWhatIsWrong) {
  ASSERT_OK(ValidatePolicy(GoodPolicy()));
  const std::vector<Wrong<v1::Policy>> cases = {
      {[](auto* p) { p->set_name("App"); },
       "the name of a policy must be 1 to 128 characters of [a-z0-9_-] and begin with a letter or "
       "digit"},
      {[](auto* p) { p->set_description(std::string(1025, 'x')); },
       "description must be at most 1024 bytes"},
      {[](auto* p) {
         while (p->grants_size() <= 256) *p->add_grants() = p->grants(0);
       },
       "grants must be at most 256"},
      {[](auto* p) { p->add_grants()->set_path("a"); },
       "each of grants needs at least one of permissions"},
      {[](auto* p) { p->mutable_grants(0)->add_permissions("secret"); },
       "there is no permission 'secret'; did you mean secret:list? There are "
       "admin:audit, admin:certificate, admin:keys, admin:password-policy, admin:policy, "
       "admin:revocation, admin:role, admin:seal, admin:token, admin:verify, admin:webhook, "
       "apikey:list, apikey:verify, apikey:write, jwt:publish, jwt:sign, jwt:verify, "
       "revocation:check, "
       "revocation:write, "
       "secret:delete, secret:destroy, secret:list, secret:read, secret:rotate, secret:write; "
       "and admin:*, apikey:*, jwt:*, revocation:* and secret:*"},
      {[](auto* p) { p->mutable_grants(0)->set_path("/a"); },
       "a path pattern has segments joined by '/', without a leading '/'; '+' stands for one whole "
       "segment, and '*' may stand at the end only"},
      {[](auto* p) { p->mutable_grants(0)->add_permissions("admin:token"); },
       "admin:token is not about a path: write '*' for it, in a grant without permissions on "
       "secrets, keys or API keys"},
      {[](auto* p) {
         p->mutable_grants(0)->set_permissions(0, "revocation:*");
         p->mutable_grants(0)->set_deny(true);
       },
       "revocation:* is not about a path: write '*' for it, in a grant without permissions on "
       "secrets, keys or API keys"},
      {[](auto* p) {
         for (int i = 0; i < 33; ++i) p->mutable_grants(0)->add_bound_cidrs("10.0.0.0/8");
       },
       "bound_cidrs must be at most 32"},
  };
  for (const auto& [change, message] : cases) {
    v1::Policy policy = GoodPolicy();
    change(&policy);
    EXPECT_EQ(ValidatePolicy(policy), absl::InvalidArgumentError(message));
  }
  v1::Policy policy = GoodPolicy();
  policy.mutable_grants(0)->add_permissions("admin:token");
  for (const char* const everywhere : {"", "*"}) {
    policy.mutable_grants(0)->set_path(everywhere);
    EXPECT_OK(ValidatePolicy(policy));
  }
  policy.mutable_grants(0)->add_bound_cidrs("10.0.0.1/8");
  EXPECT_CODE(ValidatePolicy(policy), kInvalidArgument);
  policy.set_name("root");
  EXPECT_EQ(ValidatePolicy(policy),
            absl::FailedPreconditionError("the policy \"root\" is reserved"));
}

TEST(ValidateRole, SaysWhatIsWrong) {
  ASSERT_OK(ValidateRole(GoodRole()));
  const std::string fingerprint =
      "bound_fingerprints must be SHA-256 in 64 lower-case hexadecimal digits";
  const std::vector<Wrong<v1::Role>> cases = {
      {[](auto* r) {
         for (int i = 0; i < 33; ++i) r->add_policies("p");
       },
       "policies must be at most 32"},
      {[](auto* r) { r->clear_bound_spiffe_ids(); },
       "a role needs at least one of bound_spiffe_ids and bound_fingerprints"},
      {[](auto* r) { r->add_bound_fingerprints(std::string(63, 'a')); }, fingerprint},
      {[](auto* r) { r->add_bound_fingerprints(std::string(64, 'A')); }, fingerprint},
      {[](auto* r) { r->add_bound_fingerprints(std::string(64, 'g')); }, fingerprint},
      {[](auto* r) { r->set_token_ttl_seconds(-1); }, "token_ttl_seconds must be 0 to 2764800"},
      {[](auto* r) { r->set_token_max_ttl_seconds(2764801); },
       "token_max_ttl_seconds must be 0 to 2764800"},
  };
  for (const auto& [change, message] : cases) {
    v1::Role role = GoodRole();
    change(&role);
    EXPECT_EQ(ValidateRole(role), absl::InvalidArgumentError(message));
  }
}

TEST(ValidateRole, AStarNeverStandsForATrustDomain) {
  v1::Role role = GoodRole();
  for (const char* good : {"spiffe://prod", "spiffe://prod/", "spiffe://prod/*",
                           "spiffe://prod/ns/a*", "spiffe://prod/ns/a"}) {
    role.set_bound_spiffe_ids(0, good);
    EXPECT_OK(ValidateRole(role));
  }
  for (const char* bad :
       {"", "*", "spiffe://", "spiffe://*", "spiffe:///x", "spiffe://prod*", "spiffe://prod/*/x",
        "spiffe://prod/**", "spiffe://p*/x", "SPIFFE://prod/x", "https://prod/x"}) {
    role.set_bound_spiffe_ids(0, bad);
    EXPECT_EQ(ValidateRole(role),
              absl::InvalidArgumentError("bound_spiffe_ids must be like spiffe://domain/path; a "
                                         "trailing '*' is allowed after the domain's '/'"))
        << bad;
  }
}

TEST(ValidatePasswordPolicy, SaysWhatIsWrong) {
  const auto add = [](v1::PasswordPolicy* policy, const std::string& characters, uint32_t least) {
    v1::PasswordPolicy::Rule* rule = policy->add_rules();
    rule->set_characters(characters);
    rule->set_at_least(least);
  };
  v1::PasswordPolicy good = GoodPasswordPolicy();
  add(&good, "abc", 12);
  add(&good, "123", 8);
  EXPECT_OK(ValidatePasswordPolicy(good));
  const std::vector<Wrong<v1::PasswordPolicy>> cases = {
      {[](auto* p) { p->set_length(0); }, "length must be 1 to 4096"},
      {[](auto* p) { p->set_length(4097); }, "length must be 1 to 4096"},
      {[&](auto* p) { add(p, "", 0); }, "each of rules needs characters"},
      {[&](auto* p) { add(p, "x", 1); }, "the rules ask for more characters than length allows"},
      {[&](auto* p) { add(p, "x", 0xffffffff); },  // does not wrap around
       "the rules ask for more characters than length allows"},
  };
  for (const auto& [change, message] : cases) {
    v1::PasswordPolicy policy = good;
    change(&policy);
    EXPECT_EQ(ValidatePasswordPolicy(policy), absl::InvalidArgumentError(message));
  }
}

TEST(AppendRules, KeepsAllThatAGrantSays) {
  v1::Policy policy = GoodPolicy();
  v1::Grant* grant = policy.add_grants();
  grant->add_permissions("secret:write");
  grant->add_permissions("secret:delete");
  grant->set_path("b");
  grant->set_deny(true);
  grant->mutable_not_after()->set_seconds(7);
  grant->mutable_not_after()->set_nanos(5);
  grant->add_bound_cidrs("10.0.0.0/8");
  std::vector<GrantRule> rules(1);
  AppendRules(policy, &rules);
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[1].pattern, "a/*");
  EXPECT_FALSE(rules[1].deny);
  EXPECT_EQ(rules[1].not_after, absl::InfiniteFuture());
  EXPECT_TRUE(rules[1].bound_cidrs.empty());
  EXPECT_EQ(rules[2].permissions, (std::vector<std::string>{"secret:write", "secret:delete"}));
  EXPECT_EQ(rules[2].pattern, "b");
  EXPECT_TRUE(rules[2].deny);
  EXPECT_EQ(rules[2].policy, "app");
  EXPECT_EQ(rules[2].not_after, absl::FromUnixSeconds(7) + absl::Nanoseconds(5));
  ASSERT_EQ(rules[2].bound_cidrs.size(), 1u);
  EXPECT_EQ(rules[2].bound_cidrs[0].ToString(), "10.0.0.0/8");
}

}  // namespace
}  // namespace keyturn
