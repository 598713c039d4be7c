// Access tokens: signed with the current key of a secret, verified with those that are current or
// in grace. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/jwt_check.h"
#include "crypto/jwt_claims.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "rotation/jwt/context.h"
#include "rotation/jwt/key_sets.h"

namespace keyturn {

// From when on a token that expires then is not valid here, unless who asks wants more leeway.
absl::Time EndOfToken(absl::Time expires);

class JwtTokens {
 public:
  JwtTokens(const JwtContext& context, JwtKeySets& sets) : context_(context), sets_(sets) {}

  // What a token is to say; `ttl` is within all bounds.
  struct Claims {
    std::string subject;
    std::vector<std::string> audiences;
    std::vector<std::string> permissions;
    std::string claims_json;
    absl::Duration ttl;
  };
  // INVALID_ARGUMENT names the field and what is allowed.
  static absl::StatusOr<Claims> ClaimsOf(const v1::SignJwtRequest& request,
                                         const v1::JwtKeySettings& settings);

  // A token with an id of its own, from `now` on. FAILED_PRECONDITION (reason NO_SIGNING_KEY) when
  // no key is current; INVALID_ARGUMENT for claims that make no token.
  absl::StatusOr<v1::SignJwtResponse> Mint(const JwtKeySet& keys, const Claims& claims,
                                           absl::Time now) const;

  // As JwtService.Verify. Errors are of the request or the vault, never of the token. `*use` is set
  // for a valid one.
  absl::StatusOr<v1::VerifyJwtResponse> Verify(const v1::VerifyJwtRequest& request,
                                               JwtUse* use) const;

 private:
  absl::StatusOr<JwtClaims> Believe(const v1::VerifyJwtRequest& request,
                                    const JwtExpectations& expected, const JwtKeySet& keys,
                                    std::string* kid) const;

  const JwtContext& context_;
  JwtKeySets& sets_;
};

}  // namespace keyturn
