#include "server/metric_sources.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "crypto/arena.h"

namespace keyturn {
namespace {

template <typename Number>
double ToDouble(Number number) {
  return static_cast<double>(number);
}

void AddStore(Store& store, Metrics& metrics) {
  metrics.AddCounter("keyturn_commits_total", "Updates committed.",
                     [&store] { return ToDouble(store.Stats().commits); });
  metrics.AddCounter("keyturn_commit_groups_total", "Batches written; commits share them.",
                     [&store] { return ToDouble(store.Stats().groups); });
  metrics.AddCounter("keyturn_fsyncs_total", "Syncs of the write-ahead log.",
                     [&store] { return ToDouble(store.Stats().syncs); });
  metrics.AddCounter("keyturn_slow_updates_total", "Update functions that took over 1 ms.",
                     [&store] { return ToDouble(store.Stats().slow_updates); });
  metrics.AddGauge("keyturn_commit_queue_length", "Updates waiting to be committed.",
                   [&store] { return ToDouble(store.Stats().queue_length); });
  metrics.AddGauge("keyturn_store_stopped", "1 after a failed write: restart the server.",
                   [&store] { return store.Stats().stopped ? 1.0 : 0.0; });
  metrics.AddGauge("keyturn_revision", "The newest committed revision.",
                   [&store] { return ToDouble(store.LastRevision().value()); });
}

// Of the active key-encryption key; 0 while sealed.
template <typename Fn>
std::function<double()> OfActiveKek(const Keyring& keyring, Fn fn) {
  return [&keyring, fn] {
    const absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> keys = keyring.Snapshot();
    return keys.ok() ? fn(**keys) : 0.0;
  };
}

void AddKeys(const Keyring& keyring, const KeyTurner& turner, Metrics& metrics) {
  metrics.AddGauge("keyturn_kek_created_timestamp_seconds",
                   "When the active key-encryption key was made; 0 while sealed.",
                   OfActiveKek(keyring, [](const KeyringSnapshot& keys) {
                     return ToDouble(keys.active_kek().created_ms) / 1000;
                   }));
  metrics.AddGauge("keyturn_kek_uses", "How often it was used; never too low. 0 while sealed.",
                   OfActiveKek(keyring, [](const KeyringSnapshot& keys) {
                     return ToDouble(keys.active_kek().uses.load());
                   }));
  metrics.AddGauge("keyturn_keks", "Key-encryption keys that are not retired; 0 while sealed.",
                   OfActiveKek(keyring, [](const KeyringSnapshot& keys) {
                     return ToDouble(keys.keks().size());
                   }));
  metrics.AddGauge("keyturn_rewrap_running", "1 while records are brought to the active key.",
                   [&turner] { return turner.running() ? 1.0 : 0.0; });
  metrics.AddGauge("keyturn_rewrap_records_failed",
                   "Records of the last such pass that did not open; they hold older keys back.",
                   [&turner] { return turner.failed(); });
}

void AddJwt(const Jwt& jwt, Metrics& metrics) {
  metrics.AddGauge("keyturn_jwt_keys_damaged",
                   "Keys that sign or verify tokens, do not open and are left out of their sets.",
                   [&jwt] { return ToDouble(jwt.stats().keys_damaged); });
  metrics.AddCounter("keyturn_jwks_made_total",
                     "How often the published key set was made, after its keys had changed.",
                     [&jwt] { return ToDouble(jwt.stats().times_published); });
}

void AddRotations(Rooms& rooms, Metrics& metrics) {
  metrics.AddGauge("keyturn_rotations_waiting",
                   "Secrets whose rotation has something to do at some time.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_waiting); });
  metrics.AddGauge("keyturn_rotations_due", "Of these, those that are due and not done.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_due); });
  metrics.AddGauge("keyturn_rotations_failing",
                   "Secrets that were passed over, for the reason in the log.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_failing); });
  metrics.AddGauge("keyturn_rotations_blocked",
                   "Secrets whose rotation needs a person, as far as they were looked at.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_blocked); });
  metrics.AddGauge("keyturn_rotations_awaiting_value",
                   "Secrets whose rotation waits for a value of their owners, likewise.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_awaiting_value); });
  metrics.AddGauge("keyturn_rotations_overdue",
                   "Secrets that are past the deadline of their rotation, likewise.",
                   [&rooms] { return ToDouble(rooms.rotation->stats().secrets_overdue); });
  metrics.AddCounter("keyturn_rotation_starts_held_total",
                     "Scheduled rotations that waited for their turn, because many were due.",
                     [&rooms] { return ToDouble(rooms.rotation->stats().starts_held); });
}

void AddApiKeys(const ApiKeys& keys, Metrics& metrics) {
  metrics.AddGauge("keyturn_api_keys", "API keys, with those that ended and are kept for a while.",
                   [&keys] { return ToDouble(keys.stats().keys); });
  metrics.AddGauge("keyturn_api_keys_due",
                   "Of these, those not revoked that have ended or end within 14 days.",
                   [&keys] { return ToDouble(keys.stats().due); });
  using Response = v1::VerifyApiKeyResponse;
  const std::pair<Response::Reason, const char*> answers[] = {
      {Response::NONE, "valid"},      {Response::MALFORMED, "malformed"},
      {Response::UNKNOWN, "unknown"}, {Response::EXPIRED, "expired"},
      {Response::REVOKED, "revoked"}, {Response::SCOPE, "scope"},
      {Response::LIMITED, "limited"}};
  for (const auto& [reason, word] : answers) {
    metrics.AddCounter(absl::StrCat("keyturn_api_key_verifications_", word, "_total"),
                       absl::StrCat("Verifications of API keys with the answer: ", word, "."),
                       [&keys, reason = reason] { return ToDouble(keys.verifications(reason)); });
  }
}

void AddWebhooks(const WebhookBook& webhooks, Metrics& metrics) {
  metrics.AddGauge("keyturn_webhooks", "Endpoints that are told of rotations.",
                   [&webhooks] { return ToDouble(webhooks.stats().webhooks); });
  metrics.AddGauge("keyturn_webhooks_disabled", "Of these, those that are disabled.",
                   [&webhooks] { return ToDouble(webhooks.stats().disabled); });
  metrics.AddGauge("keyturn_webhook_events_waiting", "Events that are still to be sent.",
                   [&webhooks] { return ToDouble(webhooks.stats().waiting); });
  metrics.AddCounter("keyturn_webhook_attempts_delivered_total", "Attempts that arrived.",
                     [&webhooks] { return ToDouble(webhooks.stats().delivered); });
  metrics.AddCounter("keyturn_webhook_attempts_failed_total", "Attempts that did not.",
                     [&webhooks] { return ToDouble(webhooks.stats().failed); });
  metrics.AddCounter("keyturn_webhook_events_given_up_total",
                     "Events that are not sent again by themselves.",
                     [&webhooks] { return ToDouble(webhooks.stats().given_up); });
  metrics.AddCounter("keyturn_webhook_events_dropped_total",
                     "Events that were dropped because too many waited.",
                     [&webhooks] { return ToDouble(webhooks.stats().dropped); });
}

}  // namespace

void AddTargetMetrics(Targets& targets, const Clock& clock, Metrics& metrics) {
  targets.SetObserver(
      [&metrics](const std::string& target, absl::string_view call, Failure outcome,
                 absl::Duration took) {
        const std::string word = absl::AsciiStrToLower(FailureName(outcome));
        metrics.CountTargetCall(target, std::string(call), word.empty() ? "ok" : word, took);
      },
      clock);
}

void AddRespMetrics(const RevocationList& list, const RespListener& listener, Metrics& metrics) {
  metrics.AddGauge("keyturn_revocations", "Keys of the revocation list, some of them expired.",
                   [&list] { return ToDouble(list.stats().keys); });
  metrics.AddGauge("keyturn_revocations_by_name", "Of these, those kept by name.",
                   [&list] { return ToDouble(list.stats().side_keys); });
  metrics.AddGauge("keyturn_revocation_bytes", "Memory of the revocation list.", [&list] {
    const RevocationList::Stats stats = list.stats();
    return ToDouble(stats.index_bytes + stats.side_bytes);
  });
  metrics.AddGauge("keyturn_revocation_waiting_bytes", "Changes of it that wait for the disk.",
                   [&list] { return ToDouble(list.stats().waiting_bytes); });
  metrics.AddCounter("keyturn_revocation_groups_total", "Groups of changes that were written.",
                     [&list] { return ToDouble(list.stats().groups); });
  metrics.AddGauge("keyturn_revocation_log_bytes",
                   "What a start would read besides the snapshot, 512 more for each record.",
                   [&list] { return ToDouble(list.stats().log_bytes); });
  metrics.AddCounter("keyturn_revocation_snapshots_total", "Snapshots of the list that were taken.",
                     [&list] { return ToDouble(list.stats().snapshots); });
  metrics.AddGauge("keyturn_revocation_failed",
                   "1 after a failed write: changes are refused until the server is restarted.",
                   [&list] { return list.stats().failed ? 1.0 : 0.0; });
  metrics.AddGauge("keyturn_resp_connections", "Connections of Redis clients.",
                   [&listener] { return ToDouble(listener.stats().connections); });
  metrics.AddCounter("keyturn_resp_connections_total", "Connections of Redis clients so far.",
                     [&listener] { return ToDouble(listener.stats().connections_total); });
  metrics.AddCounter("keyturn_resp_commands_total", "Commands of Redis clients that were answered.",
                     [&listener] { return ToDouble(listener.stats().commands_total); });
}

void AddMetricSources(const MetricSources& sources, Metrics& metrics) {
  Rooms& rooms = sources.rooms;
  AddStore(*rooms.store, metrics);
  AddKeys(*rooms.keyring, sources.key_turner, metrics);
  AddJwt(*rooms.jwt, metrics);
  AddApiKeys(*rooms.api_keys, metrics);
  AddWebhooks(*rooms.webhooks, metrics);
  metrics.AddGauge(
      "keyturn_sealed", "1 while the vault is sealed.",
      [&lifecycle = sources.lifecycle] { return lifecycle.unsealed().load() ? 0.0 : 1.0; });
  metrics.AddGauge("keyturn_kek_term", "Number of the active key-encryption key; 0 while sealed.",
                   [&rooms] { return ToDouble(rooms.keyring->status().kek_term.value()); });
  metrics.AddGauge("keyturn_audit_unsynced_bytes", "Bytes of the audit log not yet synced.",
                   [&rooms] { return ToDouble(rooms.audit->unsynced_bytes()); });
  metrics.AddGauge("keyturn_audit_failing", "1 while the audit log cannot be written.",
                   [&rooms] { return rooms.audit->failing() ? 1.0 : 0.0; });
  metrics.AddCounter("keyturn_audit_entries_total", "Entries in the audit log.",
                     [&rooms] { return ToDouble(rooms.audit->next_sequence() - 1); });
  metrics.AddGauge("keyturn_arena_bytes", "Size of the locked memory for plaintext.",
                   [] { return ToDouble(GetArenaStats().capacity); });
  metrics.AddGauge("keyturn_arena_in_use_bytes", "Locked memory in use.",
                   [] { return ToDouble(GetArenaStats().in_use); });
  metrics.AddGauge("keyturn_arena_locked", "1 when that memory can never be swapped.",
                   [] { return GetArenaStats().locked ? 1.0 : 0.0; });
  AddRotations(rooms, metrics);
  metrics.AddGauge("keyturn_clock_trusted",
                   "0 while nothing rotates by time because the clock has jumped or is behind.",
                   [&rooms] { return rooms.rotation->clock_trusted() ? 1.0 : 0.0; });
  metrics.AddGauge(
      "keyturn_clock_ahead_seconds",
      "How far the clock was ahead of the last time known, at unseal; 0: less than a day.",
      [&rooms] { return absl::ToDoubleSeconds(rooms.rotation->stats().clock_ahead); });
  metrics.AddGauge("keyturn_rotation_laggards",
                   "Consumers that still use a version in its grace, of the secrets that were used "
                   "or changed since the unseal.",
                   [&rooms] { return ToDouble(rooms.usage->stats().laggards); });
  metrics.AddGauge("keyturn_uses_waiting",
                   "Consumers of versions that were counted and wait to be written, for a minute.",
                   [&rooms] { return ToDouble(rooms.usage->stats().waiting); });
  metrics.AddCounter("keyturn_uses_lost_total",
                     "Uses whose consumer could not be kept: it is known only that there is one.",
                     [&rooms] { return ToDouble(rooms.usage->stats().lost); });
  metrics.AddGauge("keyturn_usage_records_failing",
                   "Secrets of which it is not known who uses them: their record does not open.",
                   [&rooms] { return ToDouble(rooms.usage->stats().failing); });
  metrics.AddGauge("keyturn_watchers", "Open watches of secrets.",
                   [&watchers = sources.watchers] { return ToDouble(watchers.size()); });
  metrics.AddGauge("keyturn_integrity_pass_timestamp_seconds",
                   "When the last whole integrity pass ended.",
                   [&integrity = sources.integrity] { return integrity.finished_seconds(); });
  metrics.AddGauge("keyturn_integrity_problems", "What it found; anything but 0 is an emergency.",
                   [&integrity = sources.integrity] { return integrity.problems(); });
  metrics.AddGauge("keyturn_audit_followers", "Open streams of the audit log.",
                   [&followers = sources.followers] { return ToDouble(followers.size()); });
}

}  // namespace keyturn
