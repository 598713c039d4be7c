// Policies, roles, recipes for passwords and wishes for a generated value, as callers send them:
// what is accepted works. Its grants hold at most what they say, and its values meet the rules.
#include <algorithm>

#include "auth/auth_store.h"
#include "auth/validate.h"
#include "base/limits.h"
#include "tests/fuzz/fuzz.h"
#include "vault/generate.h"

namespace keyturn::fuzz {
namespace {

template <typename Message>
bool Parse(absl::string_view bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void CheckPolicy(const v1::Policy& policy) {
  std::vector<GrantRule> rules;
  AppendRules(policy, &rules);
  Require(static_cast<int>(rules.size()) == policy.grants_size(), "a rule for each grant");
  for (size_t i = 0; i < rules.size(); ++i) {
    const v1::Grant& grant = policy.grants(static_cast<int>(i));
    Require(static_cast<int>(rules[i].bound_cidrs.size()) == grant.bound_cidrs_size(),
            "no network is lost, which would grant more");
  }
  const GrantSet grants(rules);
  for (const char* const permission : {"secret:read", "admin:token"}) {
    const auto decision = grants.Explain(permission, "app/db", absl::UnixEpoch(), {});
    Require(decision.allowed == grants.Allows(permission, "app/db", absl::UnixEpoch(), {}), "same");
  }
}

void CheckPasswords(const v1::PasswordPolicy& policy) {
  const absl::StatusOr<GeneratedValue> made =
      GenerateValue(v1::GenerateSpec(), v1::KIND_GENERIC, &policy);
  Require(made.ok() == CheckPasswordPolicy(policy).ok(), "what passes the check can be made");
  if (!made.ok()) return;
  const absl::string_view value = made->value.ExposeForCrypto();
  Require(value.size() == policy.length(), "as long as it says");
  for (const v1::PasswordPolicy::Rule& rule : policy.rules()) {
    const auto count = std::count_if(value.begin(), value.end(), [&rule](char c) {
      return rule.characters().find(c) != std::string::npos;
    });
    Require(count >= static_cast<int64_t>(rule.at_least()), "the rules are met");
  }
}

void CheckSpec(const v1::GenerateSpec& spec) {
  const absl::StatusOr<GeneratedValue> made = GenerateValue(spec, v1::KIND_API_KEY, nullptr);
  if (!made.ok()) return;
  Require(made->value.size() >= limits::kApiKeyBytesMin, "an API key is long enough");
  if (spec.length() > 0) Require(made->value.size() == spec.length(), "as long as it was asked");
}

}  // namespace

void FuzzPolicy(absl::string_view input) {
  const uint8_t kind = TakeByte(&input) % 4;
  v1::Policy policy;
  v1::Role role;
  v1::PasswordPolicy passwords;
  v1::GenerateSpec spec;
  if (kind == 0 && Parse(input, &policy) && ValidatePolicy(policy).ok()) CheckPolicy(policy);
  if (kind == 1 && Parse(input, &role) && ValidateRole(role).ok()) {
    Require(!role.bound_spiffe_ids().empty() || !role.bound_fingerprints().empty(), "it is bound");
  }
  if (kind == 2 && Parse(input, &passwords) && ValidatePasswordPolicy(passwords).ok()) {
    CheckPasswords(passwords);
  }
  if (kind == 3 && Parse(input, &spec)) CheckSpec(spec);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzPolicy)
