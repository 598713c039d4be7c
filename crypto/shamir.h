// Shamir's secret sharing over GF(2^8) (A. Shamir, "How to share a secret", 1979), byte by byte
// with the AES polynomial. Arithmetic is branch-free and table-free, so time does not depend on
// shares. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

struct ShamirShare {
  uint8_t index = 0;  // x coordinate, 1..255
  SecretBytes value;  // as long as the secret
};

// `shares` shares of which any `threshold` recover `secret`. INVALID_ARGUMENT unless
// 1 <= threshold <= shares <= limits::kSharesMax and the secret is not empty.
absl::StatusOr<std::vector<ShamirShare>> ShamirSplit(const SecretBytes& secret, int shares,
                                                     int threshold);

// Interpolates from exactly the shares given; the caller knows the threshold. A wrong or missing
// share gives a wrong secret, not an error: check the result with a commitment. INVALID_ARGUMENT
// for no shares, equal indexes, index 0 or unequal sizes.
absl::StatusOr<SecretBytes> ShamirCombine(absl::Span<const ShamirShare> shares);

}  // namespace keyturn
