// A small table of sealed records by name, in the index family under a prefix of its own, so that
// it can be scanned without reading anything else. Names are confidential: the key is a MAC.
// Thread-safe (no state).
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "keyring/envelope.h"
#include "storage/store.h"

namespace keyturn {

class SealedTable {
 public:
  explicit SealedTable(Purpose purpose) : purpose_(purpose) {}

  // Inside an update. Put replaces, with the next generation.
  absl::Status Put(const KeyringSnapshot& keys, const View& view, absl::string_view name,
                   absl::string_view plaintext, Batch& batch) const;
  void Delete(const KeyringSnapshot& keys, absl::string_view name, Batch& batch) const;

  // std::nullopt when absent.
  absl::StatusOr<std::optional<SecretBytes>> Get(const KeyringSnapshot& keys, const View& view,
                                                 absl::string_view name) const;
  // Calls `fn` with each record, in no order; its error ends the scan.
  absl::Status ForEach(const KeyringSnapshot& keys, const Snapshot& snapshot,
                       absl::FunctionRef<absl::Status(absl::string_view plaintext)> fn) const;

  // For who follows commits: what the keys of this table's records in the index family begin with,
  // and such a record opened.
  std::string Prefix(const KeyringSnapshot& keys) const;
  absl::StatusOr<SecretBytes> Open(const KeyringSnapshot& keys, absl::string_view key,
                                   absl::string_view sealed) const;

 private:
  std::string Key(const KeyringSnapshot& keys, absl::string_view name) const;

  const Purpose purpose_;
};

}  // namespace keyturn
