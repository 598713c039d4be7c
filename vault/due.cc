#include "vault/due.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/records.h"
#include "vault/versions.h"

namespace keyturn {
namespace {

bool IsDue(const VersionRecord& version, absl::Time now) {
  if (IsDestroyed(version)) return false;
  const int64_t now_ms = absl::ToUnixMillis(now);
  const bool purge = version.deleted_ms() != 0 && version.purge_ms() <= now_ms;
  return purge || IsExpired(version, now);
}

}  // namespace

absl::Status DueQueue::Load() {
  std::set<std::pair<absl::Time, std::string>> items;
  RETURN_IF_ERROR(context_.store.GetSnapshot()->Scan(
      Family::kDue, "", "", [&](absl::string_view key, absl::string_view) {
        const std::optional<schema::DueItem> item = schema::ParseDueKey(key);
        if (item.has_value()) items.emplace(item->when, std::string(key));
        return true;
      }));
  const absl::MutexLock lock(&mu_);
  // Changes that were committed during the scan are in the queue already.
  items_.merge(items);
  return absl::OkStatus();
}

void DueQueue::Clear() {
  const absl::MutexLock lock(&mu_);
  items_.clear();
}

void DueQueue::OnCommitted(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      if (operation.family != Family::kDue) continue;
      const std::optional<schema::DueItem> item = schema::ParseDueKey(operation.key);
      if (!item.has_value()) continue;
      if (operation.is_delete) {
        items_.erase({item->when, operation.key});
      } else {
        items_.emplace(item->when, operation.key);
      }
    }
  }
}

// `now` is the moment at which the hint was found due: the clock may have been set back since.
absl::Status DueQueue::Handle(Updater& updater, const std::string& key, absl::Time now) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const Uuid secret = schema::ParseDueKey(key)->object;
  return updater
      .Update([&](const View& view, Batch& batch) -> absl::Status {
        batch.Delete(Family::kDue, key);
        ASSIGN_OR_RETURN(std::optional<SecretMetadata> metadata, ReadMetadata(*keys, view, secret));
        if (!metadata.has_value()) return absl::OkStatus();
        size_t done = 0;
        bool later = false;
        for (VersionRecord& version : *metadata->mutable_versions()) {
          if (!IsDue(version, now)) continue;
          if (++done > limits::kVersionsPerUpdateMax) {
            later = true;
            break;
          }
          const SecretVersion number(version.version());
          batch.Delete(Family::kRecords, schema::PayloadKey(secret, number));
          batch.Delete(Family::kDeks, schema::DekKey(secret, number));
          MarkDestroyed(&version);
        }
        if (later) {
          batch.Put(Family::kDue, schema::DueKey(secret, now + absl::Seconds(1), kDuePurge), "");
        }
        if (done == 0) return absl::OkStatus();
        batch.Note("purged_versions", absl::StrCat(std::min(done, limits::kVersionsPerUpdateMax)));
        return WriteMetadata(*keys, secret, now, &*metadata, batch);
      })
      .status();
}

absl::StatusOr<int> DueQueue::Run(Updater& updater, absl::Time* next) {
  int handled = 0;
  while (handled < limits::kDueItemsPerRun) {
    std::string key;
    const absl::Time now = context_.clock.Now();
    {
      const absl::MutexLock lock(&mu_);
      // A hint is coarser than its record: a second later, what it hints at is due for certain.
      *next = items_.empty() ? absl::InfiniteFuture() : items_.begin()->first + absl::Seconds(1);
      if (items_.empty() || *next > now) return handled;
      key = items_.begin()->second;
    }
    if (const absl::Status status = Handle(updater, key, now); absl::IsDataLoss(status)) {
      // One damaged secret must not hold up all others. Its hint stays in the store, so that it is
      // tried again after the next unseal.
      LogError("a due item was passed over: its secret does not open",
               {{"secret", schema::ParseDueKey(key)->object.ToString()},
                {"error", std::string(status.message())}});
    } else {
      RETURN_IF_ERROR(status);
    }
    {
      const absl::MutexLock lock(&mu_);
      items_.erase({schema::ParseDueKey(key)->when, key});
    }
    ++handled;
  }
  return handled;
}

}  // namespace keyturn
