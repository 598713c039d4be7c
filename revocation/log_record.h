// Sealing and opening records of the revocation log (docs/FORMAT.md, "The revocation log"). The
// header of a sealed record carries its group's number, in clear and authenticated; the hour of its
// key is its place. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"

namespace keyturn {

class LogSealer {
 public:
  static absl::StatusOr<LogSealer> Create(const KeyringSnapshot& keys);

  absl::StatusOr<std::string> Seal(uint32_t hour, uint64_t group, absl::string_view body) const;
  // DATA_LOSS when it was not sealed for this hour, in this vault.
  absl::StatusOr<SecretBytes> Open(uint32_t hour, absl::string_view sealed) const;
  // As the header says; of a record that opens, the truth. std::nullopt when there is no header.
  static std::optional<uint64_t> GroupOf(absl::string_view sealed);

 private:
  LogSealer(SecretBytes key, const Uuid& vault_id) : key_(std::move(key)), vault_id_(vault_id) {}

  SecretBytes key_;
  Uuid vault_id_;
};

// The hour of the key of the log's state: no record has it.
inline constexpr uint32_t kStateHour = 0;

// Where the log stands. All groups after `counted` are there whole; of those up to it, all records
// of the hours in `records`, so many, and none that still counts of earlier hours.
struct LogState {
  uint64_t counted = 0;     // number of a group
  uint32_t hours_from = 1;  // records of earlier hours are dropped, or being dropped
  std::map<uint32_t, uint64_t> records = {};
};
absl::StatusOr<std::string> SealState(const LogSealer& sealer, const LogState& state);
absl::StatusOr<LogState> OpenState(const LogSealer& sealer, absl::string_view sealed);

}  // namespace keyturn
