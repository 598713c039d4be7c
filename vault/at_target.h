// Versions whose values work where the server has set them, or where they came from: what ends here
// has to be retired there first, by the rotation engine, which needs the value for that.
// Thread-safe (no state).
#pragma once

#include "absl/time/time.h"
#include "vault/records.h"

namespace keyturn {

// The version works at its target, or may: it is still to be retired there (IsStillAtTarget), or is
// the current one, or about to be. False without a rotation policy: nobody would retire it.
bool WorksAtTarget(const SecretMetadata& metadata, const VersionRecord& version);

// A version that is not to be used any more is to be retired at its target at once; what it
// replaces, or is replaced by, stays as it is. One in its grace ends when it would have. With
// LookAgain. REQUIRES: WorksAtTarget(metadata, *version).
void RetireAtTarget(const SecretMetadata& metadata, absl::Time now, VersionRecord* version);

}  // namespace keyturn
