#include "rotation/webhook/notice_progress.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/webhook/events.h"
#include "rotation/webhook/records.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

// After all that is to be told by `time`.
NoticePlace AfterAllOf(absl::Time time) {
  std::array<uint8_t, Uuid::kSize> last;
  last.fill(0xff);
  return {absl::ToUnixMillis(time), Uuid(last)};
}

absl::StatusOr<NoticePlace> Parse(const OpenedRecord& opened) {
  ASSIGN_OR_RETURN(const record::v1::NoticeMark mark,
                   ParseRecord<record::v1::NoticeMark>(opened, "the mark of notices"));
  ASSIGN_OR_RETURN(const Uuid last, Uuid::FromBytes(mark.last()));
  return NoticePlace(mark.told_ms(), last);
}

}  // namespace

void NoticeProgress::OnUnsealed() {
  begun_ = false;
  first_ = true;
}

absl::StatusOr<bool> NoticeProgress::Look(const KeyringSnapshot& keys,
                                          absl::Span<const absl::string_view> events) {
  if (context_.clock_trusted != nullptr && !context_.clock_trusted()) return false;
  const absl::StatusOr<Webhooks> webhooks = ReadWebhooks(keys, context_.store.Newest());
  // Whoever sends to them has said so.
  const absl::Status& read = webhooks.status();
  if (absl::IsDataLoss(read) || absl::IsFailedPrecondition(read)) return false;
  RETURN_IF_ERROR(read);
  const auto wants = [events](const Webhook& webhook) {
    return std::any_of(events.begin(), events.end(), [&](absl::string_view event) {
      return WantsType(webhook, WebhookTypeOf(event));
    });
  };
  const bool wanted = std::any_of(webhooks->webhooks().begin(), webhooks->webhooks().end(), wants);
  if (!wanted) begun_ = false;
  if (wanted && !begun_) RETURN_IF_ERROR(Begin(keys, /*goes_on=*/first_));
  first_ = false;
  return wanted;
}

absl::Status NoticeProgress::Begin(const KeyringSnapshot& keys, bool goes_on) {
  std::optional<NoticePlace> kept;
  if (goes_on) {
    ASSIGN_OR_RETURN(kept, Read(keys));
  }
  // An older mark would tell what came before anybody asked.
  const NoticePlace now = AfterAllOf(context_.clock.Now());
  if (!kept.has_value()) RETURN_IF_ERROR(Keep(keys, now));
  told_ = kept.value_or(now);
  kept_ms_ = told_.first;
  begun_ = true;
  return absl::OkStatus();
}

absl::Status NoticeProgress::AllTold(const KeyringSnapshot& keys, absl::Time until) {
  told_ = std::max(told_, AfterAllOf(until));
  const int64_t old_ms = kept_ms_ + int64_t{1000} * limits::kNoticeMarkSeconds;
  return told_.first < old_ms ? absl::OkStatus() : Keep(keys, told_);
}

std::string NoticeProgress::Key(const KeyringSnapshot& keys) const {
  return schema::NamedRecordKey(IndexMac(keys, "setting", of_),
                                static_cast<uint8_t>(Purpose::kSetting));
}

absl::StatusOr<std::optional<NoticePlace>> NoticeProgress::Read(const KeyringSnapshot& keys) const {
  const std::string key = Key(keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   context_.store.Newest().Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<NoticePlace>();
  const absl::StatusOr<OpenedRecord> opened = OpenRecord(keys, Purpose::kSetting, key, *sealed);
  const absl::StatusOr<NoticePlace> mark =
      opened.ok() ? Parse(*opened) : absl::StatusOr<NoticePlace>(opened.status());
  if (mark.ok()) return std::optional<NoticePlace>(*mark);
  LogError("how far webhooks were told ahead does not open: run keyturn operator verify");
  return std::optional<NoticePlace>();
}

absl::Status NoticeProgress::Write(const KeyringSnapshot& keys, const NoticePlace& place,
                                   Batch& batch) const {
  const std::string key = Key(keys);
  record::v1::NoticeMark mark;
  mark.set_told_ms(place.first);
  mark.set_last(std::string(place.second.bytes()));
  // One that does not open is replaced as well.
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kSetting, key, 0}, mark.SerializeAsString()));
  batch.Put(Family::kRecords, key, sealed);
  return absl::OkStatus();
}

absl::Status NoticeProgress::Keep(const KeyringSnapshot& keys, const NoticePlace& place) {
  RETURN_IF_ERROR(
      context_.store.Update([&](const View&, Batch& batch) { return Write(keys, place, batch); })
          .status());
  kept_ms_ = place.first;
  return absl::OkStatus();
}

}  // namespace keyturn
