#include "vault/records.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/schema.h"

namespace keyturn {
namespace {

template <typename Message>
absl::StatusOr<Message> OpenAs(const KeyringSnapshot& keys, Purpose purpose, absl::string_view key,
                               absl::string_view sealed, uint64_t* generation = nullptr) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(keys, purpose, key, sealed));
  if (generation != nullptr) *generation = opened.generation;
  return ParseRecord<Message>(opened, "a record of the vault");
}

}  // namespace

std::string DirectoryPrefix(const KeyringSnapshot& keys, const Uuid& directory) {
  return IndexMac(keys, "directory", directory.bytes());
}

std::string EntryKey(const KeyringSnapshot& keys, const Uuid& directory, absl::string_view name,
                     bool is_directory) {
  return schema::IndexKey(DirectoryPrefix(keys, directory),
                          IndexMac(keys, is_directory ? "directory-name" : "secret-name", name));
}

absl::StatusOr<Entry> OpenEntry(const KeyringSnapshot& keys, absl::string_view key,
                                absl::string_view sealed) {
  ASSIGN_OR_RETURN(record::v1::IndexEntry record,
                   OpenAs<record::v1::IndexEntry>(keys, Purpose::kIndexEntry, key, sealed));
  Entry entry;
  entry.name = std::move(*record.mutable_name());
  entry.directory = record.directory();
  ASSIGN_OR_RETURN(entry.uuid, Uuid::FromBytes(record.uuid()));
  return entry;
}

absl::StatusOr<std::optional<Entry>> ReadEntry(const KeyringSnapshot& keys, const View& view,
                                               const Uuid& directory, absl::string_view name,
                                               bool is_directory) {
  const std::string key = EntryKey(keys, directory, name, is_directory);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kIndex, key));
  if (!sealed.has_value()) return std::optional<Entry>();
  ASSIGN_OR_RETURN(Entry entry, OpenEntry(keys, key, *sealed));
  return std::optional<Entry>(std::move(entry));
}

absl::Status WriteEntry(const KeyringSnapshot& keys, const Uuid& directory, const Entry& entry,
                        Batch& batch) {
  record::v1::IndexEntry record;
  record.set_name(entry.name);
  record.set_directory(entry.directory);
  record.set_uuid(std::string(entry.uuid.bytes()));
  const std::string key = EntryKey(keys, directory, entry.name, entry.directory);
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kIndexEntry, key, 0}, record.SerializeAsString()));
  batch.Put(Family::kIndex, key, sealed);
  return absl::OkStatus();
}

absl::StatusOr<SecretMetadata> OpenMetadata(const KeyringSnapshot& keys, const Uuid& secret,
                                            absl::string_view sealed) {
  uint64_t generation = 0;
  ASSIGN_OR_RETURN(SecretMetadata metadata,
                   OpenAs<SecretMetadata>(keys, Purpose::kSecretMetadata,
                                          schema::SecretMetadataKey(secret), sealed, &generation));
  metadata.set_generation(generation);
  return metadata;
}

absl::StatusOr<std::optional<SecretMetadata>> ReadMetadata(const KeyringSnapshot& keys,
                                                           const View& view, const Uuid& secret) {
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed,
                   view.Get(Family::kRecords, schema::SecretMetadataKey(secret)));
  if (!sealed.has_value()) return std::optional<SecretMetadata>();
  ASSIGN_OR_RETURN(SecretMetadata metadata, OpenMetadata(keys, secret, *sealed));
  return std::optional<SecretMetadata>(std::move(metadata));
}

absl::StatusOr<std::string> SealMetadata(const KeyringSnapshot& keys, const Uuid& secret,
                                         absl::Time now, SecretMetadata* metadata) {
  metadata->set_generation(metadata->generation() + 1);
  metadata->set_updated_ms(absl::ToUnixMillis(now));
  return SealRecord(
      keys, {Purpose::kSecretMetadata, schema::SecretMetadataKey(secret), metadata->generation()},
      metadata->SerializeAsString());
}

absl::Status WriteMetadata(const KeyringSnapshot& keys, const Uuid& secret, absl::Time now,
                           SecretMetadata* metadata, Batch& batch) {
  ASSIGN_OR_RETURN(const std::string sealed, SealMetadata(keys, secret, now, metadata));
  batch.Put(Family::kRecords, schema::SecretMetadataKey(secret), sealed);
  return absl::OkStatus();
}

RecordIdentity IdentityOf(absl::string_view sealed) {
  RecordIdentity out{};
  sealed = sealed.substr(0, out.size());
  std::copy(sealed.begin(), sealed.end(), out.begin());
  return out;
}

absl::Status WriteChange(const KeyringSnapshot& keys, v1::WatchResponse::Type type,
                         absl::string_view path, absl::string_view new_path, uint64_t version,
                         absl::Time now, Batch& batch) {
  record::v1::ChangeRecord record;
  record.set_type(static_cast<uint32_t>(type));
  record.set_path(std::string(path));
  record.set_new_path(std::string(new_path));
  record.set_version(version);
  record.set_time_ms(absl::ToUnixMillis(now));
  const std::string key = schema::RevisionKey(batch.revision());
  ASSIGN_OR_RETURN(const std::string sealed,
                   SealRecord(keys, {Purpose::kChange, key, 0}, record.SerializeAsString()));
  batch.Put(Family::kChanges, key, sealed);
  return absl::OkStatus();
}

absl::StatusOr<record::v1::ChangeRecord> OpenChange(const KeyringSnapshot& keys,
                                                    absl::string_view key,
                                                    absl::string_view sealed) {
  return OpenAs<record::v1::ChangeRecord>(keys, Purpose::kChange, key, sealed);
}

VersionPlace PlaceOf(const Uuid& secret, const SecretMetadata& metadata,
                     const VersionRecord& version) {
  return {.secret = secret,
          .version = SecretVersion(version.version()),
          .kind = metadata.kind(),
          .created_ms = version.created_ms()};
}

}  // namespace keyturn
