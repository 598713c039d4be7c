// What callers are shown of a secret's rotation. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/store_state.h"

namespace keyturn {

// The policy with its defaults filled in.
v1::RotationPolicy EffectivePolicy(const v1::RotationPolicy& policy, v1::Kind kind);

// With all versions, or with those alone that their target could not be told the end of, and the
// current one if it cannot be read.
v1::RotationStatus StatusOf(const std::string& path, const SecretMetadata& metadata,
                            const std::optional<v1::RotationRun>& run, absl::Time now,
                            bool all_versions);

// Who uses the versions, and who of these lags on one in grace.
void AddConsumers(std::vector<v1::Consumer> consumers, v1::RotationStatus* status);

// A run that has waited for a value which was put: it is closed in a moment, and nobody is to put
// one once more meanwhile.
bool IsFulfilled(const SecretMetadata& metadata, const v1::RotationRun& run);

// Current, in grace and being retired; not those from before there was a policy.
int LiveVersions(const SecretMetadata& metadata);
// Of the policy, with its default.
int MaxLiveVersions(const v1::RotationPolicy& policy);

}  // namespace keyturn
