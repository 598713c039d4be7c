// Who is calling. Made by Authenticator once per call (or taken from its cache), then asked by
// `Call` what it may do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "auth/grants.h"

namespace keyturn {

struct Identity {
  std::string principal;  // "spiffe://prod/ns/app/sa/api", "cert:<fingerprint>", "token:ci", "root"
  std::string auth_method;  // "certificate", "token", "root-token", "local"
  std::string role;         // "" unless a role matched
  std::string token_id;     // "" for certificates; safe to log
  std::vector<std::string> policies;
  absl::Time issue_time = absl::InfinitePast();  // of the token or certificate
  absl::Time expire_time = absl::InfiniteFuture();
  // Of the token that was shown: where it may be used from (empty: anywhere), and whether its uses
  // are counted.
  std::vector<std::string> bound_cidrs;
  bool limited_uses = false;
  // The grants of all policies as of one epoch, ready to ask. Never null.
  std::shared_ptr<const GrantSet> grants;
};

}  // namespace keyturn
