// What the index keeps of a token instead of its name: 82 bits of a keyed hash (docs/REVOCATION.md
// has what that means for false positives). Without the key, which is in the keyring, nobody can
// tell a fingerprint's token, or find two tokens that share one.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/limits.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

struct Fingerprint {
  uint32_t region = 0;  // below limits::kRevocationRegions: where in the index
  uint64_t tag = 0;     // never 0: what is kept there

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Thread-safe.
class Fingerprinter {
 public:
  // `hash_key`: the keyring's revocation_hash_key, from which a key of its own is derived.
  static absl::StatusOr<Fingerprinter> Create(const SecretBytes& hash_key);

  // Of a token's key as the Redis protocol names it ("revoked:6f1c…"). 25 ns for 44 bytes.
  Fingerprint Of(absl::string_view key) const;

 private:
  explicit Fingerprinter(SecretBytes key) : key_(std::move(key)) {}

  SecretBytes key_;
};

}  // namespace keyturn
