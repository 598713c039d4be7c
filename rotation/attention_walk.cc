#include "rotation/attention_walk.h"

#include <vector>

#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/store_state.h"
#include "storage/schema.h"

namespace keyturn {

void AttentionWalk::Begin() {
  const absl::MutexLock lock(&mu_);
  begun_ = true;
  last_.reset();
}

absl::Status AttentionWalk::Go() {
  std::vector<schema::DueItem> some;
  {
    const absl::MutexLock lock(&mu_);
    if (!begun_) return absl::OkStatus();
    // With an hour for what is tried again in a day and was written this moment.
    const absl::Time until =
        context_.clock.Now() + absl::Seconds(limits::kRotationBlockedSeconds) + absl::Hours(1);
    some = timers_.DueAfter(last_, until, limits::kRotationItemsPerRun);
    begun_ = some.size() == limits::kRotationItemsPerRun;
    if (begun_) last_ = some.back();
  }
  for (const schema::DueItem& item : some) RETURN_IF_ERROR(LookAt(item.object));
  return absl::OkStatus();
}

absl::Status AttentionWalk::All(ProgressFn progress) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  const absl::Time now = context_.clock.Now();
  std::vector<Uuid> found;
  uint64_t looked_at = 0;
  absl::Status status;
  RETURN_IF_ERROR(snapshot->Scan(
      Family::kRecords, "", "", [&](absl::string_view key, absl::string_view sealed) {
        const std::optional<Uuid> secret = schema::ParseSecretMetadataKey(key);
        if (!secret.has_value()) return true;
        const absl::StatusOr<SecretMetadata> metadata = OpenMetadata(*keys, *secret, sealed);
        if (metadata.ok() && Attention::Concerns(*metadata, now)) found.push_back(*secret);
        if (++looked_at % limits::kProgressEveryRecords == 0) status = progress(looked_at, 0);
        return status.ok();
      }));
  RETURN_IF_ERROR(status);
  for (size_t i = 0; i < found.size(); ++i) {
    RETURN_IF_ERROR(LookAt(found[i]));
    if ((i + 1) % limits::kProgressEveryRecords == 0) {
      RETURN_IF_ERROR(progress(looked_at, looked_at));
    }
  }
  return absl::OkStatus();
}

// Others may work on the secret: what they see later must not be overwritten by what was read
// before.
absl::Status AttentionWalk::LookAt(const Uuid& secret) {
  constexpr int kTries = 3;
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const View& newest = context_.store.Newest();
  for (int i = 0; i < kTries; ++i) {
    // Metadata and run as of one moment.
    const absl::StatusOr<std::optional<RotatingSecret>> read =
        LoadRotating(*keys, *context_.store.GetSnapshot(), secret);
    if (absl::IsDataLoss(read.status())) return absl::OkStatus();  // whose turn it is tells of it
    RETURN_IF_ERROR(read.status());
    if (!read->has_value()) {
      attention_.Forget(secret);
      return absl::OkStatus();
    }
    attention_.Saw(**read, context_.clock.Now(), newest);
    ASSIGN_OR_RETURN(const bool still, IsStill(**read, newest));
    if (still) return absl::OkStatus();
  }
  return absl::OkStatus();  // they look at it themselves
}

}  // namespace keyturn
