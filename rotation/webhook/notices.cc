#include "rotation/webhook/notices.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/policy.h"
#include "rotation/store_state.h"
#include "rotation/webhook/events.h"
#include "rotation/webhook/outbox.h"
#include "rotation/webhook/records.h"
#include "storage/schema.h"
#include "vault/directories.h"

namespace keyturn {
namespace {

using Kind = Notice::Kind;

void NoteOf(const Notice& notice, const SecretMetadata& metadata, Batch& batch) {
  const std::string of = NoticeTime(notice.of);
  batch.Note("version", absl::StrCat(notice.version));
  switch (notice.kind) {
    case Kind::kDue:
      batch.Note("due", of);
      if (!MakesValues(metadata)) batch.Note("needs_value", "true");
      return;
    case Kind::kGraceEnding:
      batch.Note("grace_end", of);
      return;
    case Kind::kOverdue:
      batch.Note("deadline", of);
      if (notice.critical) batch.Note("critical", "true");
      return;
  }
}

}  // namespace

void WebhookNotices::OnUnsealed() {
  const absl::MutexLock going(&go_mu_);
  End();
  progress_.OnUnsealed();
}

void WebhookNotices::OnSealed() {
  const absl::MutexLock going(&go_mu_);
  End();
}

void WebhookNotices::OnCommitted(absl::Span<const CommittedUpdate> group) {
  const absl::MutexLock lock(&mu_);
  if (!listens_) return;
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      const std::optional<Uuid> secret = schema::SecretOf(operation);
      if (secret.has_value()) changed_.insert(*secret);
    }
  }
}

absl::Status WebhookNotices::Go() {
  const absl::string_view events[] = {EventOf(Kind::kDue), EventOf(Kind::kGraceEnding),
                                      EventOf(Kind::kOverdue)};
  const absl::MutexLock going(&go_mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const bool goes, progress_.Look(*keys, events));
  if (!goes) {
    if (!progress_.begun()) End();
    return absl::OkStatus();
  }
  if (!walking_ && !walked_) Begin();
  RETURN_IF_ERROR(TakeChanged(*keys));
  if (!walked_) RETURN_IF_ERROR(WalkOn(*keys));
  return walked_ ? TellDue(*keys) : absl::OkStatus();
}

// What is committed from here on is known.
void WebhookNotices::Begin() {
  walking_ = true;
  const absl::MutexLock lock(&mu_);
  listens_ = true;
}

void WebhookNotices::End() {
  progress_.End();
  walking_ = walked_ = false;
  walk_from_.clear();
  next_.clear();
  by_time_.clear();
  const absl::MutexLock lock(&mu_);
  listens_ = false;
  changed_.clear();
}

absl::Status WebhookNotices::WalkOn(const KeyringSnapshot& keys) {
  size_t seen = 0;
  bool ended = true;
  std::string last;
  RETURN_IF_ERROR(context_.store.GetSnapshot()->Scan(
      Family::kRecords, walk_from_, "", [&](absl::string_view key, absl::string_view sealed) {
        if (++seen > limits::kNoticeRecordsPerRun) {
          last = std::string(key);
          ended = false;
          return false;
        }
        const std::optional<Uuid> secret = schema::ParseSecretMetadataKey(key);
        if (!secret.has_value()) return true;
        const absl::StatusOr<SecretMetadata> metadata = OpenMetadata(keys, *secret, sealed);
        if (metadata.ok()) Keep(*secret, *metadata);
        return true;
      }));
  walk_from_ = std::move(last);
  walked_ = ended;
  walking_ = !ended;
  return absl::OkStatus();
}

absl::Status WebhookNotices::TakeChanged(const KeyringSnapshot& keys) {
  absl::flat_hash_set<Uuid> changed;
  {
    const absl::MutexLock lock(&mu_);
    changed.swap(changed_);
  }
  for (auto it = changed.begin(); it != changed.end(); ++it) {
    const absl::Status looked = LookAt(keys, *it);
    if (looked.ok()) continue;
    const absl::MutexLock lock(&mu_);  // with the next call
    changed_.insert(it, changed.end());
    return looked;
  }
  return absl::OkStatus();
}

absl::Status WebhookNotices::LookAt(const KeyringSnapshot& keys, const Uuid& secret) {
  const absl::StatusOr<std::optional<SecretMetadata>> metadata =
      ReadMetadata(keys, context_.store.Newest(), secret);
  // Of one that does not open, whose turn it is tells.
  if (!metadata.ok() && !absl::IsDataLoss(metadata.status())) return metadata.status();
  if (metadata.ok() && metadata->has_value()) {
    Keep(secret, **metadata);
  } else {
    Forget(secret);
  }
  return absl::OkStatus();
}

void WebhookNotices::Keep(const Uuid& secret, const SecretMetadata& metadata) {
  Forget(secret);
  for (const Notice& notice : NoticesOf(metadata, context_.clock.Now())) {
    const NoticePlace place(absl::ToUnixMillis(notice.when), secret);
    if (place <= progress_.told()) continue;
    next_[secret] = place.first;
    by_time_.insert(place);
    return;
  }
}

void WebhookNotices::Forget(const Uuid& secret) {
  const auto found = next_.find(secret);
  if (found == next_.end()) return;
  by_time_.erase({found->second, secret});
  next_.erase(found);
}

absl::Status WebhookNotices::TellDue(const KeyringSnapshot& keys) {
  const absl::Time now = context_.clock.Now();
  for (size_t i = 0; i < limits::kRotationItemsPerRun; ++i) {
    if (by_time_.empty() || by_time_.begin()->first > absl::ToUnixMillis(now)) {
      return progress_.AllTold(keys, now);
    }
    const NoticePlace place = *by_time_.begin();  // which moves on in this
    RETURN_IF_ERROR(TellOf(keys, place, now));
  }
  return absl::OkStatus();
}

absl::Status WebhookNotices::TellOf(const KeyringSnapshot& keys, const NoticePlace& place,
                                    absl::Time now) {
  const View& view = context_.store.Newest();
  const absl::StatusOr<std::optional<SecretMetadata>> metadata =
      ReadMetadata(keys, view, place.second);
  if (!metadata.ok() && !absl::IsDataLoss(metadata.status())) return metadata.status();
  std::vector<Notice> notices;
  absl::StatusOr<std::string> path = std::string();
  if (metadata.ok() && metadata->has_value()) {
    notices = NoticesAt(NoticesOf(**metadata, now), absl::FromUnixMillis(place.first), now);
    path = PathOf(keys, view, **metadata);
    if (absl::IsUnavailable(path.status())) return path.status();
  }
  for (size_t i = 0; i < notices.size() && path.ok(); ++i) {
    // A death between two of one moment tells the first one twice.
    const absl::Status told = Tell(keys, i + 1 == notices.size() ? place : progress_.told(), *path,
                                   place.second, notices[i]);
    if (IsMoved(told)) return LookAt(keys, place.second);
    RETURN_IF_ERROR(told);
  }
  progress_.SetTold(place);
  return LookAt(keys, place.second);
}

absl::Status WebhookNotices::Tell(const KeyringSnapshot& keys, const NoticePlace& told,
                                  const std::string& path, const Uuid& secret,
                                  const Notice& notice) const {
  ASSIGN_OR_RETURN(const Webhooks webhooks, ReadWebhooks(keys, context_.store.Newest()));
  const absl::string_view event = EventOf(notice.kind);
  if (!AnyWants(webhooks, WebhookTypeOf(event), path)) return absl::OkStatus();
  std::vector<std::string> users;
  if (notice.kind == Kind::kGraceEnding && context_.users != nullptr) {
    users = context_.users(secret, SecretVersion(notice.version));
  }
  const auto write = [&](const View& view, Batch& batch) -> absl::Status {
    const absl::Time now = context_.clock.Now();
    ASSIGN_OR_RETURN(const std::optional<SecretMetadata> metadata,
                     ReadMetadata(keys, view, secret));
    if (!metadata.has_value()) return Moved();
    const std::vector<Notice> still = NoticesAt(NoticesOf(*metadata, now), notice.when, now);
    if (std::find(still.begin(), still.end(), notice) == still.end()) return Moved();
    ASSIGN_OR_RETURN(const std::string here, PathOf(keys, view, *metadata));
    if (here != path) return Moved();
    NoteOf(notice, *metadata, batch);
    if (!users.empty()) batch.Note("still_used_by", absl::StrJoin(users, ","));
    RETURN_IF_ERROR(WriteNews({event, path, now, *metadata, nullptr}, keys, view, batch));
    return progress_.Write(keys, told, batch);
  };
  return context_.update(event, path, write).status();
}

}  // namespace keyturn
