// Randomness from the operating system (getrandom(2), through libsodium), asked for each time: no
// state of ours that a fork or a snapshot of the machine could repeat, and a third of what a nonce
// costs from OpenSSL's generator. The process aborts when there is none: nothing safe can be done
// then. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/types.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

void FillRandom(absl::Span<char> out);
// Public bytes: nonces, salts, ids.
std::string RandomBytes(size_t size);
// A key or generated value.
absl::StatusOr<SecretBytes> RandomSecret(size_t size);
// RFC 9562 version 4.
Uuid RandomUuid();
// Uniform in [0, bound), without modulo bias. REQUIRES: bound > 0.
uint64_t RandomBelow(uint64_t bound);

}  // namespace keyturn
