// A rotation policy as flags, for what sets one and what tries one. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/commands/command.h"
#include "keyturn/v1/rotation.pb.h"
#include "keyturn/v1/rotation_service.pb.h"

namespace keyturn::cli {

struct RotationPolicyFlags {
  std::string path, file, period, grace, mode, max_age, jitter, gate, destroy_after, source, field,
      target;
  std::vector<std::string> windows, after;
  uint32_t live = 0;
  bool soft = false, strict = false;
};

// All but the path and --file. `flags` outlives the command.
void AddRotationPolicyFlags(Command command, RotationPolicyFlags* flags);

// What was given changes the policy; lists take the place of those it has, and `none` takes away
// what it has. Usage errors name the flag.
absl::Status ApplyRotationPolicyFlags(const RotationPolicyFlags& flags, v1::RotationPolicy* policy);

// What `none` takes away and a policy of changes alone cannot say: there it is as if nothing was
// given.
std::vector<v1::ForecastRequest::Cleared> ClearedByRotationPolicyFlags(
    const RotationPolicyFlags& flags);

}  // namespace keyturn::cli
