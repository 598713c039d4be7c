#include "auth/delegation.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "auth/cidr.h"
#include "auth/validate.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status Refused() {
  return WithReason(absl::PermissionDeniedError(
                        "this would give away, or take back, more than the caller may do itself"),
                    "DELEGATION");
}

bool PermissionCovers(absl::string_view wide, absl::string_view narrow) {
  return wide == narrow ||
         (absl::EndsWith(wide, ":*") && absl::StartsWith(narrow, wide.substr(0, wide.size() - 1)));
}
bool PermissionsMeet(absl::string_view a, absl::string_view b) {
  return PermissionCovers(a, b) || PermissionCovers(b, a);
}

// Whether each path that `narrow` matches is matched by `wide`. A '+' in `wide` covers a literal or
// '+' segment; a trailing '*' covers any rest that begins alike.
bool PatternCovers(absl::string_view wide, absl::string_view narrow) {
  if (wide == narrow || wide == "*") return true;
  for (;;) {
    const size_t wide_end = wide.find('/');
    const size_t narrow_end = narrow.find('/');
    const bool wide_last = wide_end == absl::string_view::npos;
    const bool narrow_last = narrow_end == absl::string_view::npos;
    if (wide_last && absl::EndsWith(wide, "*")) {
      const absl::string_view prefix = wide.substr(0, wide.size() - 1);
      // A '+' could stand for a segment that begins otherwise.
      if (!prefix.empty() && absl::StartsWith(narrow, "+")) return false;
      return absl::StartsWith(narrow, prefix);
    }
    const absl::string_view w = wide.substr(0, wide_end);
    const absl::string_view n = narrow.substr(0, narrow_end);
    if (narrow_last && absl::EndsWith(n, "*")) return false;
    // No segment is empty; an empty path is that of permissions without one.
    if (w == "+" ? n.empty() : w != n) return false;
    if (wide_last || narrow_last) return wide_last && narrow_last;
    wide.remove_prefix(wide_end + 1);
    narrow.remove_prefix(narrow_end + 1);
  }
}

// Whether some path may be matched by both; true when in doubt.
bool PatternsMeet(absl::string_view a, absl::string_view b) {
  const absl::string_view a_literal = a.substr(0, a.find_first_of("+*"));
  const absl::string_view b_literal = b.substr(0, b.find_first_of("+*"));
  if (a_literal.size() == a.size() && b_literal.size() == b.size()) return a == b;
  const size_t common = std::min(a_literal.size(), b_literal.size());
  return a_literal.substr(0, common) == b_literal.substr(0, common);
}

bool SameBlocks(const std::vector<Cidr>& a, const std::vector<Cidr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Cidr& x, const Cidr& y) { return x.ToString() == y.ToString(); });
}

bool CoversOne(const GrantSet& mine, const GrantRule& wanted, absl::string_view permission) {
  const auto covers = [&](const GrantRule& rule) {
    return !rule.deny && PatternCovers(rule.pattern, wanted.pattern) &&
           rule.not_after >= wanted.not_after &&
           (rule.bound_cidrs.empty() || SameBlocks(rule.bound_cidrs, wanted.bound_cidrs)) &&
           std::any_of(rule.permissions.begin(), rule.permissions.end(),
                       [&](const std::string& own) { return PermissionCovers(own, permission); });
  };
  const auto forbids = [&](const GrantRule& rule) {
    return rule.deny && PatternsMeet(rule.pattern, wanted.pattern) &&
           std::any_of(rule.permissions.begin(), rule.permissions.end(),
                       [&](const std::string& own) { return PermissionsMeet(own, permission); });
  };
  const absl::Span<const GrantRule> rules = mine.rules();
  return std::any_of(rules.begin(), rules.end(), covers) &&
         std::none_of(rules.begin(), rules.end(), forbids);
}

bool CoversPolicy(const GrantSet& mine, const v1::Policy& policy) {
  std::vector<GrantRule> rules;
  AppendRules(policy, &rules);
  return std::all_of(rules.begin(), rules.end(),
                     [&mine](const GrantRule& rule) { return rule.deny || Covers(mine, rule); });
}

bool Has(const v1::Policy& policy, const v1::Grant& grant) {
  const std::string wanted = grant.SerializeAsString();
  return std::any_of(
      policy.grants().begin(), policy.grants().end(),
      [&wanted](const v1::Grant& other) { return other.SerializeAsString() == wanted; });
}

bool Denies(const v1::Policy& policy) {
  return std::any_of(policy.grants().begin(), policy.grants().end(),
                     [](const v1::Grant& grant) { return grant.deny(); });
}

bool HasPolicy(const v1::Role& role, const std::string& name) {
  return std::find(role.policies().begin(), role.policies().end(), name) != role.policies().end();
}

// Whether both hold for the same callers, but for the policies they give.
bool SameBinding(v1::Role a, v1::Role b) {
  for (v1::Role* const role : {&a, &b}) {
    role->clear_policies();
    role->clear_description();
    role->clear_update_time();
    role->clear_token_ttl_seconds();
    role->clear_token_max_ttl_seconds();
  }
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

bool Covers(const GrantSet& mine, const GrantRule& wanted) {
  if (mine.allows_everything()) return true;
  return std::all_of(
      wanted.permissions.begin(), wanted.permissions.end(),
      [&](const std::string& permission) { return CoversOne(mine, wanted, permission); });
}

absl::Status CheckPoliciesDelegable(const GrantSet& mine, absl::Span<const std::string> my_policies,
                                    absl::Span<const std::string> policies,
                                    const AuthStore& store) {
  for (const std::string& name : policies) {
    const absl::StatusOr<v1::Policy> policy = store.GetPolicy(name);
    if (!policy.ok()) {
      return WithReason(
          absl::InvalidArgumentError(absl::StrCat("there is no policy named \"", name, "\"")),
          "UNKNOWN_POLICY");
    }
    if (mine.allows_everything()) continue;
    // All or nothing of the caller's own: leaving one of several out could leave out its denies.
    if (name == "root" || !CoversPolicy(mine, *policy)) {
      const bool all_of_mine =
          std::find(my_policies.begin(), my_policies.end(), name) != my_policies.end() &&
          std::all_of(my_policies.begin(), my_policies.end(), [&policies](const std::string& own) {
            return std::find(policies.begin(), policies.end(), own) != policies.end();
          });
      if (!all_of_mine) return Refused();
    }
  }
  return absl::OkStatus();
}

absl::Status InheritTokenLimits(const Identity& mine, TokenParams* params) {
  if (mine.auth_method != "token") return absl::OkStatus();
  if (mine.limited_uses) {
    return WithReason(
        absl::PermissionDeniedError("a token whose uses are counted cannot make further tokens"),
        "DELEGATION");
  }
  params->not_after = std::min(params->not_after, mine.expire_time);
  if (mine.bound_cidrs.empty()) return absl::OkStatus();
  if (params->bound_cidrs.empty()) {
    params->bound_cidrs = mine.bound_cidrs;
    return absl::OkStatus();
  }
  for (const std::string& wanted : params->bound_cidrs) {
    ASSIGN_OR_RETURN(const Cidr block, Cidr::Parse(wanted));
    const bool inside =
        std::any_of(mine.bound_cidrs.begin(), mine.bound_cidrs.end(), [&block](const auto& own) {
          const absl::StatusOr<Cidr> cidr = Cidr::Parse(own);
          return cidr.ok() && cidr->Covers(block);
        });
    if (!inside) {
      return WithReason(absl::PermissionDeniedError(absl::StrCat(
                            "bound_cidrs: ", block.ToString(),
                            " is not within the networks of the token that makes this one: ",
                            absl::StrJoin(mine.bound_cidrs, ", "))),
                        "DELEGATION");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRoleChange(const Identity& mine, const v1::Role* previous, const v1::Role* next,
                             const AuthStore& store) {
  if (mine.grants->allows_everything()) return absl::OkStatus();
  for (const v1::Role* const role : {previous, next}) {
    if (role == nullptr) continue;
    const std::vector<std::string> policies(role->policies().begin(), role->policies().end());
    RETURN_IF_ERROR(CheckPoliciesDelegable(*mine.grants, mine.policies, policies, store));
  }
  if (previous == nullptr) return absl::OkStatus();
  for (const std::string& name : previous->policies()) {
    const absl::StatusOr<v1::Policy> policy = store.GetPolicy(name);
    if (!policy.ok() || !Denies(*policy)) continue;
    if (next == nullptr || !SameBinding(*previous, *next) || !HasPolicy(*next, name)) {
      return Refused();
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPolicyChange(const GrantSet& mine, const v1::Policy* previous,
                               const v1::Policy* next) {
  if (mine.allows_everything()) return absl::OkStatus();
  if (next != nullptr && !CoversPolicy(mine, *next)) return Refused();
  if (previous == nullptr) return absl::OkStatus();
  for (const v1::Grant& grant : previous->grants()) {
    if (grant.deny() && (next == nullptr || !Has(*next, grant))) return Refused();
  }
  return absl::OkStatus();
}

}  // namespace keyturn
