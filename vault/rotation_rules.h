// What a rotation policy means for the versions of a secret: pure rules that writes (which replace
// the current version) and the rotation engine share. A secret without a policy keeps its old
// versions readable by number; with one they go through GRACE to RETIRED. Thread-safe (no state).
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "keyturn/v1/rotation.pb.h"
#include "keyturn/v1/types.pb.h"
#include "vault/records.h"

namespace keyturn {

// A policy's durations with their defaults filled in.
absl::Duration PeriodOf(const v1::RotationPolicy& policy);
absl::Duration GraceOf(const v1::RotationPolicy& policy);
absl::Duration DestroyAfterOf(const v1::RotationPolicy& policy);
// Zero: no bound.
absl::Duration MaxCredentialAgeOf(const v1::RotationPolicy& policy);
absl::Duration JitterMaxOf(const v1::RotationPolicy& policy);

// Every kind but generic rotates from its creation on.
constexpr bool RotatesByDefault(v1::Kind kind) { return kind != v1::KIND_GENERIC; }

// When a version has come of the policy's greatest age; far ahead without one.
absl::Time LatestEnd(const v1::RotationPolicy& policy, const VersionRecord& version);

bool IsState(const VersionRecord& version, v1::VersionState state);
// It works, or is about to: pending, staged, current, in grace, being retired. Not pruned.
bool IsLive(const VersionRecord& version);

// The target at which the value of `version` works, and is to be retired: the one that it
// remembers, else the policy's. "": none, as for a key that signs.
const std::string& TargetOf(const SecretMetadata& metadata, const VersionRecord& version);
// The policy is another one from now on. Versions that work remember the former one's target; if it
// had none, the current one has come from the new one's.
void ReplacePolicy(const v1::RotationPolicy& policy, SecretMetadata* metadata);
// The version is still to be retired at its target: in its grace, or being retired. Until then its
// value must not be lost.
bool IsStillAtTarget(const SecretMetadata& metadata, const VersionRecord& version);

// What its target said so far of the version's end is over: a next call begins anew.
void ForgetEnding(VersionRecord* version);

// No scheduled start before `until`.
void HoldUntil(absl::Time until, SecretMetadata* metadata);
// No scheduled start for a day, nor before one that is held already. Starts that were to come
// anyway at `planned` are not held beyond it.
void HoldStarts(SecretMetadata* metadata, absl::Time now,
                absl::Time planned = absl::InfiniteFuture());

// `version`, one of the metadata's, is the current one from `now` on. With a policy the former one
// goes into its grace, or is RETIRING at once if it may be known to others (compromised, or in an
// emergency) or the policy has no grace; and the next rotation is to be planned: due is 0, and the
// engine is to look at once. Without a policy it is PREVIOUS. A version that was current before is
// as old as it was then.
void BecomeCurrent(SecretMetadata* metadata, VersionRecord* version, absl::Time now);

// The secret rotates from `now` on, by its first policy. Versions that could be read by number end
// as others do, a grace from now; they do not count among those that work at once. The current one
// is as old as it is; nothing starts by the schedule for limits::kRotationHoldSecondsDefault.
void BeginRotating(absl::Time now, const v1::RotationPolicy& policy, SecretMetadata* metadata);

// How long the data of `version` works for certain, even if it is rotated at `now`; zero without a
// policy, and for a version that does not work any more.
absl::Duration GuaranteedFor(const SecretMetadata& metadata, const VersionRecord& version,
                             absl::Time now);

// The hint by which the engine finds the secret at `next_ms`: of the next whole second, when it is
// due for certain.
std::string RotationHint(const Uuid& secret, int64_t next_ms);
// The one of rotation.next_ms, if that is set; with the metadata's write. Deletes that of
// `former_next_ms`, unless it is 0.
void MoveRotationHint(const Uuid& secret, int64_t former_next_ms, const SecretMetadata& metadata,
                      Batch& batch);
// The engine is to look at once: what it waits for may have changed. With the metadata's write.
void LookAgain(const Uuid& secret, absl::Time now, SecretMetadata* metadata, Batch& batch);

}  // namespace keyturn
