#include "crypto/jwt_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

absl::Status Unbelievable(absl::string_view reason, absl::string_view message) {
  return WithReason(absl::UnauthenticatedError(message), reason);
}

absl::Status Missing(absl::string_view name) {
  return Unbelievable("TOKEN_CLAIMS", absl::StrCat("the token has no \"", name, "\""));
}

absl::Status CheckExpectations(const JwtExpectations& expected) {
  if (expected.issuer.empty() || expected.audience.empty()) {
    return absl::InvalidArgumentError("an issuer and an audience to expect must be given");
  }
  if (expected.leeway < absl::ZeroDuration() ||
      expected.leeway > absl::Seconds(limits::kJwtLeewaySecondsMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the leeway for clocks is 0 to ", limits::kJwtLeewaySecondsMax, " seconds"));
  }
  return absl::OkStatus();
}

absl::Status CheckParties(const JwtClaims& claims, const JwtExpectations& expected) {
  if (claims.iss != expected.issuer) {
    return Unbelievable("TOKEN_ISSUER", "the token's \"iss\" is not the issuer expected here");
  }
  const auto& audiences = claims.aud;
  if (std::find(audiences.begin(), audiences.end(), expected.audience) == audiences.end()) {
    return Unbelievable("TOKEN_AUDIENCE", "the token's \"aud\" is not the audience expected here");
  }
  if (audiences.size() > 1 && !expected.allow_other_audiences) {
    return Unbelievable("TOKEN_AUDIENCE", "the token's \"aud\" must be one audience only");
  }
  if (claims.sub.empty()) return Missing("sub");
  if (claims.jti.empty() && expected.require_jti) return Missing("jti");
  return absl::OkStatus();
}

absl::Status CheckTimes(const JwtClaims& claims, const JwtExpectations& expected, absl::Time now) {
  if (!claims.exp.has_value()) return Missing("exp");
  if (!claims.iat.has_value()) return Missing("iat");
  if (*claims.exp <= *claims.iat) {
    return Unbelievable("TOKEN_CLAIMS", "the token's \"exp\" must be after its \"iat\"");
  }
  if (*claims.exp - *claims.iat > expected.max_lifetime) {
    return Unbelievable("TOKEN_CLAIMS",
                        absl::StrCat("the token lives too long; the most from \"iat\" to \"exp\" "
                                     "is ",
                                     absl::FormatDuration(expected.max_lifetime)));
  }
  if (*claims.iat > now + expected.leeway) {
    return Unbelievable("TOKEN_NOT_YET_VALID",
                        absl::StrCat("the token's \"iat\" is in the future; clocks may differ by ",
                                     absl::FormatDuration(expected.leeway)));
  }
  if (claims.nbf.has_value() && now + expected.leeway < *claims.nbf) {
    return Unbelievable("TOKEN_NOT_YET_VALID", "the token is not valid yet (\"nbf\")");
  }
  if (now >= *claims.exp + expected.leeway) {
    return Unbelievable("TOKEN_EXPIRED", "the token expired; ask for a new one");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckClaims(const JwtClaims& claims, const JwtExpectations& expected, absl::Time now) {
  RETURN_IF_ERROR(CheckExpectations(expected));
  RETURN_IF_ERROR(CheckParties(claims, expected));
  return CheckTimes(claims, expected, now);
}

}  // namespace keyturn
