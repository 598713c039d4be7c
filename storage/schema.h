// The only place that knows keys. Every key of every family is built and taken apart here, so that
// docs/FORMAT.md can be checked against one file. Keys of covered families start with bytes that
// look random (a uuid or a MAC), which spreads them over the 256 accumulators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/types.h"
#include "storage/store.h"

namespace keyturn::schema {

// Column family name on disk.
absl::string_view FamilyName(Family family);

// records: uuid || kind byte || rest.
std::string SecretMetadataKey(const Uuid& secret);                   // uuid || 'm'
std::string PayloadKey(const Uuid& secret, SecretVersion version);   // uuid || 'p' || BE64
std::string DirectoryKey(const Uuid& directory);                     // uuid || 'd'
std::string RotationRunKey(const Uuid& secret, uint64_t run);        // uuid || 'r' || BE64
std::string RefreshFamilyKey(const Uuid& family);                    // uuid || 'f'
std::string UsageKey(const Uuid& secret);                            // uuid || 'u'
std::string WebhookKeyKey(const Uuid& webhook);                      // uuid || 'k'
std::string WebhookDeliveryKey(const Uuid& webhook, Revision told);  // uuid || 'w' || BE64
// Whether a key of `records` is one of these.
bool IsMetadataKey(absl::string_view key);
bool IsPayloadKey(absl::string_view key);
bool IsDirectoryKey(absl::string_view key);
bool IsRotationRunKey(absl::string_view key);
bool IsUsageKey(absl::string_view key);
bool IsWebhookKeyKey(absl::string_view key);
bool IsWebhookDeliveryKey(absl::string_view key);
// std::nullopt: it is no SecretMetadataKey.
std::optional<Uuid> ParseSecretMetadataKey(absl::string_view key);
// Whose metadata an operation writes or deletes; std::nullopt: it does neither.
std::optional<Uuid> SecretOf(const Batch::Operation& operation);
// REQUIRES: IsWebhookDeliveryKey(key).
struct WebhookRow {
  Uuid webhook;
  Revision told;  // of the change that it tells of
};
WebhookRow ParseWebhookDeliveryKey(absl::string_view key);
// Named records of auth (policies, roles, ...): mac16 of the name || 'n' || class byte.
std::string NamedRecordKey(absl::string_view name_mac16, uint8_t record_class);

// deks: uuid || BE64 version.
std::string DekKey(const Uuid& secret, SecretVersion version);

// index: MAC16(directory uuid) || MAC16(name); the prefix lists a directory.
std::string IndexKey(absl::string_view directory_mac16, absl::string_view name_mac16);

// due: uuid || BE64 seconds || class byte. The uuid first spreads the accumulators; due items are
// found by the in-memory timer queue that is filled by one scan at unseal.
std::string DueKey(const Uuid& object, absl::Time when, uint8_t due_class);
struct DueItem {
  Uuid object;
  absl::Time when;
  uint8_t due_class = 0;
};
std::optional<DueItem> ParseDueKey(absl::string_view key);

// changes, audit_tail: BE64 revision.
std::string RevisionKey(Revision revision);
std::optional<Revision> ParseRevisionKey(absl::string_view key);

// revlog: BE32 hour || BE64 revision.
std::string RevlogKey(uint32_t hour, Revision revision);
struct RevlogItem {
  uint32_t hour = 0;
  Revision revision;
};
std::optional<RevlogItem> ParseRevlogKey(absl::string_view key);

// meta.
inline constexpr absl::string_view kRevisionKey = "revision";
inline constexpr absl::string_view kFormatKey = "format";
inline constexpr absl::string_view kAuditSyncedKey = "audit/synced";
std::string AccumulatorKey(uint8_t bucket);  // "acc/" || byte

// The smallest key greater than every key with this prefix; "" when there is none.
std::string PrefixEnd(absl::string_view prefix);

}  // namespace keyturn::schema
