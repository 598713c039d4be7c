#include "vault/due_sweep.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/records.h"
#include "vault/rotation_rules.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

std::set<std::string> HintsOf(const Uuid& secret, const SecretMetadata& metadata) {
  std::set<std::string> hints;
  for (const VersionRecord& version : metadata.versions()) {
    if (IsDestroyed(version)) continue;
    if (version.expire_ms() != 0) {
      hints.insert(schema::DueKey(secret, absl::FromUnixMillis(version.expire_ms()), kDueExpire));
    }
    if (version.deleted_ms() != 0) {
      hints.insert(schema::DueKey(secret, absl::FromUnixMillis(version.purge_ms()), kDuePurge));
    }
  }
  if (metadata.rotation().next_ms() != 0) {
    hints.insert(RotationHint(secret, metadata.rotation().next_ms()));
  }
  return hints;
}

absl::Status AddMissing(const KeyringSnapshot& keys, const Snapshot& snapshot, const Uuid& secret,
                        absl::string_view sealed, std::vector<std::string>* missing) {
  const absl::StatusOr<SecretMetadata> metadata = OpenMetadata(keys, secret, sealed);
  if (!metadata.ok()) return absl::OkStatus();
  for (const std::string& hint : HintsOf(secret, *metadata)) {
    ASSIGN_OR_RETURN(const std::optional<std::string> there, snapshot.Get(Family::kDue, hint));
    if (!there.has_value()) missing->push_back(hint);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> SweepDue(const VaultContext& context, Updater& updater, ProgressFn progress) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context.store.GetSnapshot();
  std::vector<std::string> missing;
  uint64_t looked_at = 0;
  absl::Status status;
  RETURN_IF_ERROR(
      snapshot->Scan(Family::kRecords, "", "", [&](absl::string_view key, absl::string_view value) {
        const std::optional<Uuid> secret = schema::ParseSecretMetadataKey(key);
        if (!secret.has_value()) return true;
        status = AddMissing(*keys, *snapshot, *secret, value, &missing);
        if (status.ok() && ++looked_at % limits::kProgressEveryRecords == 0) {
          status = progress(looked_at, 0);
        }
        return status.ok();
      }));
  RETURN_IF_ERROR(status);
  for (size_t begin = 0; begin < missing.size(); begin += limits::kDueItemsPerRun) {
    const size_t end =
        std::min(missing.size(), begin + static_cast<size_t>(limits::kDueItemsPerRun));
    RETURN_IF_ERROR(updater
                        .Update([&](const View&, Batch& batch) {
                          for (size_t i = begin; i < end; ++i) {
                            batch.Put(Family::kDue, missing[i], "");
                          }
                          batch.Note("due_hints", absl::StrCat(end - begin));
                          return absl::OkStatus();
                        })
                        .status());
  }
  return static_cast<int>(missing.size());
}

}  // namespace keyturn
