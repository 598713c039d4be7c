// The targets in the configuration file: [[rotation.targets]], a table each. Thread-safe (no
// state).
#pragma once

#include <toml++/toml.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "rotation/target/target_spec.h"

namespace keyturn {

// INVALID_ARGUMENT names the target and the member, and what is allowed.
absl::Status ParseTargets(const std::string& key, const toml::node& node,
                          std::vector<TargetSpec>* out);

}  // namespace keyturn
