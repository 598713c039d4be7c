// Grants: what a policy allows or denies. A permission is "domain:verb" ("secret:read",
// "admin:token"); a grant may say "secret:*" or "admin:*". Patterns are Vault's: '+' stands for one
// whole segment, a trailing '*' for any suffix. Among the grants that match, the longest pattern
// decides (more literal characters before the first wildcard, then no trailing '*', then fewer '+',
// then longer); at a tie, and always within one pattern, deny wins; nothing matching denies.
// Immutable after construction; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "auth/cidr.h"

namespace keyturn {

struct GrantRule {
  std::vector<std::string> permissions;
  std::string pattern;  // no leading '/'
  bool deny = false;
  absl::Time not_after = absl::InfiniteFuture();
  std::vector<Cidr> bound_cidrs;  // empty: from anywhere
  std::string policy;             // where it comes from, for explanations
};

// INVALID_ARGUMENT that names the allowed form.
absl::Status ValidatePattern(absl::string_view pattern);

class GrantSet {
 public:
  explicit GrantSet(std::vector<GrantRule> rules, bool allow_everything = false);

  struct Decision {
    bool allowed = false;
    std::string reason;  // filled by Explain only
  };

  // Whether `permission` is granted on `path` ("" for permissions without one, matched only by
  // patterns "*" and "") at `now` from `source`. No allocation: the hot path.
  bool Allows(absl::string_view permission, absl::string_view path, absl::Time now,
              const IpAddress& source) const;
  // The same with the rule that decided, in words.
  Decision Explain(absl::string_view permission, absl::string_view path, absl::Time now,
                   const IpAddress& source) const;
  // Whether anything at or below directory `path` might be allowed: what decides if a listing shows
  // a directory's name. May err towards true, never towards false.
  bool MayAllowBelow(absl::string_view permission, absl::string_view path, absl::Time now,
                     const IpAddress& source) const;

  // Whether all that is or may come to be below directory `path` is allowed. May err towards false,
  // never towards true.
  bool AllowsAllBelow(absl::string_view permission, absl::string_view path, absl::Time now,
                      const IpAddress& source) const;

  // For auth/delegation.h.
  absl::Span<const GrantRule> rules() const { return rules_; }
  bool allows_everything() const { return allow_everything_; }

 private:
  const GrantRule* Decide(absl::string_view permission, absl::string_view path, absl::Time now,
                          const IpAddress& source) const;

  std::vector<GrantRule> rules_;  // most specific first
  bool allow_everything_;
};

}  // namespace keyturn
