// What each step of a rotation does to the metadata, the run and the batch. Pure but for the batch;
// whoever calls has checked that the step is the one to be taken. Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "keyturn/v1/rotation.pb.h"
#include "rotation/driver.h"
#include "rotation/store_state.h"
#include "rotation/values.h"

namespace keyturn {

// The prepared version is one of the secret's. ABORTED (reason MOVED) when the secret has another
// newest version by now.
absl::Status AddPrepared(const PreparedVersion& prepared, absl::Time now, RotatingSecret* secret,
                         Batch& batch);
// And the pending one of `run`.
absl::Status AddPending(const PreparedVersion& prepared, absl::Time now, RotatingSecret* secret,
                        v1::RotationRun* run, Batch& batch);

// What the run has made, if it is pending, will never be used. Where its target may have taken it,
// it is retired there as a former version is; its data stays as long as that one's. The next key
// stays that, and one in its grace as it is.
void Abandon(RotatingSecret* secret, const v1::RotationRun& run, absl::Time now);

// The policy is about to name the target `next`. What a run may have set at the one before, if that
// is another, is retired there, and it makes another value; what is set for certain goes on there.
void LeaveTarget(absl::string_view next, RotatingSecret* secret, absl::Time now);

// The version is retired, and its data to be destroyed: after the policy's time, at once if it may
// be known to others.
void MarkRetired(RotatingSecret* secret, uint64_t version, absl::Time now);

void DestroyData(RotatingSecret* secret, uint64_t version, Batch& batch);

// Takes a failed attempt into the run: when it is tried again, or that it needs a person. `share`
// is WaitAfter's. REQUIRES: !status.ok().
void TakeFailure(const absl::Status& status, double share, absl::Time now, v1::RotationRun* run);

// The step went well: what it failed by before is over.
void ClearFailures(v1::RotationRun* run);

// What blocks the run, if it is blocked, may be mended: it goes on at once.
void TryBlockedNow(std::optional<v1::RotationRun>* run);

// The run goes on at `when`, and is in `state` until then.
void AwaitUntil(absl::Time when, v1::RotationRun::State state, v1::RotationRun* run);

// The owner is asked for a value, and again in a day.
void AwaitValue(absl::Time now, v1::RotationRun* run);

// `version`, which is in its grace, is the current one again, as old as it is; what is held stays
// held. In an emergency the one it replaces may be known to others.
void GoBackTo(SecretMetadata* metadata, VersionRecord* version, absl::Time now);

// Of the versions in grace the one that ends first, nullptr: there is none. `counted`: of those
// that max_live_versions bounds.
VersionRecord* FirstToEnd(SecretMetadata* metadata, bool counted = false);

// A version in grace is to be retired at once.
void EndGraceNow(VersionRecord* version, absl::Time now);

// A start that is due is looked at again at `until`; for room, when a version ends as well.
enum class WaitsFor { kRoom, kOther };
void WaitUntil(absl::Time until, WaitsFor what, SecretMetadata* metadata);

// When the schedule is to start a rotation by the policy that the secret has, before it gets
// `policy`. InfiniteFuture: that is not planned, or waits for something that `policy` does not.
absl::Time PlannedStart(const SecretMetadata& metadata, const v1::RotationPolicy& policy);

// What is kept and shown of a failure: cut to limits::kRotationErrorBytesMax, in UTF-8.
std::string ShownError(const absl::Status& status);

// How long to wait after so many failures in a row, from 1: `share`, in [0, 1), of the longest
// wait, but as long as who failed asks for (RetryAfterOf).
absl::Duration WaitAfter(const absl::Status& failure, uint32_t failures, double share);

}  // namespace keyturn
