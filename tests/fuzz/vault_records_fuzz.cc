// What stands inside the vault's records, sealed as it should be but holding any bytes: a record
// that opens is written again and then says the same. Protobuf has no canonical form (unknown
// fields, order), so messages are compared, not bytes.
#include <google/protobuf/util/message_differencer.h>

#include "storage/schema.h"
#include "tests/fuzz/fuzz.h"
#include "vault/records.h"

namespace keyturn::fuzz {
namespace {

std::string SealedAt(Purpose purpose, const std::string& key, absl::string_view plain) {
  return Must(SealRecord(FixedKeys(), {purpose, key, 7}, plain), "it is sealed");
}

void CheckEntry(absl::string_view plain) {
  const std::string key(32, 'k');
  const absl::StatusOr<Entry> entry =
      OpenEntry(FixedKeys(), key, SealedAt(Purpose::kIndexEntry, key, plain));
  if (!entry.ok()) return;
  Batch batch{Revision(1)};
  Require(WriteEntry(FixedKeys(), Uuid(), *entry, batch).ok(), "an entry is written");
  const Batch::Operation& written = batch.operations().front();
  const Entry again = Must(OpenEntry(FixedKeys(), written.key, written.value), "it opens");
  Require(
      again.name == entry->name && again.directory == entry->directory && again.uuid == entry->uuid,
      "an entry says the same");
}

void CheckMetadata(absl::string_view plain) {
  const std::string sealed =
      SealedAt(Purpose::kSecretMetadata, schema::SecretMetadataKey(FixedVault()), plain);
  absl::StatusOr<SecretMetadata> metadata = OpenMetadata(FixedKeys(), FixedVault(), sealed);
  if (!metadata.ok()) return;
  Require(metadata->generation() == 7, "the generation is the authenticated one");
  const std::string again = Must(
      SealMetadata(FixedKeys(), FixedVault(), absl::UnixEpoch(), &*metadata), "it is sealed again");
  Require(google::protobuf::util::MessageDifferencer::Equals(
              Must(OpenMetadata(FixedKeys(), FixedVault(), again), "it opens"), *metadata),
          "metadata says the same");
  for (const VersionRecord& version : metadata->versions()) {
    Require(PlaceOf(FixedVault(), *metadata, version).version.value() == version.version(),
            "place");
  }
}

void CheckChange(absl::string_view plain) {
  const std::string key = schema::RevisionKey(Revision(9));
  const absl::StatusOr<record::v1::ChangeRecord> change =
      OpenChange(FixedKeys(), key, SealedAt(Purpose::kChange, key, plain));
  if (!change.ok()) return;
  Batch batch{Revision(9)};
  Require(WriteChange(FixedKeys(), static_cast<v1::WatchResponse::Type>(change->type()),
                      change->path(), change->new_path(), change->version(),
                      absl::FromUnixMillis(change->time_ms()), batch)
              .ok(),
          "a change is written");
  const Batch::Operation& written = batch.operations().front();
  const auto again = Must(OpenChange(FixedKeys(), written.key, written.value), "it opens");
  Require(again.type() == change->type() && again.path() == change->path() &&
              again.new_path() == change->new_path() && again.version() == change->version() &&
              again.time_ms() == change->time_ms(),
          "a change says the same");
}

}  // namespace

void FuzzVaultRecords(absl::string_view input) {
  const uint8_t kind = TakeByte(&input);
  if (kind % 3 == 0) return CheckEntry(input);
  if (kind % 3 == 1) return CheckMetadata(input);
  CheckChange(input);
}

}  // namespace keyturn::fuzz

FUZZ_TARGET(FuzzVaultRecords)
