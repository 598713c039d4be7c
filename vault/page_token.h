// Page tokens: a walk's position, sealed, so that callers can neither read names out of it that
// they may not see nor make one up. Bound to the request it belongs to. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "keyring/keyring_snapshot.h"
#include "vault/walker.h"

namespace keyturn {

// `binding` holds everything of the request that must be the same on the next page.
absl::StatusOr<std::string> EncodePageToken(const KeyringSnapshot& keys, absl::string_view binding,
                                            const WalkPosition& position);
// INVALID_ARGUMENT for a token of another request, vault or server. "" is the start.
absl::StatusOr<WalkPosition> DecodePageToken(const KeyringSnapshot& keys, absl::string_view binding,
                                             absl::string_view token);

// The page size that a request means: `asked` or the default. INVALID_ARGUMENT names the bounds.
absl::StatusOr<size_t> PageSize(int32_t asked);

}  // namespace keyturn
