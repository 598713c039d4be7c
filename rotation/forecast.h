// What will happen by the policies: the engine's own rules (next_action.h, due_time.h,
// start_time.h) run ahead over copies of the metadata, on a clock of their own. Nothing is written.
//
// It is what the engine does to the second if nothing else happens: nobody changes, puts or asks
// for anything (but the values that owners are asked for), every attempt succeeds, nobody uses a
// former version, and the server runs all the time by a clock that is believed. Thread-safe (no
// state).
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "keyturn/v1/rotation_service.pb.h"
#include "rotation/context.h"
#include "rotation/end_notice.h"
#include "vault/vault.h"

namespace keyturn {

// Whether a secret may have a policy, as Operations::CheckPolicy.
using CheckPolicyFn =
    absl::FunctionRef<absl::Status(const v1::SetRotationPolicyRequest&, const SecretMetadata&)>;

// As RotationService.Forecast says, but for clock_trusted, of a server that is `up` by now. An
// answer ends early, with a page token, after limits::kForecastPageEventsMax events or
// kForecastMillisMax of work.
absl::StatusOr<v1::ForecastResponse> ForecastRotations(const RotationContext& context,
                                                       const v1::ForecastRequest& request,
                                                       const UpTime& up, VisibleFn visible,
                                                       CheckPolicyFn check);

}  // namespace keyturn
