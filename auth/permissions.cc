#include "auth/permissions.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/nearest.h"

namespace keyturn {

absl::Span<const std::string> Permissions() {
  static const auto* const all = new std::vector<std::string>{
      "admin:audit",    "admin:certificate", "admin:keys",       "admin:password-policy",
      "admin:policy",   "admin:revocation",  "admin:role",       "admin:seal",
      "admin:token",    "admin:verify",      "admin:webhook",    "apikey:list",
      "apikey:verify",  "apikey:write",      "jwt:publish",      "jwt:sign",
      "jwt:verify",     "revocation:check",  "revocation:write", "secret:delete",
      "secret:destroy", "secret:list",       "secret:read",      "secret:rotate",
      "secret:write"};
  return *all;
}

absl::Status ValidatePermission(absl::string_view permission) {
  const absl::Span<const std::string> all = Permissions();
  const bool whole_domain = absl::EndsWith(permission, ":*");
  const absl::string_view prefix = permission.substr(0, permission.size() - 1);
  const bool known = std::any_of(all.begin(), all.end(), [&](const std::string& one) {
    return whole_domain ? absl::StartsWith(one, prefix) : one == permission;
  });
  if (known) return absl::OkStatus();
  permission = permission.substr(0, limits::kNameBytesMax);
  return absl::InvalidArgumentError(
      absl::StrCat("there is no permission '", permission, "'; did you mean ",
                   Nearest(permission, all), "? There are ", absl::StrJoin(all, ", "),
                   "; and admin:*, apikey:*, jwt:*, revocation:* and secret:*"));
}

bool IsOfPaths(absl::string_view permission) {
  return !absl::StartsWith(permission, "admin:") && !absl::StartsWith(permission, "revocation:");
}

}  // namespace keyturn
