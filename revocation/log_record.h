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
#include "storage/store.h"

namespace keyturn {

class LogSealer {
 public:
  static absl::StatusOr<LogSealer> Create(const KeyringSnapshot& keys);

  absl::StatusOr<std::string> Seal(uint32_t hour, uint64_t group, absl::string_view body) const;
  // DATA_LOSS when it was not sealed for this hour, in this vault.
  absl::StatusOr<SecretBytes> Open(uint32_t hour, absl::string_view sealed) const;
  // As the header says; of a record that opens, the truth. std::nullopt when there is no header.
  static std::optional<uint64_t> GroupOf(absl::string_view sealed);

  // The same of a snapshot's chunk, whose place is its id (ChunkId). No record opens as one.
  absl::StatusOr<std::string> SealChunk(uint64_t id, absl::string_view body) const;
  absl::StatusOr<SecretBytes> OpenChunk(uint64_t id, absl::string_view sealed) const;

 private:
  absl::StatusOr<std::string> SealAt(absl::string_view place, uint64_t generation,
                                     absl::string_view body) const;

  LogSealer(SecretBytes key, const Uuid& vault_id) : key_(std::move(key)), vault_id_(vault_id) {}

  SecretBytes key_;
  Uuid vault_id_;
};

// The hour of the key of the log's state: no record has it.
inline constexpr uint32_t kStateHour = 0;

// Chunks stand under kStateHour as well, each with its id in place of a revision, behind the state.
constexpr uint64_t ChunkId(uint64_t snapshot, uint32_t chunk) { return snapshot << 32 | chunk; }
constexpr uint64_t SnapshotOfChunk(uint64_t id) { return id >> 32; }

// What the list was once, in `chunks` chunks (revocation/snapshot_chunk.h).
struct SnapshotMark {
  uint64_t number = 0;  // 0: there is none
  uint32_t chunks = 0;
  Revision revision = Revision(0);  // all records up to it are in the snapshot
  uint64_t group = 0;               // the number of the last of them; all behind have later ones
  std::string digest = {};          // as ChunkDigest ends up with
};

// A hash over what opening each of the chunks proves, in their order: their places, salts,
// commitments and tags. Pure.
class ChunkDigest {
 public:
  // REQUIRES: `sealed` is a sealed chunk; anything else gives some other digest.
  void Add(absl::string_view sealed);
  std::string Finish() const;

 private:
  std::string heads_and_tags_;  // 106 bytes of each chunk of half a megabyte
};

// What is there of one hour.
struct HeldRecords {
  uint64_t records = 0;
  uint64_t bytes = 0;  // not part of the state as it is written
};

// Where the log stands. All groups after `counted` are there whole; of those up to it, all records
// of the hours in `held`, so many, and none that still counts of earlier hours. Records that are in
// the snapshot are not counted: they are dropped, or being dropped.
struct LogState {
  uint64_t counted = 0;     // number of a group
  uint32_t hours_from = 1;  // records of earlier hours are dropped, or being dropped
  std::map<uint32_t, HeldRecords> held = {};
  SnapshotMark snapshot = {};
};
absl::StatusOr<std::string> SealState(const LogSealer& sealer, const LogState& state);
absl::StatusOr<LogState> OpenState(const LogSealer& sealer, absl::string_view sealed);
// As it is in the store; that of an empty log when there is none. DATA_LOSS when it does not open,
// is of a later revision than the store's, or is missing where chunks are.
absl::StatusOr<LogState> ReadState(const LogSealer& sealer, const Snapshot& snapshot);
// What else the revocation log's DATA_LOSS says: "the revocation log: " and this.
absl::Status LogDamage(absl::string_view what);

}  // namespace keyturn
