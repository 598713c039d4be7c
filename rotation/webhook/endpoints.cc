#include "rotation/webhook/endpoints.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/grants.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "crypto/random.h"
#include "crypto/signature.h"
#include "rotation/target/webhook_signature.h"
#include "rotation/webhook/events.h"
#include "vault/utf8.h"

namespace keyturn {
namespace {

using v1::WebhookInfo;

absl::Status CheckUrl(const std::string& url) {
  const bool clean = std::all_of(
      url.begin(), url.end(), [](unsigned char c) { return absl::ascii_isgraph(c) && c != '@'; });
  if (absl::StartsWith(url, "https://") && clean && url.size() <= limits::kWebhookUrlBytesMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("url: allowed is a URL that begins with https://, without user information and "
                   "blanks, of at most ",
                   limits::kWebhookUrlBytesMax, " bytes"));
}

absl::Status CheckRequest(const v1::CreateWebhookRequest& request) {
  RETURN_IF_ERROR(CheckUrl(request.url()));
  const auto most = static_cast<int>(limits::kWebhookPatternsMax);
  if (request.types_size() > most || request.paths_size() > most) {
    return absl::InvalidArgumentError(absl::StrCat(request.types_size() > most ? "types" : "paths",
                                                   ": allowed are at most ", most));
  }
  for (const std::string& type : request.types()) RETURN_IF_ERROR(CheckTypePattern(type));
  for (const std::string& path : request.paths()) {
    if (const absl::Status valid = ValidatePattern(path); !valid.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("paths: ", valid.message()));
    }
  }
  if (!WebhookInfo::Signature_IsValid(request.signature())) {
    return absl::InvalidArgumentError("signature: allowed are V1A and V1");
  }
  const std::string& description = request.description();
  if (description.size() > limits::kWebhookDescriptionBytesMax || !IsUtf8(description)) {
    return absl::InvalidArgumentError(absl::StrCat("description: allowed are at most ",
                                                   limits::kWebhookDescriptionBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

struct MadeKey {
  SecretBytes key, text;  // the text of an HMAC key
  record::v1::WebhookKey record;
};
absl::StatusOr<MadeKey> MakeKey(bool symmetric, absl::Time now) {
  MadeKey made;
  ASSIGN_OR_RETURN(made.key, RandomSecret(limits::kWebhookKeyBytes));
  made.record.set_created_ms(absl::ToUnixMillis(now));
  if (symmetric) {
    ASSIGN_OR_RETURN(made.text, WebhookKeyText(made.key));
  } else {
    ASSIGN_OR_RETURN(const std::string public_key, Ed25519PublicKey(made.key));
    made.record.set_public_key(public_key);
  }
  return made;
}

uint32_t FreeSlot(const Webhooks& webhooks) {
  std::set<uint32_t> taken;
  for (const Webhook& webhook : webhooks.webhooks()) taken.insert(webhook.slot());
  uint32_t slot = 0;
  while (taken.count(slot) > 0) ++slot;
  return slot;
}

// One that is there and not deleted.
using Edit = absl::FunctionRef<absl::Status(const KeyringSnapshot& keys, const View& view,
                                            Webhook* webhook, Batch& batch)>;
absl::StatusOr<Webhook> Change(const WebhookContext& context, Updater& updater,
                               const std::string& id, Edit edit) {
  ASSIGN_OR_RETURN(const Uuid uuid, ParseWebhookId(id));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  Webhook out;
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) -> absl::Status {
                        ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(*keys, view));
                        Webhook* const webhook = FindWebhook(&webhooks, uuid);
                        if (webhook == nullptr || webhook->deleted()) return NoWebhook();
                        RETURN_IF_ERROR(edit(*keys, view, webhook, batch));
                        out = *webhook;
                        return WriteWebhooks(*keys, view, webhooks, batch);
                      })
                      .status());
  return out;
}

}  // namespace

absl::Status CheckWebhooksOn(const WebhookContext& context) {
  if (context.options.enabled) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError("webhooks are off: webhooks.enabled in the server's "
                                    "configuration"),
      "WEBHOOKS_OFF");
}

absl::Status NoWebhook() { return absl::NotFoundError("there is no such webhook"); }

absl::StatusOr<Webhook> NeedWebhook(const KeyringSnapshot& keys, const View& view, const Uuid& id) {
  ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(keys, view));
  Webhook* const webhook = FindWebhook(&webhooks, id);
  if (webhook == nullptr || webhook->deleted()) return NoWebhook();
  return std::move(*webhook);
}

absl::StatusOr<Uuid> ParseWebhookId(const std::string& id) {
  const absl::StatusOr<Uuid> uuid = Uuid::FromString(id);
  if (!uuid.ok()) return NoWebhook();
  return uuid;
}

WebhookInfo InfoOf(const Webhook& webhook, absl::Time now) {
  const auto time = [](int64_t ms) { return ToTimestamp(absl::FromUnixMillis(ms)); };
  WebhookInfo info;
  info.set_id(Uuid::FromBytes(webhook.id()).value_or(Uuid()).ToString());
  info.set_url(webhook.url());
  *info.mutable_types() = webhook.types();
  *info.mutable_paths() = webhook.paths();
  info.set_description(webhook.description());
  info.set_owner(webhook.owner());
  *info.mutable_create_time() = time(webhook.created_ms());
  info.set_signature(webhook.symmetric() ? WebhookInfo::V1 : WebhookInfo::V1A);
  for (const record::v1::WebhookKey& key : webhook.keys()) {
    if (key.until_ms() != 0 && absl::FromUnixMillis(key.until_ms()) <= now) continue;
    v1::WebhookKeyInfo& shown = *info.add_keys();
    if (!key.public_key().empty()) shown.set_public_key(WebhookPublicKeyText(key.public_key()));
    *shown.mutable_create_time() = time(key.created_ms());
    if (key.until_ms() != 0) *shown.mutable_end_time() = time(key.until_ms());
  }
  const bool disabled = webhook.disabled_ms() != 0;
  info.set_state(disabled ? WebhookInfo::DISABLED : WebhookInfo::ENABLED);
  if (disabled) {
    info.set_disable_reason(static_cast<WebhookInfo::DisableReason>(webhook.disabled_for()));
    *info.mutable_disable_time() = time(webhook.disabled_ms());
  }
  if (webhook.failing_since_ms() != 0) {
    *info.mutable_failing_since_time() = time(webhook.failing_since_ms());
  }
  return info;
}

absl::StatusOr<IssuedWebhook> MakeWebhook(const WebhookContext& context, Updater& updater,
                                          const v1::CreateWebhookRequest& request,
                                          const std::string& owner) {
  RETURN_IF_ERROR(CheckWebhooksOn(context));
  RETURN_IF_ERROR(CheckRequest(request));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  const absl::Time now = context.clock.Now();
  const bool symmetric = request.signature() == WebhookInfo::V1;
  ASSIGN_OR_RETURN(MadeKey made, MakeKey(symmetric, now));
  const Uuid id = RandomUuid();
  Webhook webhook;
  webhook.set_id(std::string(id.bytes()));
  webhook.set_url(request.url());
  *webhook.mutable_types() = request.types();
  *webhook.mutable_paths() = request.paths();
  webhook.set_description(request.description());
  webhook.set_owner(owner);
  webhook.set_created_ms(absl::ToUnixMillis(now));
  webhook.set_symmetric(symmetric);
  *webhook.add_keys() = made.record;
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) -> absl::Status {
                        ASSIGN_OR_RETURN(Webhooks webhooks, ReadWebhooks(*keys, view));
                        if (static_cast<size_t>(webhooks.webhooks_size()) >= limits::kWebhooksMax) {
                          return absl::ResourceExhaustedError(
                              absl::StrCat("there are ", limits::kWebhooksMax,
                                           " webhooks, which is the most; delete one"));
                        }
                        webhook.set_slot(FreeSlot(webhooks));
                        *webhooks.add_webhooks() = webhook;
                        batch.Note("webhook", id.ToString());
                        RETURN_IF_ERROR(WriteWebhookKeys(*keys, view, id, {&made.key}, batch));
                        return WriteWebhooks(*keys, view, webhooks, batch);
                      })
                      .status());
  return IssuedWebhook{std::move(made.text), InfoOf(webhook, now)};
}

absl::Status DeleteWebhook(const WebhookContext& context, Updater& updater, const std::string& id) {
  return Change(context, updater, id,
                [](const KeyringSnapshot&, const View&, Webhook* webhook,
                   Batch& batch) -> absl::Status {
                  webhook->set_deleted(true);
                  ASSIGN_OR_RETURN(const Uuid uuid, Uuid::FromBytes(webhook->id()));
                  batch.Delete(Family::kRecords, schema::WebhookKeyKey(uuid));
                  return absl::OkStatus();
                })
      .status();
}

absl::StatusOr<WebhookInfo> EnableWebhook(const WebhookContext& context, Updater& updater,
                                          const std::string& id) {
  ASSIGN_OR_RETURN(const Webhook webhook, Change(context, updater, id,
                                                 [](const KeyringSnapshot&, const View&,
                                                    Webhook* changed, Batch&) -> absl::Status {
                                                   changed->set_disabled_ms(0);
                                                   changed->set_disabled_for(WebhookInfo::NONE);
                                                   changed->set_failing_since_ms(0);
                                                   changed->set_failed_ms(0);
                                                   return absl::OkStatus();
                                                 }));
  return InfoOf(webhook, context.clock.Now());
}

absl::StatusOr<IssuedWebhook> RollWebhookKey(const WebhookContext& context, Updater& updater,
                                             const v1::RollWebhookKeyRequest& request) {
  ASSIGN_OR_RETURN(const Uuid id, ParseWebhookId(request.id()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context.keyring.Snapshot());
  ASSIGN_OR_RETURN(const Webhook found, NeedWebhook(*keys, context.store.Newest(), id));
  const absl::Time now = context.clock.Now();
  ASSIGN_OR_RETURN(MadeKey made, MakeKey(found.symmetric(), now));
  const auto edit = [&](const KeyringSnapshot& in, const View& view, Webhook* webhook,
                        Batch& batch) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<SecretBytes> former, ReadWebhookKeys(in, view, id));
    const bool two =
        webhook->keys_size() > 1 && absl::FromUnixMillis(webhook->keys(1).until_ms()) > now;
    if (two && !request.force()) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "two keys sign already, the former one until ",
              absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(webhook->keys(1).until_ms()),
                               absl::UTCTimeZone()),
              "; wait for it, or force, which ends it now")),
          "GRACE_ACTIVE");
    }
    record::v1::WebhookKey last = webhook->keys(0);
    last.set_until_ms(absl::ToUnixMillis(now + absl::Seconds(limits::kWebhookKeySeconds)));
    webhook->clear_keys();
    *webhook->add_keys() = made.record;
    *webhook->add_keys() = last;
    return WriteWebhookKeys(in, view, id, {&made.key, &former[0]}, batch);
  };
  ASSIGN_OR_RETURN(const Webhook webhook, Change(context, updater, request.id(), edit));
  return IssuedWebhook{std::move(made.text), InfoOf(webhook, now)};
}

}  // namespace keyturn
