// A target as the server's configuration declares it: a program, or a URL. A policy only names it,
// so that who may set policies can neither run programs nor reach addresses from the server. Plain
// data; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/limits.h"

namespace keyturn {

struct TargetSpec {
  std::string name;
  // Patterns (auth/grants.h) of the secrets whose policies may name it; at least one.
  std::vector<std::string> paths;
  absl::Duration timeout = absl::Seconds(limits::kTargetSecondsDefault);  // of one call

  // A program's absolute path and its arguments; empty: it is a URL.
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value", beside PATH

  std::string url;               // https
  std::string signing_key_file;  // "whsec_" and base64 (Standard Webhooks)
  std::string ca_file;           // PEM; "": those of the system
  // CIDR blocks that may be connected to although they are not public.
  std::vector<std::string> allow_addresses;
};

// What is wrong with a declaration, as far as it alone says: INVALID_ARGUMENT names the member and
// what is allowed.
absl::Status CheckTargetSpec(const TargetSpec& spec);

}  // namespace keyturn
