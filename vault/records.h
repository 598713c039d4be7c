// Sealed records of the vault: reading, opening, sealing and writing each kind. Places and purposes
// are bound here once, so that no other file can put a record where it does not belong.
// Thread-safe (no state). Errors: DATA_LOSS for what does not open.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "keyring/envelope.h"
#include "keyturn/record/v1/vault.pb.h"
#include "keyturn/v1/secret_service.pb.h"
#include "storage/store.h"

namespace keyturn {

using record::v1::SecretMetadata;
using record::v1::VersionRecord;

// One name in a directory. A secret and a directory may share a name.
struct Entry {
  std::string name;
  bool directory = false;
  Uuid uuid;

  // "name" or "name/": what listings show and order by.
  std::string Display() const { return directory ? name + "/" : name; }
};

// The prefix of all index keys of a directory, and the key of one name in it.
std::string DirectoryPrefix(const KeyringSnapshot& keys, const Uuid& directory);
std::string EntryKey(const KeyringSnapshot& keys, const Uuid& directory, absl::string_view name,
                     bool is_directory);

absl::StatusOr<Entry> OpenEntry(const KeyringSnapshot& keys, absl::string_view key,
                                absl::string_view sealed);
absl::StatusOr<std::optional<Entry>> ReadEntry(const KeyringSnapshot& keys, const View& view,
                                               const Uuid& directory, absl::string_view name,
                                               bool is_directory);
absl::Status WriteEntry(const KeyringSnapshot& keys, const Uuid& directory, const Entry& entry,
                        Batch& batch);

absl::StatusOr<SecretMetadata> OpenMetadata(const KeyringSnapshot& keys, const Uuid& secret,
                                            absl::string_view sealed);
// std::nullopt when there is none.
absl::StatusOr<std::optional<SecretMetadata>> ReadMetadata(const KeyringSnapshot& keys,
                                                           const View& view, const Uuid& secret);
// Moves the generation on and sets updated_ms; Seal gives the record, Write puts it into the batch.
absl::StatusOr<std::string> SealMetadata(const KeyringSnapshot& keys, const Uuid& secret,
                                         absl::Time now, SecretMetadata* metadata);
absl::Status WriteMetadata(const KeyringSnapshot& keys, const Uuid& secret, absl::Time now,
                           SecretMetadata* metadata, Batch& batch);

// Tells one state of a record from every other without opening it: its beginning, which holds the
// header and fresh randomness.
using RecordIdentity = std::array<char, 64>;
RecordIdentity IdentityOf(absl::string_view sealed);

// What a watcher will be told about this batch.
absl::Status WriteChange(const KeyringSnapshot& keys, v1::WatchResponse::Type type,
                         absl::string_view path, absl::string_view new_path, uint64_t version,
                         absl::Time now, Batch& batch);
absl::StatusOr<record::v1::ChangeRecord> OpenChange(const KeyringSnapshot& keys,
                                                    absl::string_view key,
                                                    absl::string_view sealed);

// Where the data of a version is bound to.
VersionPlace PlaceOf(const Uuid& secret, const SecretMetadata& metadata,
                     const VersionRecord& version);

}  // namespace keyturn
