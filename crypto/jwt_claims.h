// What a JSON web token says (RFC 7519): its claims, read from a payload and written for one. To be
// read only after the signature was verified (crypto/jws.h), and believed only after CheckClaims
// (crypto/jwt_check.h). Thread-safe (values).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace keyturn {

struct JwtClaims {
  std::string iss, sub, jti;     // "": absent
  std::vector<std::string> aud;  // empty: absent
  std::optional<absl::Time> exp, nbf, iat;
  std::vector<std::string> permissions;
  std::string other_json = "{}";  // all other claims, as one JSON object; what they mean is unknown

  friend bool operator==(const JwtClaims&, const JwtClaims&) = default;
};

// UNAUTHENTICATED with the reason TOKEN_CLAIMS (base/reason.h), naming the claim, for a payload
// that
//   - is not one JSON object as crypto/strict_json.h takes it: no name twice, at any level;
//   - has a claim of the wrong type: "iss", "sub" and "jti" are strings, "aud" a string or a list
//   of
//     them, "permissions" a list of strings;
//   - has a time that is no whole number of seconds since 1970. RFC 7519 would allow fractions;
//     they are refused, also "1.0" and "1e9", since no issuer needs them and readers round
//     differently. So is a number above limits::kJwtSecondsMax, which is milliseconds by mistake;
//   - has strings or lists longer than limits.h says, control characters in one of these strings,
//     or an empty audience or permission.
// A claim that is absent is no error here.
absl::StatusOr<JwtClaims> ParseClaims(absl::string_view payload);

// The payload with these claims, in the order iss, sub, aud, exp, nbf, iat, jti, permissions, then
// the others by name; absent ones are left out. Times lose their fractions of a second; one
// audience is written as a string. INVALID_ARGUMENT for what ParseClaims would not read as the
// same, and for `other_json` with one of the names above.
absl::StatusOr<std::string> WriteClaims(const JwtClaims& claims);

}  // namespace keyturn
