// The text of refresh tokens: "ktr." and in base64url the uuid of a family, a sequence number and a
// MAC over both under a key of the vault. So a text that this vault never gave is told at once, and
// one that it gave is known to be the n-th of its family, without one being stored. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"

namespace keyturn {

inline constexpr absl::string_view kRefreshPrefix = "ktr.";

struct RefreshParts {
  Uuid family;
  uint64_t sequence = 0;
  friend bool operator==(const RefreshParts&, const RefreshParts&) = default;
};

// RESOURCE_EXHAUSTED when the arena is full.
absl::StatusOr<SecretBytes> EncodeRefresh(const KeyringSnapshot& keys, const RefreshParts& parts);
// std::nullopt for any text that EncodeRefresh of this vault did not give.
std::optional<RefreshParts> DecodeRefresh(const KeyringSnapshot& keys, absl::string_view text);

}  // namespace keyturn
