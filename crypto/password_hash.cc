#include "crypto/password_hash.h"

#include <sodium.h>

#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

// Chooses libsodium's implementations for this processor; may be called again.
[[maybe_unused]] const bool sodium_ready = sodium_init() >= 0;

}  // namespace

absl::StatusOr<SecretBytes> Argon2idKey(absl::string_view passphrase, absl::string_view salt,
                                        const Argon2Params& params) {
  if (salt.size() != kArgon2SaltSize) {
    return absl::InvalidArgumentError("an Argon2id salt has 16 bytes");
  }
  if (params.iterations < 1 || params.iterations > 64 || params.memory_bytes < 8 * limits::kKiB ||
      params.memory_bytes > 4096 * limits::kMiB) {
    return absl::InvalidArgumentError(
        absl::StrCat("Argon2id with ", params.iterations, " iterations and ", params.memory_bytes,
                     " bytes: allowed are 1 to 64 iterations and 8 KiB to 4 GiB"));
  }
  // One at a time: the memory is large, and an unauthenticated caller can ask for it.
  static absl::Mutex one_at_a_time(absl::kConstInit);
  const absl::MutexLock lock(&one_at_a_time);
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(32));
  if (crypto_pwhash(reinterpret_cast<unsigned char*>(out.Mutable().data()), out.size(),
                    passphrase.data(), passphrase.size(),
                    reinterpret_cast<const unsigned char*>(salt.data()), params.iterations,
                    params.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for Argon2id: it needs ", params.memory_bytes, " bytes"));
  }
  return out;
}

}  // namespace keyturn
