#include "auth/delegation.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
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
    if (w != "+" && w != n) return false;
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
      return absl::InvalidArgumentError(absl::StrCat("there is no policy named \"", name, "\""));
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
