// Whether the claims of a token may be believed: by whom and for whom it was made, and when.
// Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "crypto/jwt_claims.h"

namespace keyturn {

struct JwtExpectations {
  std::string issuer;    // compared byte by byte: "https://a" is not "https://a/"
  std::string audience;  // likewise
  // What clocks may differ by: 0 to limits::kJwtLeewaySecondsMax.
  absl::Duration leeway = absl::Seconds(limits::kJwtLeewaySecondsDefault);
  // The most from "iat" to "exp".
  absl::Duration max_lifetime = absl::Seconds(limits::kJwtLifetimeSecondsDefault);
  // A token without an id cannot be revoked by itself.
  bool require_jti = true;
  // A token for several audiences can be used at one by another. Where that is accepted, `audience`
  // must be among them.
  bool allow_other_audiences = false;
};

// OK when the claims are as expected at `now`. UNAUTHENTICATED otherwise, with a reason
// (base/reason.h):
//   TOKEN_CLAIMS         "sub", "exp", "iat" or, where required, "jti" is missing; "exp" is not
//                        after "iat", or too long after it
//   TOKEN_EXPIRED        now >= exp + leeway
//   TOKEN_NOT_YET_VALID  now + leeway < iat, or, where there is an "nbf", < nbf
//   TOKEN_ISSUER         "iss" is missing or another
//   TOKEN_AUDIENCE       "aud" is missing, another, or (see above) not the only one
// INVALID_ARGUMENT for expectations without issuer or audience, or with a leeway out of bounds.
absl::Status CheckClaims(const JwtClaims& claims, const JwtExpectations& expected, absl::Time now);

}  // namespace keyturn
