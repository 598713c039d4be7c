// Rules as the tests of grants write them.
#pragma once

#include <string>

#include "auth/grants.h"

namespace keyturn {

inline GrantRule Allow(const std::string& permission, const std::string& pattern) {
  return {.permissions = {permission}, .pattern = pattern, .bound_cidrs = {}, .policy = "p"};
}

inline GrantRule Deny(const std::string& permission, const std::string& pattern) {
  GrantRule rule = Allow(permission, pattern);
  rule.deny = true;
  return rule;
}

}  // namespace keyturn
