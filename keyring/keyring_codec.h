// keyring.ktn and its second copy: all keys of the vault, sealed under the root key. Also makes the
// keys of a new vault. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"
#include "keyring/keyring_snapshot.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "storage/file_system.h"

namespace keyturn {

inline constexpr uint32_t kKeyringFormat = 1;
inline constexpr absl::string_view kKeyringCopies[] = {"keyring.ktn", "keyring.ktn.2"};

class KeyringCodec {
 public:
  // Fresh random keys with one KEK, term 1.
  static absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Generate(const Uuid& vault_id,
                                                                         int64_t created_ms);

  // Writes both copies, durably. `generation` must be above any written before.
  static absl::Status Write(const KeyringSnapshot& keys, const SecretBytes& root_key,
                            uint64_t generation, const std::string& directory, FileSystem& files);

  struct Opened {
    std::shared_ptr<const KeyringSnapshot> keys;
    uint64_t generation = 0;
  };
  // From the newer of the copies that open; the other is written again if it is bad or old.
  // DATA_LOSS when neither opens; FAILED_PRECONDITION when either is of another format, and then
  // nothing is written.
  static absl::StatusOr<Opened> Read(const Uuid& vault_id, const SecretBytes& root_key,
                                     const std::string& directory, FileSystem& files);

 private:
  static absl::Status DecodeKek(const record::v1::Kek& kek, KeyringSnapshot* keys);
  static absl::StatusOr<SecretBytes> Encode(const KeyringSnapshot& keys);
  static absl::StatusOr<std::shared_ptr<const KeyringSnapshot>> Decode(const Uuid& vault_id,
                                                                       const SecretBytes& plain);
};

}  // namespace keyturn
