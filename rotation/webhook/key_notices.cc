#include "rotation/webhook/key_notices.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "rotation/webhook/events.h"
#include "rotation/webhook/outbox.h"
#include "rotation/webhook/records.h"

namespace keyturn {
namespace {

constexpr absl::string_view kEvent = "apikey_due";

}  // namespace

void ApiKeyNotices::OnUnsealed() {
  const absl::MutexLock lock(&mu_);
  progress_.OnUnsealed();
}

absl::Status ApiKeyNotices::Go() {
  if (context_.api_keys_ending == nullptr) return absl::OkStatus();
  const absl::MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const bool goes, progress_.Look(*keys, {kEvent}));
  if (!goes) return absl::OkStatus();
  const absl::Time now = context_.clock.Now();
  const std::vector<Due> all = DueBy(now);
  const size_t some = std::min(all.size(), limits::kRotationItemsPerRun);
  for (size_t i = 0; i < some; ++i) {
    RETURN_IF_ERROR(Tell(*keys, all[i]));
    progress_.SetTold(all[i].place);
  }
  return some < all.size() ? absl::OkStatus() : progress_.AllTold(*keys, now);
}

std::vector<ApiKeyNotices::Due> ApiKeyNotices::DueBy(absl::Time now) const {
  absl::flat_hash_map<std::string, Due> latest;
  for (const int64_t seconds : limits::kNoticeDueSeconds) {
    const absl::Duration ahead = absl::Seconds(seconds);
    // Of the millisecond that was told last, some may not be told.
    const absl::Time from = absl::FromUnixMillis(progress_.told().first - 1) + ahead;
    for (ApiKeyEnd& key : context_.api_keys_ending(from, now + ahead)) {
      const absl::StatusOr<Uuid> id = Uuid::FromBytes(key.id);
      const NoticePlace place(absl::ToUnixMillis(key.end - ahead), id.value_or(Uuid()));
      if (!id.ok() || place <= progress_.told() || key.end <= now) continue;
      Due& due = latest[key.id];
      if (due.place < place) due = {place, std::move(key)};
    }
  }
  std::vector<Due> out;
  out.reserve(latest.size());
  for (auto& [id, due] : latest) out.push_back(std::move(due));
  std::sort(out.begin(), out.end(), [](const Due& a, const Due& b) { return a.place < b.place; });
  return out;
}

absl::Status ApiKeyNotices::Tell(const KeyringSnapshot& keys, const Due& due) const {
  ASSIGN_OR_RETURN(const Webhooks webhooks, ReadWebhooks(keys, context_.store.Newest()));
  if (!AnyWants(webhooks, WebhookTypeOf(kEvent), due.key.path)) return absl::OkStatus();
  return context_
      .update(kEvent, due.key.path,
              [&](const View& view, Batch& batch) -> absl::Status {
                batch.Note("id", due.key.id);
                batch.Note("expires", NoticeTime(due.key.end));
                const RotationNews news = {kEvent, due.key.path, context_.clock.Now(),
                                           SecretMetadata::default_instance(), nullptr};
                RETURN_IF_ERROR(WriteNews(news, keys, view, batch));
                return progress_.Write(keys, due.place, batch);
              })
      .status();
}

}  // namespace keyturn
