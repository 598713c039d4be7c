#include "auth/grants.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/limits.h"

namespace keyturn {
namespace {

bool PermissionMatches(absl::string_view granted, absl::string_view asked) {
  if (granted == asked) return true;
  return absl::EndsWith(granted, ":*") &&
         absl::StartsWith(asked, granted.substr(0, granted.size() - 1));
}

// Takes the first segment off the front of `*rest`; the rest is without the '/'.
absl::string_view TakeSegment(absl::string_view* rest) {
  const size_t slash = rest->find('/');
  const absl::string_view segment = rest->substr(0, slash);
  *rest = slash == absl::string_view::npos ? absl::string_view() : rest->substr(slash + 1);
  return segment;
}

// How a pattern relates to a path, from the front.
enum class Relation {
  kNone,
  kEqual,   // matches the path itself
  kDeeper,  // agrees so far and goes on: may match something below
  kAll,     // its trailing '*' takes the path and everything below
};

// `below` asks about the directory `path`; then a trailing '*' that begins inside the next segment
// is kDeeper.
Relation Relate(absl::string_view pattern, absl::string_view path, bool below) {
  for (;;) {
    const bool last = !absl::StrContains(pattern, '/');
    if (last && absl::EndsWith(pattern, "*")) {
      const absl::string_view prefix = pattern.substr(0, pattern.size() - 1);
      if (absl::StartsWith(path, prefix)) return Relation::kAll;
      return Relation::kNone;
    }
    const bool path_last = !absl::StrContains(path, '/');
    const absl::string_view wanted = TakeSegment(&pattern);
    const absl::string_view have = TakeSegment(&path);
    if (wanted != "+" && wanted != have) return Relation::kNone;
    if (wanted == "+" && have.empty()) return Relation::kNone;
    if (last && path_last) return Relation::kEqual;
    if (last) return Relation::kNone;
    if (!path_last) continue;
    if (!below) return Relation::kNone;
    return pattern == "*" ? Relation::kAll : Relation::kDeeper;
  }
}

Relation RelateToDirectory(absl::string_view pattern, absl::string_view path) {
  path = absl::StripSuffix(path, "/");
  if (path.empty()) return pattern == "*" ? Relation::kAll : Relation::kDeeper;
  return Relate(pattern, path, true);
}

bool Matches(absl::string_view pattern, absl::string_view path) {
  if (path.empty()) return pattern.empty() || pattern == "*";
  const Relation relation = Relate(pattern, path, false);
  return relation == Relation::kEqual || relation == Relation::kAll;
}

// Larger is more specific; at a tie a deny comes first.
auto Specificity(const GrantRule& rule) {
  const absl::string_view pattern = rule.pattern;
  const size_t literal = std::min(pattern.find_first_of("+*"), pattern.size());
  const auto pluses = std::count(pattern.begin(), pattern.end(), '+');
  return std::make_tuple(literal, !absl::EndsWith(pattern, "*"), -pluses, pattern.size(),
                         rule.deny);
}

bool Counts(const GrantRule& rule, absl::string_view permission, absl::Time now,
            const IpAddress& source) {
  if (now >= rule.not_after) return false;
  if (!rule.bound_cidrs.empty() &&
      std::none_of(rule.bound_cidrs.begin(), rule.bound_cidrs.end(),
                   [&source](const Cidr& cidr) { return cidr.Contains(source); })) {
    return false;
  }
  return std::any_of(
      rule.permissions.begin(), rule.permissions.end(),
      [permission](const std::string& granted) { return PermissionMatches(granted, permission); });
}

}  // namespace

absl::Status ValidatePattern(absl::string_view pattern) {
  const absl::Status bad = absl::InvalidArgumentError(
      "a path pattern has segments joined by '/', without a leading '/'; '+' stands for one whole "
      "segment, and '*' may stand at the end only");
  if (pattern.size() > limits::kPathBytesMax || absl::StartsWith(pattern, "/")) return bad;
  if (pattern.empty()) return absl::OkStatus();
  absl::string_view rest = pattern;
  for (;;) {
    const bool last = !absl::StrContains(rest, '/');
    absl::string_view segment = TakeSegment(&rest);
    if (last && absl::ConsumeSuffix(&segment, "*")) {
      return absl::StrContains(segment, '*') || absl::StrContains(segment, '+') ? bad
                                                                                : absl::OkStatus();
    }
    if (segment.empty() || segment == "." || segment == "..") return bad;
    if (absl::StrContains(segment, '*') || (segment != "+" && absl::StrContains(segment, '+'))) {
      return bad;
    }
    for (const char c : segment) {
      if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return bad;
    }
    if (last) return absl::OkStatus();
  }
}

GrantSet::GrantSet(std::vector<GrantRule> rules, bool allow_everything)
    : rules_(std::move(rules)), allow_everything_(allow_everything) {
  std::stable_sort(rules_.begin(), rules_.end(), [](const GrantRule& a, const GrantRule& b) {
    return Specificity(a) > Specificity(b);
  });
}

const GrantRule* GrantSet::Decide(absl::string_view permission, absl::string_view path,
                                  absl::Time now, const IpAddress& source) const {
  for (const GrantRule& rule : rules_) {
    if (Counts(rule, permission, now, source) && Matches(rule.pattern, path)) return &rule;
  }
  return nullptr;
}

bool GrantSet::Allows(absl::string_view permission, absl::string_view path, absl::Time now,
                      const IpAddress& source) const {
  if (allow_everything_) return true;
  const GrantRule* const rule = Decide(permission, path, now, source);
  return rule != nullptr && !rule->deny;
}

GrantSet::Decision GrantSet::Explain(absl::string_view permission, absl::string_view path,
                                     absl::Time now, const IpAddress& source) const {
  if (allow_everything_) return {true, "policy root: allows everything"};
  const GrantRule* const rule = Decide(permission, path, now, source);
  if (rule == nullptr) return {false, "no grant matches"};
  const auto granted = std::find_if(
      rule->permissions.begin(), rule->permissions.end(),
      [permission](const std::string& one) { return PermissionMatches(one, permission); });
  return {!rule->deny, absl::StrCat("policy ", rule->policy, ": ", rule->deny ? "deny " : "allow ",
                                    *granted, " on ", rule->pattern)};
}

bool GrantSet::MayAllowBelow(absl::string_view permission, absl::string_view path, absl::Time now,
                             const IpAddress& source) const {
  if (allow_everything_) return true;
  for (const GrantRule& rule : rules_) {
    if (!Counts(rule, permission, now, source)) continue;
    const Relation relation = RelateToDirectory(rule.pattern, path);
    if (relation == Relation::kNone) continue;
    if (!rule.deny) return true;
    // A deny that takes everything below outweighs whatever is less specific.
    if (relation == Relation::kAll) return false;
  }
  return false;
}

bool GrantSet::AllowsAllBelow(absl::string_view permission, absl::string_view path, absl::Time now,
                              const IpAddress& source) const {
  if (allow_everything_) return true;
  for (const GrantRule& rule : rules_) {
    if (!Counts(rule, permission, now, source)) continue;
    const Relation relation = RelateToDirectory(rule.pattern, path);
    if (relation != Relation::kDeeper && relation != Relation::kAll) continue;
    if (rule.deny) return false;
    // What comes after an allow that takes everything below is less specific and decides nothing.
    if (relation == Relation::kAll) return true;
  }
  return false;
}

}  // namespace keyturn
