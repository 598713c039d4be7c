// The keys of an audit log: they sign its checkpoints (Ed25519 over the size and root of the tree
// and the head of the chain) and make its MACs. A checkpoint is due after a number of entries, or a
// time after the first entry that is not signed yet, so a log that rests is signed to its end. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "audit/chain.h"
#include "keyring/keyring.h"
#include "storage/file_system.h"

namespace keyturn {

class AuditSigner {
 public:
  // Where the log stands at start: the sequence after the last entry of its newest checkpoint.
  explicit AuditSigner(uint64_t signed_next = 1) : signed_next_(signed_next) {}

  // nullptr at seal: nothing is signed without keys.
  void SetKeys(std::shared_ptr<const KeyringSnapshot> keys);
  // Entries were written. Times are monotonic.
  void Wrote(int64_t now_nanos);

  // Whether there is something to sign, at once or later.
  bool waiting() const { return waiting_since_nanos_.has_value(); }
  // How long until a checkpoint is due; infinite when none is waiting.
  absl::Duration DueIn(const ChainState& state, int64_t now_nanos) const;
  // The frame of a checkpoint, which the caller writes; std::nullopt when there is nothing new to
  // sign, or no key. Moves the state on.
  std::optional<std::string> Checkpoint(ChainState* state);

  // Empty before the first keys, and kept when they go.
  const std::string& public_key() const { return public_key_; }
  // Hex of a MAC; "" without keys.
  std::string MacOf(absl::string_view value) const;

 private:
  std::shared_ptr<const KeyringSnapshot> keys_;
  std::string public_key_;
  uint64_t signed_next_;
  std::optional<int64_t> waiting_since_nanos_;  // of the first entry that is not signed
};

// In a file beside the segments, for who verifies them without the server.
absl::Status WritePublicKey(const std::string& public_key, FileSystem& files,
                            const std::string& directory);

}  // namespace keyturn
