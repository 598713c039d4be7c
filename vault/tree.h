// From paths to uuids and back into batches. Directories come into being with their first secret
// and stay; listings do not show the empty ones. Thread-safe (no state).
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "vault/path.h"
#include "vault/records.h"

namespace keyturn {

// Changes with every update that moves or removes a name, so that who has resolved a path can see
// in one read that the answer still holds. (Names that are added do not count.)
absl::StatusOr<uint64_t> ReadMoves(const View& view);
void CountMove(Batch& batch);

// The directory that these segments name; std::nullopt when one is missing.
absl::StatusOr<std::optional<Uuid>> FindDirectory(const KeyringSnapshot& keys, const View& view,
                                                  absl::Span<const std::string> segments);

struct Located {
  Uuid directory;
  Uuid secret;
};
// REQUIRES: !path.is_root().
absl::StatusOr<std::optional<Located>> FindSecret(const KeyringSnapshot& keys, const View& view,
                                                  const SecretPath& path);

// As FindSecret, with NOT_FOUND instead of std::nullopt.
absl::StatusOr<Located> NeedSecret(const KeyringSnapshot& keys, const View& view,
                                   const SecretPath& path);
absl::Status NoSecret(const SecretPath& path);

// Finds the directory, adding those that are missing to the batch.
absl::StatusOr<Uuid> MakeDirectories(const KeyringSnapshot& keys, const View& view,
                                     absl::Span<const std::string> segments, Batch& batch);

// All segments but the last.
absl::Span<const std::string> ParentSegments(const SecretPath& path);

}  // namespace keyturn
