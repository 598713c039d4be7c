#include "rotation/held_grace.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rotation/store_state.h"
#include "vault/directories.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

bool IsHeld(const VersionRecord& version) {
  return version.held() && IsState(version, v1::VERSION_STATE_GRACE);
}

// Whether it was still held.
absl::StatusOr<bool> Release(const RotationContext& context, const KeyringSnapshot& keys,
                             const Uuid& id, const std::string& path, uint64_t number) {
  const absl::Status released =
      context
          .update("rotation_grace_released", path,
                  [&](const View& view, Batch& batch) -> absl::Status {
                    ASSIGN_OR_RETURN(std::optional<RotatingSecret> secret,
                                     LoadRotating(keys, view, id));
                    if (!secret.has_value()) return Moved();
                    VersionRecord* const version = FindVersion(&secret->metadata, number);
                    if (version == nullptr || !IsHeld(*version)) return Moved();
                    ASSIGN_OR_RETURN(const std::string here, PathOf(keys, view, secret->metadata));
                    if (here != path) return Moved();
                    const absl::Time now = context.clock.Now();
                    version->set_grace_end_ms(
                        std::min(version->grace_end_ms(), absl::ToUnixMillis(now)));
                    version->set_held(false);
                    batch.Note("version", absl::StrCat(number));
                    return SaveRotating(keys, view, now, &*secret, nullptr, batch);
                  })
          .status();
  if (IsMoved(released)) return false;
  RETURN_IF_ERROR(released);
  return true;
}

}  // namespace

absl::StatusOr<int> ReleaseHeld(const RotationContext& context, const Uuid& secret) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const View& view = context.store.Newest();
  ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata, ReadMetadata(*keys, view, secret));
  int released = 0;
  if (!metadata.has_value() || !metadata->has_rotation()) return released;
  for (const VersionRecord& version : metadata->versions()) {
    if (!IsHeld(version)) continue;
    if (!context.users(secret, SecretVersion(version.version())).empty()) continue;
    ASSIGN_OR_RETURN(const std::string path, PathOf(*keys, view, *metadata));
    ASSIGN_OR_RETURN(const bool was_held, Release(context, *keys, secret, path, version.version()));
    released += was_held ? 1 : 0;
  }
  return released;
}

}  // namespace keyturn
