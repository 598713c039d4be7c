// What is read of rotations: of one secret, of all below a directory, of its runs. As Rotation's
// methods. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/context.h"
#include "vault/vault.h"

namespace keyturn {

absl::StatusOr<v1::RotationStatus> ReadRotationStatus(const RotationContext& context,
                                                      const std::string& path);
absl::StatusOr<v1::ListRotationsResponse> ListRotations(const RotationContext& context,
                                                        const v1::ListRotationsRequest& request,
                                                        VisibleFn visible);
absl::StatusOr<v1::ListRotationRunsResponse> ListRotationRuns(
    const RotationContext& context, const v1::ListRotationRunsRequest& request);

}  // namespace keyturn
