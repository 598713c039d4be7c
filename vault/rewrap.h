// After a rotation of the KEK: brings everything that is sealed under an older one to the active
// one, a few records with each update, in the order of the keys of each family. How far it has come
// is in the store with each step, so a restart goes on where it was. A record that changes
// meanwhile is left as it was changed. Records of other rooms are told by their header alone.
// Thread-safe (no state), but for one pass at a time.
#pragma once

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "keyturn/record/v1/vault.pb.h"
#include "vault/context.h"

namespace keyturn {

// Of the last pass, or the one under way; empty when there was none or its record is bad.
absl::StatusOr<record::v1::RewrapState> ReadRewrapState(const VaultContext& context);

// Goes on with the pass to the active KEK's term, or begins it; returns once it is finished.
// `progress` is called after each few records with those looked at. DEKs of terms that are
// compromised (KeyringSnapshot::compromised_below) are replaced, and their data encrypted again.
// Records that do not open are counted and passed over; a file that does not read ends the pass.
// ABORTED when the KEK was rotated meanwhile;
// RESOURCE_EXHAUSTED when the arena is full: both can be tried again.
absl::StatusOr<record::v1::RewrapState> Rewrap(const VaultContext& context, Updater& updater,
                                               ProgressFn progress);

// Records that are not under the KEK of `term`.
absl::StatusOr<uint64_t> CountOutside(const VaultContext& context, KekTerm term,
                                      ProgressFn progress);

}  // namespace keyturn
