#include "server/background.h"

#include "audit/server_event.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status RunDue(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  // What is destroyed by a clock that is wrong does not come back.
  if (!parts.rooms.rotation->clock_trusted()) return absl::OkStatus();
  ServerUpdater updater("secret_expired", *parts.rooms.store, *parts.rooms.audit, parts.clock);
  absl::Time next;
  return parts.rooms.vault->RunDue(updater, &next).status();
}

absl::Status RunRotations(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  absl::Time next;
  return parts.rooms.rotation->RunDue(&next).status();
}

absl::Status PurgeRefreshTokens(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  if (!parts.rooms.rotation->clock_trusted()) return absl::OkStatus();
  absl::Time next;
  return parts.rooms.jwt->RunDue(&next).status();
}

absl::Status KeepApiKeys(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  RETURN_IF_ERROR(parts.rooms.api_keys->WriteUses());
  return parts.rooms.api_keys->RemoveEnded();
}

absl::Status WriteUses(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  return parts.rooms.usage->WriteDue();
}

absl::Status TellOthers(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  return parts.rooms.webhooks->RunDue();
}

absl::Status PurgeTokens(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  ServerUpdater updater("token_purged", *parts.rooms.store, *parts.rooms.audit, parts.clock);
  return parts.rooms.tokens->Purge(updater).status();
}

// Refusals beyond the bound of one second, as one entry with a count.
absl::Status WriteCounted(const BackgroundParts& parts) {
  for (const RefusalLimiter::Counted& counted : parts.refusals.TakeDue(parts.clock.Now())) {
    AuditEvent event = ServerEvent("calls_refused", parts.clock);
    event.principal = "-";
    event.time = counted.second;
    event.source = counted.source;
    event.count = static_cast<uint64_t>(counted.count);
    event.outcome = "UNAUTHENTICATED";
    event.reason = "COUNTED";
    RETURN_IF_ERROR(parts.rooms.audit->Append(event));
  }
  return absl::OkStatus();
}

absl::Status SweepRevocations(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  return parts.rooms.revocations->Sweep();
}

absl::Status MoveAnchor(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  return parts.rooms.keyring->WriteAnchor(parts.rooms.store->LastRevision());
}

absl::Status SaveKekUses(const BackgroundParts& parts) {
  if (!parts.lifecycle.unsealed().load()) return absl::OkStatus();
  return parts.rooms.keyring->SaveKekUses();
}

}  // namespace

std::vector<Janitor::Task> BackgroundTasks(const BackgroundParts& parts) {
  std::vector<Janitor::Task> tasks = {
      {"due items", absl::Seconds(1), [parts] { return RunDue(parts); }},
      {"rotations", absl::Seconds(1), [parts] { return RunRotations(parts); }},
      {"expired refresh tokens", absl::Seconds(1), [parts] { return PurgeRefreshTokens(parts); }},
      {"uses of secrets", absl::Seconds(1), [parts] { return WriteUses(parts); }},
      {"webhooks", absl::Seconds(1), [parts] { return TellOthers(parts); }},
      {"key uses", absl::Seconds(1), [parts] { return SaveKekUses(parts); }},
      {"expired revocations", absl::Seconds(1), [parts] { return SweepRevocations(parts); }},
      {"counted refusals", absl::Seconds(1), [parts] { return WriteCounted(parts); }},
      {"uses of API keys", absl::Seconds(limits::kApiKeyUsesSeconds),
       [parts] { return KeepApiKeys(parts); }},
      {"expired tokens", absl::Minutes(1), [parts] { return PurgeTokens(parts); }},
      {"idle streams", absl::Seconds(limits::kWatchTickSeconds),
       [parts] {
         parts.watchers.WakeAll();
         return absl::OkStatus();
       }},
      {"certificate renewal", absl::Hours(24), parts.reload_certificates},
  };
  if (parts.anchor) {
    tasks.push_back({"anchor", absl::Seconds(5), [parts] { return MoveAnchor(parts); }});
  }
  return tasks;
}

}  // namespace keyturn
