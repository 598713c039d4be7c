#include "vault/due.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/at_target.h"
#include "vault/records.h"
#include "vault/rotation_rules.h"
#include "vault/version_data.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

// Of its data, to be destroyed.
bool IsDue(const VersionRecord& version, absl::Time now) {
  if (IsDestroyed(version)) return false;
  const int64_t now_ms = absl::ToUnixMillis(now);
  const bool purge = version.deleted_ms() != 0 && version.purge_ms() <= now_ms;
  return purge || IsExpired(version, now);
}

}  // namespace

// `now` is the moment at which the hint was found due: the clock may have been set back since.
absl::StatusOr<bool> DueQueue::Handle(Updater& updater, const schema::DueItem& item,
                                      absl::Time now) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const Uuid secret = item.object;
  const std::string key = schema::DueKey(secret, item.when, item.due_class);
  bool waits = false;
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) -> absl::Status {
                        waits = false;
                        ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata,
                                         ReadMetadata(*keys, view, secret));
                        size_t done = 0, retiring = 0;
                        bool later = false;
                        for (int i = 0; metadata.has_value() && i < metadata->versions_size();
                             ++i) {
                          VersionRecord& version = *metadata->mutable_versions(i);
                          if (!IsDue(version, now)) continue;
                          if (WorksAtTarget(*metadata, version)) {  // it is retired there first
                            waits = true;
                            if (!IsStillAtTarget(*metadata, version)) ++retiring;
                            RetireAtTarget(*metadata, now, &version);
                            continue;
                          }
                          if (++done > limits::kVersionsPerUpdateMax) {
                            later = true;
                            break;
                          }
                          const SecretVersion number(version.version());
                          DeleteVersionData(secret, number, batch);
                          MarkDestroyed(&version);
                        }
                        if (!waits) batch.Delete(Family::kDue, key);
                        if (later) {
                          batch.Put(Family::kDue,
                                    schema::DueKey(secret, now + absl::Seconds(1), kDuePurge), "");
                        }
                        if (done + retiring == 0) return absl::OkStatus();
                        LookAgain(secret, now, &*metadata, batch);
                        if (done > 0) {
                          batch.Note("purged_versions",
                                     absl::StrCat(std::min(done, limits::kVersionsPerUpdateMax)));
                        }
                        if (retiring > 0) {
                          batch.Note("retiring_versions", absl::StrCat(retiring));
                        }
                        return WriteMetadata(*keys, secret, now, &*metadata, batch);
                      })
                      .status());
  return waits;
}

absl::StatusOr<int> DueQueue::Run(Updater& updater, absl::Time* next) {
  int handled = 0;
  while (handled < limits::kDueItemsPerRun) {
    const absl::Time now = context_.clock.Now();
    const std::optional<schema::DueItem> item = timers_.First();
    // A hint is coarser than its record: a second later, what it hints at is due for certain.
    *next = item.has_value() ? item->when + absl::Seconds(1) : absl::InfiniteFuture();
    if (*next > now) return handled;
    const absl::StatusOr<bool> waits = Handle(updater, *item, now);
    ++handled;
    if (waits.ok() && *waits) {
      timers_.Postpone(*item, now + absl::Seconds(limits::kDaySeconds));
      continue;
    }
    if (absl::IsDataLoss(waits.status())) {
      // One damaged secret must not hold up all others. Its hint stays in the store, so that it is
      // tried again after the next unseal.
      LogError(
          "a due item was passed over: its secret does not open",
          {{"secret", item->object.ToString()}, {"error", std::string(waits.status().message())}});
    } else {
      RETURN_IF_ERROR(waits.status());
    }
    timers_.Remove(*item);
  }
  return handled;
}

}  // namespace keyturn
