#include "rotation/webhook/records.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/grants.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "keyring/envelope.h"
#include "rotation/webhook/events.h"

namespace keyturn {
namespace {

constexpr absl::string_view kIdPrefix = "msg_";
constexpr size_t kIdDigits = 16;  // of the revision, and as many of its MAC
constexpr char kUse[] = "secret:list";

bool PathMatches(const Webhook& webhook, absl::string_view path) {
  if (webhook.paths().empty()) return true;
  std::vector<GrantRule> rules;
  for (const std::string& pattern : webhook.paths()) {
    GrantRule& rule = rules.emplace_back();
    rule.permissions = {kUse};
    rule.pattern = pattern;
  }
  return GrantSet(std::move(rules)).Allows(kUse, path, absl::InfinitePast(), IpAddress());
}

}  // namespace

std::string WebhooksKey(const KeyringSnapshot& keys) {
  return schema::NamedRecordKey(IndexMac(keys, "webhooks", ""),
                                static_cast<uint8_t>(Purpose::kWebhooks));
}

absl::StatusOr<Webhooks> ReadWebhooks(const KeyringSnapshot& keys, const View& view) {
  const std::string key = WebhooksKey(keys);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return Webhooks();
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kWebhooks, key, *sealed));
  return ParseRecord<Webhooks>(opened, "the record of the webhooks");
}

absl::Status WriteWebhooks(const KeyringSnapshot& keys, const View& view, const Webhooks& webhooks,
                           Batch& batch) {
  const std::string key = WebhooksKey(keys);
  if (!webhooks.webhooks().empty()) {
    return PutRecord(keys, view, Family::kRecords, Purpose::kWebhooks, key,
                     webhooks.SerializeAsString(), batch);
  }
  batch.Delete(Family::kRecords, key);
  return absl::OkStatus();
}

Webhook* FindWebhook(Webhooks* webhooks, const Uuid& id) {
  const auto found =
      std::find_if(webhooks->mutable_webhooks()->begin(), webhooks->mutable_webhooks()->end(),
                   [&id](const Webhook& webhook) { return webhook.id() == id.bytes(); });
  return found == webhooks->mutable_webhooks()->end() ? nullptr : &*found;
}

bool WantsType(const Webhook& webhook, absl::string_view type) {
  if (webhook.deleted() || webhook.disabled_ms() != 0) return false;
  return webhook.types().empty() ||
         std::any_of(webhook.types().begin(), webhook.types().end(),
                     [type](const std::string& pattern) { return TypeMatches(pattern, type); });
}

bool Wants(const Webhook& webhook, absl::string_view type, absl::string_view path) {
  return WantsType(webhook, type) && PathMatches(webhook, path);
}

bool AnyWants(const Webhooks& webhooks, absl::string_view type, absl::string_view path) {
  return std::any_of(webhooks.webhooks().begin(), webhooks.webhooks().end(),
                     [&](const Webhook& webhook) { return Wants(webhook, type, path); });
}

absl::StatusOr<std::vector<SecretBytes>> ReadWebhookKeys(const KeyringSnapshot& keys,
                                                         const View& view, const Uuid& id) {
  const std::string key = schema::WebhookKeyKey(id);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return absl::DataLossError("the keys of a webhook are missing");
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, Purpose::kWebhookKey, key, *sealed));
  absl::string_view rest = opened.plaintext.ExposeForCrypto();
  std::vector<SecretBytes> out;
  while (rest.size() >= limits::kWebhookKeyBytes) {
    ASSIGN_OR_RETURN(SecretBytes one,
                     SecretBytes::CopyOf(rest.substr(0, limits::kWebhookKeyBytes)));
    out.push_back(std::move(one));
    rest.remove_prefix(limits::kWebhookKeyBytes);
  }
  if (out.empty() || !rest.empty())
    return absl::DataLossError("the keys of a webhook do not parse");
  return out;
}

absl::Status WriteWebhookKeys(const KeyringSnapshot& keys, const View& view, const Uuid& id,
                              const std::vector<const SecretBytes*>& signing, Batch& batch) {
  ASSIGN_OR_RETURN(SecretBytes all,
                   SecretBytes::Allocate(signing.size() * limits::kWebhookKeyBytes));
  char* to = all.Mutable().data();
  for (const SecretBytes* const one : signing) {
    const absl::string_view bytes = one->ExposeForCrypto();
    to = std::copy(bytes.begin(), bytes.end(), to);
  }
  return PutRecord(keys, view, Family::kRecords, Purpose::kWebhookKey, schema::WebhookKeyKey(id),
                   all.ExposeForCrypto(), batch);
}

std::string MessageId(const KeyringSnapshot& keys, Revision told) {
  const std::string number = BigEndian64(told.value());
  // The numbers of two vaults are the same.
  const std::string mac = IndexMac(keys, "webhook-message", number).substr(0, kIdDigits / 2);
  return absl::StrCat(kIdPrefix, absl::BytesToHexString(number), absl::BytesToHexString(mac));
}

std::optional<Revision> ParseMessageId(absl::string_view id) {
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&id, kIdPrefix) || id.size() != 2 * kIdDigits) return std::nullopt;
  if (id.find_first_not_of("0123456789abcdef") != absl::string_view::npos) return std::nullopt;
  if (!absl::SimpleHexAtoi(id.substr(0, kIdDigits), &number)) return std::nullopt;
  return Revision(number);
}

absl::StatusOr<std::optional<DeliveryRecord>> ReadDelivery(const KeyringSnapshot& keys,
                                                           const View& view,
                                                           const schema::WebhookRow& row) {
  const std::string key = schema::WebhookDeliveryKey(row.webhook, row.told);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kRecords, key));
  if (!sealed.has_value()) return std::optional<DeliveryRecord>();
  ASSIGN_OR_RETURN(const OpenedRecord opened,
                   OpenRecord(keys, Purpose::kWebhookDelivery, key, *sealed));
  return ParseRecord<DeliveryRecord>(opened, "a delivery of a webhook");
}

absl::Status AddDelivery(const KeyringSnapshot& keys, const schema::WebhookRow& row,
                         const DeliveryRecord& delivery, Batch& batch) {
  const std::string key = schema::WebhookDeliveryKey(row.webhook, row.told);
  ASSIGN_OR_RETURN(const std::string sealed, SealRecord(keys, {Purpose::kWebhookDelivery, key, 1},
                                                        delivery.SerializeAsString()));
  batch.Insert(Family::kRecords, key, sealed);
  return absl::OkStatus();
}

absl::Status WriteDelivery(const KeyringSnapshot& keys, const View& view,
                           const schema::WebhookRow& row, const DeliveryRecord& delivery,
                           Batch& batch) {
  return PutRecord(keys, view, Family::kRecords, Purpose::kWebhookDelivery,
                   schema::WebhookDeliveryKey(row.webhook, row.told), delivery.SerializeAsString(),
                   batch);
}

std::string DeliveryPrefix(const Uuid& id) { return absl::StrCat(id.bytes(), "w"); }

}  // namespace keyturn
