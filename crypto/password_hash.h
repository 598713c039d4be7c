// Argon2id (RFC 9106; libsodium) for passphrases. Slow and large by intent: never inside an Update,
// and at most one at a time in a process (callers queue on a mutex inside). Thread-safe.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

inline constexpr size_t kArgon2SaltSize = 16;

struct Argon2Params {
  uint64_t iterations = 3;
  uint64_t memory_bytes = uint64_t{256} * 1024 * 1024;
};

// 32 bytes of key. INVALID_ARGUMENT for a salt of another size or parameters outside
// [1, 64] iterations and [8 KiB, 4 GiB]; RESOURCE_EXHAUSTED when the memory is not to be had.
absl::StatusOr<SecretBytes> Argon2idKey(absl::string_view passphrase, absl::string_view salt,
                                        const Argon2Params& params);

}  // namespace keyturn
