#include "rotation/webhook/dispatcher.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "keyturn/v1/webhook_service.pb.h"
#include "rotation/store_state.h"
#include "rotation/webhook/log_purge.h"
#include "rotation/webhook/records.h"
#include "rotation/webhook/sender.h"

namespace keyturn {
namespace {

constexpr char kDisabled[] = "webhook_disabled";

absl::StatusOr<std::optional<Webhook>> WebhookOf(const KeyringSnapshot& keys, const View& view,
                                                 const Uuid& id) {
  ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(keys, view));
  Webhook* const webhook = FindWebhook(&webhooks, id);
  if (webhook == nullptr) return std::optional<Webhook>();
  return std::optional<Webhook>(std::move(*webhook));
}

}  // namespace

void WebhookDispatcher::Lane::Hint(uint64_t row, absl::Time when) {
  const auto [found, is_new] = by_row.try_emplace(row, when);
  if (!is_new) {
    if (found->second <= when) return;
    by_time.erase({found->second, row});
    found->second = when;
  }
  by_time.insert({when, row});
}

void WebhookDispatcher::Lane::Forget(uint64_t row) {
  const auto found = by_row.find(row);
  if (found == by_row.end()) return;
  by_time.erase({found->second, row});
  by_row.erase(found);
}

WebhookDispatcher::WebhookDispatcher(const WebhookContext& context)
    : context_(context), errands_([this](const std::string&, const Uuid& id) { Work(id); }) {}

// Its threads use everything else.
WebhookDispatcher::~WebhookDispatcher() { errands_.Stop(); }

absl::Status WebhookDispatcher::OnUnsealed() {
  if (!context_.options.enabled) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  {
    const absl::MutexLock lock(&mu_);
    webhooks_key_ = WebhooksKey(*keys);  // what is committed from here on is known
  }
  errands_.Start();
  changed_ = true;
  const std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  const absl::StatusOr<Webhooks> webhooks = ReadWebhooks(*keys, *snapshot);
  if (!webhooks.ok()) {
    LogError("webhooks are told nothing until their record is mended",
             {{"error", std::string(webhooks.status().message())}});
    return absl::OkStatus();
  }
  for (const Webhook& webhook : webhooks->webhooks()) {
    ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(webhook.id()));
    RETURN_IF_ERROR(HintAll(*snapshot, id));
  }
  return absl::OkStatus();
}

absl::Status WebhookDispatcher::HintAll(const Snapshot& snapshot, const Uuid& id) {
  std::vector<uint64_t> rows;
  const std::string prefix = DeliveryPrefix(id);
  RETURN_IF_ERROR(snapshot.Scan(Family::kRecords, prefix, schema::PrefixEnd(prefix),
                                [&](absl::string_view key, absl::string_view) {
                                  rows.push_back(schema::ParseWebhookDeliveryKey(key).told.value());
                                  return true;
                                }));
  const absl::Time now = context_.clock.Now();
  const absl::MutexLock lock(&mu_);
  Lane& lane = lanes_[id];
  for (const uint64_t row : rows) lane.Hint(row, now);
  return absl::OkStatus();
}

void WebhookDispatcher::OnSealed() {
  errands_.Stop();
  const absl::MutexLock lock(&mu_);
  webhooks_key_.clear();
  lanes_.clear();
}

void WebhookDispatcher::OnCommitted(absl::Span<const CommittedUpdate> group) {
  const absl::Time now = context_.clock.Now();
  const absl::MutexLock lock(&mu_);
  if (webhooks_key_.empty()) return;
  for (const CommittedUpdate& update : group) {
    for (const Batch::Operation& operation : *update.operations) {
      if (operation.family != Family::kRecords) continue;
      if (operation.key == webhooks_key_) changed_ = true;
      if (!schema::IsWebhookDeliveryKey(operation.key)) continue;
      const schema::WebhookRow row = schema::ParseWebhookDeliveryKey(operation.key);
      if (operation.is_delete) {
        lanes_[row.webhook].Forget(row.told.value());
      } else {
        lanes_[row.webhook].Hint(row.told.value(), now);
      }
    }
  }
}

// Lanes stay, or what was committed between the look and this would be forgotten with them.
absl::Status WebhookDispatcher::Reload() {
  if (!changed_.exchange(false)) return absl::OkStatus();
  const auto read = [&]() -> absl::StatusOr<Webhooks> {
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    return ReadWebhooks(*keys, context_.store.Newest());
  };
  const absl::StatusOr<Webhooks> webhooks = read();
  if (absl::IsDataLoss(webhooks.status())) return absl::OkStatus();  // said at unseal
  if (!webhooks.ok()) {
    changed_ = true;
    return webhooks.status();
  }
  const absl::MutexLock lock(&mu_);
  for (auto& [id, lane] : lanes_) lane.sends = lane.disabled = lane.deleted = false;
  for (const Webhook& webhook : webhooks->webhooks()) {
    ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(webhook.id()));
    Lane& lane = lanes_[id];
    lane.slot = webhook.slot();
    lane.deleted = webhook.deleted();
    lane.disabled = webhook.disabled_ms() != 0;
    lane.sends = !lane.deleted && !lane.disabled;
  }
  return absl::OkStatus();
}

bool WebhookDispatcher::IsDue(const Lane& lane, absl::Time now) const {
  if (lane.not_before > now) return false;
  if (lane.deleted) return true;
  if (!lane.sends && !lane.disabled) return false;
  if (lane.purge <= now) return true;
  return lane.sends && !lane.by_time.empty() && lane.by_time.begin()->first <= now;
}

absl::Status WebhookDispatcher::RunDue() {
  if (!context_.options.enabled) return absl::OkStatus();
  RETURN_IF_ERROR(Reload());
  const absl::Time now = context_.clock.Now();
  std::vector<std::pair<uint32_t, Uuid>> due;
  {
    const absl::MutexLock lock(&mu_);
    for (const auto& [id, lane] : lanes_) {
      if (IsDue(lane, now)) due.emplace_back(lane.slot, id);
    }
  }
  for (const auto& [slot, id] : due) errands_.Add(absl::StrCat(slot), id);
  return absl::OkStatus();
}

void WebhookDispatcher::Work(const Uuid& id) {
  const absl::Status status = WorkOn(id);
  if (status.ok() || errands_.interrupt().is_set()) return;
  HoldUntil(id, context_.clock.Now() + absl::Minutes(1));
  LogWarning("a webhook waits for a minute",
             {{"webhook", id.ToString()}, {"error", std::string(status.message())}});
}

absl::Status WebhookDispatcher::WorkOn(const Uuid& id) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  ASSIGN_OR_RETURN(const std::optional<Webhook> webhook,
                   WebhookOf(*keys, context_.store.Newest(), id));
  if (!webhook.has_value() || webhook->deleted()) {
    if (webhook.has_value()) RETURN_IF_ERROR(RemoveDeleted(context_, id, errands_.interrupt()));
    const absl::MutexLock lock(&mu_);
    lanes_.erase(id);
    return absl::OkStatus();
  }
  if (TakePurge(id)) {
    ASSIGN_OR_RETURN(
        const uint64_t dropped,
        PurgeDeliveries(context_, id, webhook->disabled_ms() != 0, errands_.interrupt()));
    if (dropped > 0) {
      LogWarning("the oldest events for a webhook were dropped: too many wait for it",
                 {{"webhook", id.ToString()}, {"dropped", dropped}});
      const absl::MutexLock lock(&mu_);
      counted_.dropped += dropped;
    }
  }
  while (!errands_.interrupt().is_set()) {
    const std::optional<uint64_t> told = TakeDue(id);
    if (!told.has_value()) break;
    if (const absl::Status looked = Look(id, *told); !looked.ok()) {
      HintAt(id, *told, context_.clock.Now());
      return looked;
    }
  }
  return absl::OkStatus();
}

std::optional<uint64_t> WebhookDispatcher::TakeDue(const Uuid& id) {
  const absl::Time now = context_.clock.Now();
  const absl::MutexLock lock(&mu_);
  const auto found = lanes_.find(id);
  if (found == lanes_.end()) return std::nullopt;
  Lane& lane = found->second;
  const bool due = lane.sends && lane.not_before <= now && !lane.by_time.empty() &&
                   lane.by_time.begin()->first <= now;
  if (!due) return std::nullopt;
  const uint64_t row = lane.by_time.begin()->second;
  lane.Forget(row);
  return row;
}

absl::Status WebhookDispatcher::Look(const Uuid& id, uint64_t told) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const schema::WebhookRow row{id, Revision(told)};
  std::shared_ptr<const Snapshot> snapshot = context_.store.GetSnapshot();
  const absl::StatusOr<std::optional<DeliveryRecord>> delivery =
      ReadDelivery(*keys, *snapshot, row);
  if (absl::IsDataLoss(delivery.status())) {
    LogError("an event for a webhook does not open, and is passed over",
             {{"webhook", id.ToString()}, {"revision", told}});
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(delivery.status());
  if (!delivery->has_value() || (*delivery)->state() != v1::WebhookDelivery::PENDING) {
    return absl::OkStatus();
  }
  const absl::Time next = absl::FromUnixMillis((*delivery)->next_ms());
  ASSIGN_OR_RETURN(const std::optional<Webhook> webhook, WebhookOf(*keys, *snapshot, id));
  const bool sends = webhook.has_value() && !webhook->deleted() && webhook->disabled_ms() == 0;
  if (!sends || next > context_.clock.Now()) {
    HintAt(id, told, next);
    if (sends) return absl::OkStatus();
    const absl::MutexLock lock(&mu_);
    const auto found = lanes_.find(id);
    if (found != lanes_.end()) found->second.sends = false;  // until the reload
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<SecretBytes> signing, ReadWebhookKeys(*keys, *snapshot, id));
  snapshot.reset();  // a call may be long
  ASSIGN_OR_RETURN(
      const WebhookAttempt attempt,
      SendWebhook(context_, {*webhook, signing, (*delivery)->id(), (*delivery)->body()},
                  errands_.interrupt()));
  if (attempt.interrupted) {
    HintAt(id, told, next);
    return absl::OkStatus();
  }
  if (const absl::Duration hold = HoldBack(attempt); hold > absl::ZeroDuration()) {
    HoldUntil(id, context_.clock.Now() + hold);
  }
  return NoteAttempt(*keys, row, attempt);
}

absl::Status WebhookDispatcher::NoteAttempt(const KeyringSnapshot& keys,
                                            const schema::WebhookRow& row,
                                            const WebhookAttempt& attempt) {
  const double share = static_cast<double>(RandomBelow(1'000'000)) / 1e6;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Webhook> before,
                     WebhookOf(keys, context_.store.Newest(), row.webhook));
    const bool disables = before.has_value() && Disables(attempt, context_.clock.Now(), *before);
    std::optional<DeliveryRecord> noted;
    const auto note = [&](const View& view, Batch& batch) -> absl::Status {
      const absl::Time now = context_.clock.Now();
      ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(keys, view));
      Webhook* const webhook = FindWebhook(&webhooks, row.webhook);
      ASSIGN_OR_RETURN(noted, ReadDelivery(keys, view, row));
      if (webhook == nullptr || webhook->deleted() || !noted.has_value()) return absl::OkStatus();
      // Whether there is an entry in the audit log was decided before.
      if (Disables(attempt, now, *webhook) != disables) return Moved();
      TakeAttempt(attempt, now, share, &*noted);
      RETURN_IF_ERROR(WriteDelivery(keys, view, row, *noted, batch));
      if (!TakeHealth(attempt, now, webhook)) return absl::OkStatus();
      if (disables) {
        batch.Note("reason",
                   v1::WebhookInfo::DisableReason_Name(static_cast<int>(webhook->disabled_for())));
      }
      return WriteWebhooks(keys, view, webhooks, batch);
    };
    const absl::Status status = (disables ? context_.update(kDisabled, row.webhook.ToString(), note)
                                          : context_.store.Update(note))
                                    .status();
    if (IsMoved(status)) continue;
    if (status.ok() && noted.has_value()) Count(*noted, attempt, row.webhook);
    return status;
  }
}

void WebhookDispatcher::Count(const DeliveryRecord& delivery, const WebhookAttempt& attempt,
                              const Uuid& id) {
  const bool given_up = delivery.state() == v1::WebhookDelivery::FAILED;
  {
    const absl::MutexLock lock(&mu_);
    ++(attempt.delivered() ? counted_.delivered : counted_.failed);
    counted_.given_up += given_up ? 1 : 0;
  }
  if (!given_up) return;
  LogWarning("an event did not arrive at a webhook, and is not sent again by itself",
             {{"webhook", id.ToString()}, {"message", delivery.id()}});
}

void WebhookDispatcher::HintAt(const Uuid& id, uint64_t row, absl::Time when) {
  const absl::MutexLock lock(&mu_);
  const auto found = lanes_.find(id);
  if (found != lanes_.end()) found->second.Hint(row, when);
}

void WebhookDispatcher::HoldUntil(const Uuid& id, absl::Time when) {
  const absl::MutexLock lock(&mu_);
  const auto found = lanes_.find(id);
  if (found != lanes_.end()) found->second.not_before = std::max(found->second.not_before, when);
}

bool WebhookDispatcher::TakePurge(const Uuid& id) {
  const absl::Time now = context_.clock.Now();
  const absl::MutexLock lock(&mu_);
  const auto found = lanes_.find(id);
  if (found == lanes_.end() || found->second.purge > now) return false;
  found->second.purge = now + absl::Seconds(limits::kWebhookPurgeSeconds);
  return true;
}

WebhookDispatcher::Stats WebhookDispatcher::stats() const {
  const absl::MutexLock lock(&mu_);
  Stats out = counted_;
  for (const auto& [id, lane] : lanes_) {
    if (!lane.sends && !lane.disabled) continue;
    ++out.webhooks;
    out.disabled += lane.disabled ? 1 : 0;
    out.waiting += lane.by_row.size();
  }
  return out;
}

}  // namespace keyturn
