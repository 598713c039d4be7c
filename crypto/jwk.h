// Public keys as JSON web keys (RFC 7517, 7518 section 6, 8037 section 2), for a set that verifiers
// fetch. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/jose_key.h"

namespace keyturn {

// One JSON object with "kty", "use" ("sig"), "alg", "kid", then "n" and "e" for RS256, or "crv",
// "x" and (ES256) "y"; always in this order, without spaces. `public_der` is what JosePublicDer
// gave. INVALID_ARGUMENT for a bad key id, for a key that the algorithm does not take, and for
// HS256, whose key must never be published.
absl::StatusOr<std::string> PublicJwk(JoseAlgorithm algorithm, absl::string_view kid,
                                      absl::string_view public_der);

}  // namespace keyturn
