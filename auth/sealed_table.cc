#include "auth/sealed_table.h"

#include "base/status_macros.h"
#include "keyring/table_prefix.h"
#include "storage/schema.h"

namespace keyturn {

std::string SealedTable::Prefix(const KeyringSnapshot& keys) const {
  return TablePrefix(keys, purpose_);
}

std::string SealedTable::Key(const KeyringSnapshot& keys, absl::string_view name) const {
  return schema::IndexKey(Prefix(keys), IndexMac(keys, "auth-name", name));
}

absl::Status SealedTable::Put(const KeyringSnapshot& keys, const View& view, absl::string_view name,
                              absl::string_view plaintext, Batch& batch) const {
  return PutRecord(keys, view, Family::kIndex, purpose_, Key(keys, name), plaintext, batch);
}

void SealedTable::Delete(const KeyringSnapshot& keys, absl::string_view name, Batch& batch) const {
  batch.Delete(Family::kIndex, Key(keys, name));
}

absl::StatusOr<SecretBytes> SealedTable::Open(const KeyringSnapshot& keys, absl::string_view key,
                                              absl::string_view sealed) const {
  ASSIGN_OR_RETURN(OpenedRecord opened, OpenRecord(keys, purpose_, key, sealed));
  return std::move(opened.plaintext);
}

absl::StatusOr<std::optional<SecretBytes>> SealedTable::Get(const KeyringSnapshot& keys,
                                                            const View& view,
                                                            absl::string_view name) const {
  const std::string key = Key(keys, name);
  ASSIGN_OR_RETURN(const std::optional<std::string> sealed, view.Get(Family::kIndex, key));
  if (!sealed.has_value()) return std::optional<SecretBytes>();
  ASSIGN_OR_RETURN(OpenedRecord opened, OpenRecord(keys, purpose_, key, *sealed));
  return std::optional<SecretBytes>(std::move(opened.plaintext));
}

absl::Status SealedTable::ForEach(
    const KeyringSnapshot& keys, const Snapshot& snapshot,
    absl::FunctionRef<absl::Status(absl::string_view plaintext)> fn) const {
  const std::string prefix = Prefix(keys);
  absl::Status status;
  RETURN_IF_ERROR(snapshot.Scan(Family::kIndex, prefix, schema::PrefixEnd(prefix),
                                [&](absl::string_view key, absl::string_view sealed) {
                                  const absl::StatusOr<OpenedRecord> opened =
                                      OpenRecord(keys, purpose_, key, sealed);
                                  status = opened.status();
                                  if (status.ok()) {
                                    status = fn(opened->plaintext.ExposeForCrypto());
                                  }
                                  return status.ok();
                                }));
  return status;
}

}  // namespace keyturn
