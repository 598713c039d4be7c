#include "storage/schema.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"

namespace keyturn::schema {

absl::string_view FamilyName(Family family) {
  switch (family) {
    case Family::kRecords:
      return "records";
    case Family::kDeks:
      return "deks";
    case Family::kIndex:
      return "index";
    case Family::kDue:
      return "due";
    case Family::kChanges:
      return "changes";
    case Family::kRevlog:
      return "revlog";
    case Family::kAuditTail:
      return "audit_tail";
    case Family::kMeta:
      return "meta";
  }
  return "unknown";
}

std::string SecretMetadataKey(const Uuid& secret) { return absl::StrCat(secret.bytes(), "m"); }

std::string PayloadKey(const Uuid& secret, SecretVersion version) {
  return absl::StrCat(secret.bytes(), "p", BigEndian64(version.value()));
}

std::string DirectoryKey(const Uuid& directory) { return absl::StrCat(directory.bytes(), "d"); }

std::string RotationRunKey(const Uuid& secret, uint64_t run) {
  return absl::StrCat(secret.bytes(), "r", BigEndian64(run));
}

std::string RefreshFamilyKey(const Uuid& family) { return absl::StrCat(family.bytes(), "f"); }

std::string UsageKey(const Uuid& secret) { return absl::StrCat(secret.bytes(), "u"); }

std::string WebhookKeyKey(const Uuid& webhook) { return absl::StrCat(webhook.bytes(), "k"); }

std::string WebhookDeliveryKey(const Uuid& webhook, Revision told) {
  return absl::StrCat(webhook.bytes(), "w", BigEndian64(told.value()));
}

bool IsMetadataKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 && key.back() == 'm';
}

std::optional<Uuid> ParseSecretMetadataKey(absl::string_view key) {
  if (!IsMetadataKey(key)) return std::nullopt;
  return *Uuid::FromBytes(key.substr(0, Uuid::kSize));
}

std::optional<Uuid> SecretOf(const Batch::Operation& operation) {
  if (operation.family != Family::kRecords) return std::nullopt;
  return ParseSecretMetadataKey(operation.key);
}

bool IsPayloadKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 + sizeof(uint64_t) && key[Uuid::kSize] == 'p';
}

bool IsDirectoryKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 && key.back() == 'd';
}

bool IsRotationRunKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 + sizeof(uint64_t) && key[Uuid::kSize] == 'r';
}

bool IsUsageKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 && key.back() == 'u';
}

bool IsWebhookKeyKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 && key.back() == 'k';
}

bool IsWebhookDeliveryKey(absl::string_view key) {
  return key.size() == Uuid::kSize + 1 + sizeof(uint64_t) && key[Uuid::kSize] == 'w';
}

WebhookRow ParseWebhookDeliveryKey(absl::string_view key) {
  WebhookRow row;
  row.webhook = *Uuid::FromBytes(key.substr(0, Uuid::kSize));
  key.remove_prefix(Uuid::kSize + 1);
  row.told = Revision(ReadBigEndian64(&key).value_or(0));
  return row;
}

std::string NamedRecordKey(absl::string_view name_mac16, uint8_t record_class) {
  std::string key = absl::StrCat(name_mac16, "n");
  key.push_back(static_cast<char>(record_class));
  return key;
}

std::string DekKey(const Uuid& secret, SecretVersion version) {
  return absl::StrCat(secret.bytes(), BigEndian64(version.value()));
}

std::string IndexKey(absl::string_view directory_mac16, absl::string_view name_mac16) {
  return absl::StrCat(directory_mac16, name_mac16);
}

std::string DueKey(const Uuid& object, absl::Time when, uint8_t due_class) {
  std::string key =
      absl::StrCat(object.bytes(), BigEndian64(static_cast<uint64_t>(absl::ToUnixSeconds(when))));
  key.push_back(static_cast<char>(due_class));
  return key;
}

std::optional<DueItem> ParseDueKey(absl::string_view key) {
  const std::optional<absl::string_view> object = ReadBytes(Uuid::kSize, &key);
  if (!object.has_value()) return std::nullopt;
  const std::optional<uint64_t> seconds = ReadBigEndian64(&key);
  if (!seconds.has_value()) return std::nullopt;
  const std::optional<uint8_t> due_class = ReadByte(&key);
  if (!due_class.has_value() || !key.empty()) return std::nullopt;
  return DueItem{.object = *Uuid::FromBytes(*object),
                 .when = absl::FromUnixSeconds(static_cast<int64_t>(*seconds)),
                 .due_class = *due_class};
}

std::string RevisionKey(Revision revision) { return BigEndian64(revision.value()); }

std::optional<Revision> ParseRevisionKey(absl::string_view key) {
  const std::optional<uint64_t> value = ReadBigEndian64(&key);
  if (!value.has_value() || !key.empty()) return std::nullopt;
  return Revision(*value);
}

std::string RevlogKey(uint32_t hour, Revision revision) {
  std::string key;
  AppendBigEndian32(hour, &key);
  AppendBigEndian64(revision.value(), &key);
  return key;
}

std::optional<RevlogItem> ParseRevlogKey(absl::string_view key) {
  const std::optional<uint32_t> hour = ReadBigEndian32(&key);
  if (!hour.has_value()) return std::nullopt;
  const std::optional<uint64_t> revision = ReadBigEndian64(&key);
  if (!revision.has_value() || !key.empty()) return std::nullopt;
  return RevlogItem{.hour = *hour, .revision = Revision(*revision)};
}

std::string AccumulatorKey(uint8_t bucket) {
  std::string key = "acc/";
  key.push_back(static_cast<char>(bucket));
  return key;
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace keyturn::schema
