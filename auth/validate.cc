#include "auth/validate.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/auth_store.h"
#include "auth/permissions.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

constexpr size_t kDescriptionBytesMax = 1024;
constexpr size_t kFingerprintHexSize = 64;
constexpr uint32_t kPasswordLengthMax = 4096;

absl::Status ValidateDescription(absl::string_view text) {
  if (text.size() <= kDescriptionBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("description must be at most ", kDescriptionBytesMax, " bytes"));
}

template <typename Strings>
absl::Status ValidateCidrs(const Strings& cidrs) {
  if (cidrs.size() > static_cast<int>(limits::kBoundCidrsMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("bound_cidrs must be at most ", limits::kBoundCidrsMax));
  }
  for (const std::string& text : cidrs) RETURN_IF_ERROR(Cidr::Parse(text).status());
  return absl::OkStatus();
}

absl::Status ValidateSeconds(absl::string_view field, int64_t seconds) {
  if (seconds >= 0 && seconds <= limits::kTokenTtlSecondsMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be 0 to ", limits::kTokenTtlSecondsMax));
}

absl::Status ValidateBoundSpiffeId(absl::string_view id) {
  absl::string_view exact = id;
  absl::ConsumeSuffix(&exact, "*");
  // The '*' must not stand for a trust domain: it would let any in.
  constexpr absl::string_view kScheme = "spiffe://";
  absl::string_view rest = exact;
  const bool scheme = absl::ConsumePrefix(&rest, kScheme);
  const bool has_domain = !rest.empty() && rest[0] != '/' &&
                          (exact.size() == id.size() || absl::StrContains(rest, '/'));
  if (scheme && has_domain && !absl::StrContains(rest, '*')) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "bound_spiffe_ids must be like spiffe://domain/path; a trailing '*' is allowed after the "
      "domain's '/'");
}

// A permission of no path on one would give nothing, and its denial deny nothing.
absl::Status ValidatePathOf(const v1::Grant& grant) {
  RETURN_IF_ERROR(ValidatePattern(grant.path()));
  if (grant.path().empty() || grant.path() == "*") return absl::OkStatus();
  for (const std::string& permission : grant.permissions()) {
    if (IsOfPaths(permission)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(permission,
                     " is not about a path: write '*' for it, in a grant without permissions on "
                     "secrets, keys or API keys"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateName(absl::string_view what, absl::string_view name) {
  const auto good = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c));
  };
  bool valid = !name.empty() && name.size() <= limits::kNameBytesMax && good(name[0]);
  for (const char c : name) valid = valid && (good(c) || c == '_' || c == '-');
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the name of a ", what, " must be 1 to ", limits::kNameBytesMax,
                   " characters of [a-z0-9_-] and begin with a letter or digit"));
}

absl::Status ValidatePolicy(const v1::Policy& policy) {
  if (policy.name() == "root") {
    return absl::FailedPreconditionError("the policy \"root\" is reserved");
  }
  RETURN_IF_ERROR(ValidateName("policy", policy.name()));
  RETURN_IF_ERROR(ValidateDescription(policy.description()));
  if (policy.grants_size() > static_cast<int>(limits::kGrantsPerPolicyMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("grants must be at most ", limits::kGrantsPerPolicyMax));
  }
  for (const v1::Grant& grant : policy.grants()) {
    if (grant.permissions_size() == 0) {
      return absl::InvalidArgumentError("each of grants needs at least one of permissions");
    }
    for (const std::string& permission : grant.permissions()) {
      RETURN_IF_ERROR(ValidatePermission(permission));
    }
    RETURN_IF_ERROR(ValidatePathOf(grant));
    RETURN_IF_ERROR(ValidateCidrs(grant.bound_cidrs()));
  }
  return absl::OkStatus();
}

absl::Status ValidateRole(const v1::Role& role) {
  RETURN_IF_ERROR(ValidateName("role", role.name()));
  RETURN_IF_ERROR(ValidateDescription(role.description()));
  if (role.policies_size() > static_cast<int>(limits::kPoliciesPerIdentityMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("policies must be at most ", limits::kPoliciesPerIdentityMax));
  }
  if (role.bound_spiffe_ids().empty() && role.bound_fingerprints().empty()) {
    return absl::InvalidArgumentError(
        "a role needs at least one of bound_spiffe_ids and bound_fingerprints");
  }
  for (const std::string& id : role.bound_spiffe_ids()) RETURN_IF_ERROR(ValidateBoundSpiffeId(id));
  for (const std::string& fingerprint : role.bound_fingerprints()) {
    bool hex = fingerprint.size() == kFingerprintHexSize;
    for (const char c : fingerprint) {
      hex = hex && absl::ascii_isxdigit(static_cast<unsigned char>(c)) &&
            !absl::ascii_isupper(static_cast<unsigned char>(c));
    }
    if (!hex) {
      return absl::InvalidArgumentError(
          "bound_fingerprints must be SHA-256 in 64 lower-case hexadecimal digits");
    }
  }
  RETURN_IF_ERROR(ValidateCidrs(role.bound_cidrs()));
  RETURN_IF_ERROR(ValidateSeconds("token_ttl_seconds", role.token_ttl_seconds()));
  RETURN_IF_ERROR(ValidateSeconds("token_max_ttl_seconds", role.token_max_ttl_seconds()));
  if (role.token_max_ttl_seconds() != 0 &&
      role.token_ttl_seconds() > role.token_max_ttl_seconds()) {
    return absl::InvalidArgumentError(
        "token_ttl_seconds must not be more than token_max_ttl_seconds");
  }
  return absl::OkStatus();
}

absl::Status ValidatePasswordPolicy(const v1::PasswordPolicy& policy) {
  RETURN_IF_ERROR(ValidateName("password policy", policy.name()));
  if (policy.length() == 0 || policy.length() > kPasswordLengthMax) {
    return absl::InvalidArgumentError(absl::StrCat("length must be 1 to ", kPasswordLengthMax));
  }
  uint64_t needed = 0;
  for (const v1::PasswordPolicy::Rule& rule : policy.rules()) {
    if (rule.characters().empty()) {
      return absl::InvalidArgumentError("each of rules needs characters");
    }
    needed += rule.at_least();
  }
  if (needed > policy.length()) {
    return absl::InvalidArgumentError("the rules ask for more characters than length allows");
  }
  return absl::OkStatus();
}

void AppendRules(const v1::Policy& policy, std::vector<GrantRule>* rules) {
  for (const v1::Grant& grant : policy.grants()) {
    GrantRule rule;
    rule.permissions = {grant.permissions().begin(), grant.permissions().end()};
    rule.pattern = grant.path();
    rule.deny = grant.deny();
    rule.policy = policy.name();
    if (grant.has_not_after()) {
      rule.not_after = absl::FromUnixSeconds(grant.not_after().seconds()) +
                       absl::Nanoseconds(grant.not_after().nanos());
    }
    for (const std::string& text : grant.bound_cidrs()) {
      const absl::StatusOr<Cidr> cidr = Cidr::Parse(text);
      if (cidr.ok()) rule.bound_cidrs.push_back(*cidr);
    }
    rules->push_back(std::move(rule));
  }
}

}  // namespace keyturn
