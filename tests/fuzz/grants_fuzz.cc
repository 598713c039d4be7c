// The first line is a path, each other one a pattern, with '-' before it for a deny. Decisions are
// those of a reference that follows docs word by word: match character by character, then compare
// specificity. What is said of a directory holds for the path below it.
#include "auth/grants.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/fuzz/fuzz.h"

namespace keyturn::fuzz {
namespace {

constexpr char kPermission[] = "secret:read";
constexpr size_t kRulesMax = 8;

bool NaiveMatch(absl::string_view pattern, absl::string_view path, bool at_start) {
  if (pattern == "*") return true;
  if (pattern.empty()) return path.empty();
  if (at_start && pattern[0] == '+' && (pattern.size() == 1 || pattern[1] == '/')) {
    const size_t size = std::min(path.find('/'), path.size());
    return size > 0 && NaiveMatch(pattern.substr(1), path.substr(size), false);
  }
  return !path.empty() && path[0] == pattern[0] &&
         NaiveMatch(pattern.substr(1), path.substr(1), pattern[0] == '/');
}

// Whether `a` decides before `b`: auth/grants.h, in its order.
bool NaiveBefore(const GrantRule& a, const GrantRule& b) {
  const auto literal = [](const std::string& p) {
    return std::min(p.find_first_of("+*"), p.size());
  };
  const auto star = [](const std::string& p) { return absl::EndsWith(p, "*"); };
  const auto pluses = [](const std::string& p) { return std::count(p.begin(), p.end(), '+'); };
  if (literal(a.pattern) != literal(b.pattern)) return literal(a.pattern) > literal(b.pattern);
  if (star(a.pattern) != star(b.pattern)) return star(b.pattern);
  if (pluses(a.pattern) != pluses(b.pattern)) return pluses(a.pattern) < pluses(b.pattern);
  if (a.pattern.size() != b.pattern.size()) return a.pattern.size() > b.pattern.size();
  return a.deny && !b.deny;
}

bool NaiveAllows(const std::vector<GrantRule>& rules, absl::string_view path) {
  const GrantRule* best = nullptr;
  for (const GrantRule& rule : rules) {
    const bool all = rule.pattern == "*" || rule.pattern.empty();
    const bool matches = path.empty() ? all : NaiveMatch(rule.pattern, path, true);
    if (matches && (best == nullptr || NaiveBefore(rule, *best))) best = &rule;
  }
  return best != nullptr && !best->deny;
}

void CheckDirectories(const GrantSet& grants, absl::string_view path, bool allowed) {
  if (path.empty() || absl::StrContains(absl::StrCat("/", path, "/"), "//")) return;
  for (absl::string_view directory = path; !directory.empty();) {
    const size_t slash = directory.rfind('/');
    directory = slash == absl::string_view::npos ? "" : directory.substr(0, slash);
    const absl::Time now = absl::UnixEpoch();
    if (allowed) {
      Require(grants.MayAllowBelow(kPermission, directory, now, {}), "below may be allowed: it is");
    } else {
      Require(!grants.AllowsAllBelow(kPermission, directory, now, {}), "not all below is allowed");
    }
  }
}

}  // namespace

void FuzzGrants(absl::string_view input) {
  const std::vector<absl::string_view> lines = absl::StrSplit(input, '\n');
  const absl::string_view path = lines.front();
  std::vector<GrantRule> rules;
  for (size_t i = 1; i < lines.size() && rules.size() < kRulesMax; ++i) {
    GrantRule rule{.permissions = {"secret:*"}, .pattern = "", .policy = "p"};
    absl::string_view pattern = lines[i];
    rule.deny = absl::ConsumePrefix(&pattern, "-");
    rule.pattern = std::string(pattern);
    if (ValidatePattern(pattern).ok()) rules.push_back(std::move(rule));
  }
  const GrantSet grants(rules);
  const bool allowed = grants.Allows(kPermission, path, absl::UnixEpoch(), {});
  Require(allowed == NaiveAllows(rules, path), "decides as the reference does");
  Require(allowed == grants.Explain(kPermission, path, absl::UnixEpoch(), {}).allowed, "explains");
  CheckDirectories(grants, path, allowed);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzGrants)
