// When a rotation that is due may start: room for one more version, the secrets that must be
// rotated before, the windows. Each answer is the moment to look again, in the past when nothing
// stands against it. Pure; thread-safe.
#pragma once

#include "absl/time/time.h"
#include "vault/records.h"

namespace keyturn {

// When one more version may work, when policy.max_live_versions do: the end of the first grace, or
// the next attempt to retire one at its target.
absl::Time RoomFrom(const SecretMetadata& metadata, absl::Time now);

// Whether a rotation of the secret with this state is under way, or about to be: who comes after it
// looks again in limits::kRotationOrderPollSeconds.
bool IsUnderWay(const record::v1::RotationState& its, absl::Time now);
// When who comes `offset_seconds` after that secret may start, as far as it alone says.
absl::Time OrderFrom(const record::v1::RotationState& its, int64_t offset_seconds, absl::Time now);
// Beyond that, nobody is waited for.
absl::Time LastOrderWait(const record::v1::RotationState& rotation);

// The next opening, when the windows are closed and the policy does not start outside of them yet:
// what was held or late comes when it comes.
absl::Time WindowFrom(const record::v1::RotationState& rotation, absl::Time now);

}  // namespace keyturn
