// What may be stored: checks of policies, roles and password policies, and grants compiled from a
// policy. INVALID_ARGUMENT names the field and the allowed form. Thread-safe.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "auth/grants.h"
#include "keyturn/v1/policy_service.pb.h"

namespace keyturn {

// FAILED_PRECONDITION for the reserved name "root".
absl::Status ValidatePolicy(const v1::Policy& policy);
absl::Status ValidateRole(const v1::Role& role);
absl::Status ValidatePasswordPolicy(const v1::PasswordPolicy& policy);

// REQUIRES: ValidatePolicy(policy).
void AppendRules(const v1::Policy& policy, std::vector<GrantRule>* rules);

}  // namespace keyturn
