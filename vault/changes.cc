#include "vault/changes.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/schema.h"
#include "vault/records.h"

namespace keyturn {
namespace {

constexpr absl::string_view kTrimmedKey = "changes/trimmed";

// At `directory`, below it, or (a directory event) above it.
bool Concerns(absl::string_view path, const SecretPath& watched) {
  if (watched.is_root() || path == watched.text()) return true;
  if (absl::StartsWith(path, absl::StrCat(watched.text(), "/"))) return true;
  return absl::EndsWith(path, "/") && absl::StartsWith(absl::StrCat(watched.text(), "/"), path);
}

v1::WatchResponse ToResponse(Revision revision, const record::v1::ChangeRecord& record) {
  v1::WatchResponse out;
  out.set_type(static_cast<v1::WatchResponse::Type>(record.type()));
  out.set_path(record.path());
  out.set_new_path(record.new_path());
  out.set_version(record.version());
  out.set_revision(revision.value());
  *out.mutable_time() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(record.time_ms());
  return out;
}

absl::StatusOr<Revision> TrimmedUpTo(const View& view) {
  ASSIGN_OR_RETURN(const std::optional<std::string> stored, view.Get(Family::kMeta, kTrimmedKey));
  if (!stored.has_value()) return Revision(0);
  return schema::ParseRevisionKey(*stored).value_or(Revision(0));
}

}  // namespace

absl::StatusOr<std::vector<v1::WatchResponse>> Changes::Since(const SecretPath& path,
                                                              Revision after, size_t limit,
                                                              Revision* reached) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  ASSIGN_OR_RETURN(const Revision trimmed, TrimmedUpTo(*snapshot));
  if (after < trimmed) {
    return absl::OutOfRangeError(absl::StrCat(
        "changes after revision ", after.value(), " are no longer kept (the oldest is ",
        trimmed.value() + 1, "); list again and watch from its revision"));
  }
  *reached = snapshot->revision();
  if (after >= *reached) return std::vector<v1::WatchResponse>();
  std::vector<v1::WatchResponse> out;
  size_t scanned = 0;
  absl::Status bad;
  RETURN_IF_ERROR(snapshot->Scan(
      Family::kChanges, schema::RevisionKey(Revision(after.value() + 1)), "",
      [&](absl::string_view key, absl::string_view sealed) {
        const std::optional<Revision> revision = schema::ParseRevisionKey(key);
        const absl::StatusOr<record::v1::ChangeRecord> record = OpenChange(*keys, key, sealed);
        if (!revision.has_value() || !record.ok()) {
          bad = absl::DataLossError("a change record does not open");
          return false;
        }
        if (Concerns(record->path(), path) ||
            (!record->new_path().empty() && Concerns(record->new_path(), path))) {
          out.push_back(ToResponse(*revision, *record));
        }
        if (out.size() < limit && ++scanned < limits::kChangesScanMax) return true;
        *reached = *revision;
        return false;
      }));
  RETURN_IF_ERROR(bad);
  return out;
}

std::shared_ptr<void> Changes::OnChange(std::function<void()> wake) {
  const absl::MutexLock lock(&wakers_->mu);
  wakers_->functions.push_front(std::move(wake));
  const auto at = wakers_->functions.begin();
  return std::shared_ptr<void>(nullptr, [wakers = wakers_, at](void*) {
    const absl::MutexLock lock(&wakers->mu);
    wakers->functions.erase(at);
  });
}

void Changes::Wake() {
  const absl::MutexLock lock(&wakers_->mu);
  for (const std::function<void()>& wake : wakers_->functions) wake();
}

absl::StatusOr<int> Changes::Trim(Updater& updater) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const int64_t oldest_ms =
      absl::ToUnixMillis(context_.clock.Now()) - limits::kChangesKeptSeconds * 1000;
  std::vector<std::string> old;
  size_t known = 0;  // of `old`: up to the newest whose age was read
  absl::Status failed;
  RETURN_IF_ERROR(context_.store.GetSnapshot()->Scan(
      Family::kChanges, "", "", [&](absl::string_view key, absl::string_view sealed) {
        const absl::StatusOr<record::v1::ChangeRecord> record = OpenChange(*keys, key, sealed);
        // A damaged one is as old as those around it.
        if (!record.ok() && !absl::IsDataLoss(record.status())) failed = record.status();
        if (!failed.ok() || (record.ok() && record->time_ms() >= oldest_ms)) return false;
        old.emplace_back(key);
        if (record.ok()) known = old.size();
        return old.size() < limits::kBatchKeysMax / 2;
      }));
  RETURN_IF_ERROR(failed);
  old.resize(known);
  if (old.empty()) return 0;
  RETURN_IF_ERROR(updater
                      .Update([&](const View&, Batch& batch) {
                        for (const std::string& key : old) batch.Delete(Family::kChanges, key);
                        batch.Put(Family::kMeta, kTrimmedKey, old.back());
                        return absl::OkStatus();
                      })
                      .status());
  return static_cast<int>(old.size());
}

}  // namespace keyturn
