#include "rotation/jwt/tokens.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "crypto/random.h"
#include "rotation/jwt/settings.h"

namespace keyturn {
namespace {

using Request = v1::SignJwtRequest;

constexpr size_t kJtiBytes = 16;

absl::StatusOr<absl::Duration> TtlOf(const Request& request, const v1::JwtKeySettings& settings) {
  if (!Request::Use_IsValid(request.use())) {
    return absl::InvalidArgumentError("use: allowed are USER and SERVICE");
  }
  const int64_t cap = request.use() == Request::SERVICE ? limits::kJwtServiceSecondsMax
                                                        : limits::kJwtUserSecondsMax;
  const int64_t most = std::min(cap, absl::ToInt64Seconds(MaxTokenOf(settings)));
  if (request.ttl_seconds() < 0 || request.ttl_seconds() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("ttl_seconds is ", request.ttl_seconds(),
                     "; allowed are 0 (15 minutes, if that is not too long) and 1 to ", most));
  }
  return absl::Seconds(request.ttl_seconds() == 0
                           ? std::min(most, limits::kJwtLifetimeSecondsDefault)
                           : request.ttl_seconds());
}

absl::StatusOr<std::string> AudienceOf(const std::string& asked,
                                       const v1::JwtKeySettings& settings) {
  const auto& known = settings.audiences();
  if (asked.empty() && known.size() == 1) return known[0];
  if (asked.empty()) {
    return absl::InvalidArgumentError(
        known.empty() ? "audience: say whom the token is for"
                      : absl::StrCat("audience: say which of ", absl::StrJoin(known, ", ")));
  }
  if (known.empty() || std::find(known.begin(), known.end(), asked) != known.end()) return asked;
  return absl::InvalidArgumentError(
      absl::StrCat("audience: the key is for ", absl::StrJoin(known, ", "), " only"));
}

// Of what is signed, in whole seconds: a token never begins in the future.
absl::Time SecondOf(absl::Time now) { return absl::FromUnixSeconds(absl::ToUnixSeconds(now)); }

void Describe(const JwtClaims& claims, const std::string& kid, v1::VerifyJwtResponse* out) {
  out->set_valid(true);
  out->set_kid(kid);
  out->set_subject(claims.sub);
  out->set_jti(claims.jti);
  out->set_claims_json(claims.other_json);
  *out->mutable_audiences() = {claims.aud.begin(), claims.aud.end()};
  *out->mutable_permissions() = {claims.permissions.begin(), claims.permissions.end()};
  if (claims.iat.has_value()) *out->mutable_issue_time() = ToTimestamp(*claims.iat);
  if (claims.exp.has_value()) *out->mutable_expire_time() = ToTimestamp(*claims.exp);
}

v1::RevocationQuery QueryOf(const JwtClaims& claims, const std::string& kid) {
  v1::RevocationQuery query;
  query.set_jti(claims.jti);
  query.set_subject(claims.sub);
  query.set_kid(kid);
  if (claims.iat.has_value()) *query.mutable_issue_time() = ToTimestamp(*claims.iat);
  return query;
}

absl::StatusOr<JwtExpectations> ExpectationsOf(const v1::VerifyJwtRequest& request,
                                               const JwtKeySet& keys, absl::Time now) {
  const v1::JwtKeySettings& settings = keys.settings();
  if (request.leeway_seconds() < -1 || request.leeway_seconds() > limits::kJwtLeewaySecondsMax) {
    return absl::InvalidArgumentError(absl::StrCat("leeway_seconds is ", request.leeway_seconds(),
                                                   "; allowed are -1 (none), 0 (30) and 1 to ",
                                                   limits::kJwtLeewaySecondsMax));
  }
  JwtExpectations out;
  out.issuer = settings.issuer();
  ASSIGN_OR_RETURN(out.audience, AudienceOf(request.audience(), settings));
  if (request.leeway_seconds() != 0) {
    out.leeway = absl::Seconds(std::max<int64_t>(request.leeway_seconds(), 0));
  }
  out.max_lifetime = keys.LongestToken(now);
  // Services that sign by themselves may leave it out.
  out.require_jti = !settings.readable();
  out.allow_other_audiences = true;
  return out;
}

absl::Status VerifyWith(const JwtKeySet& keys, const ParsedJws& jws) {
  ASSIGN_OR_RETURN(const JwsVerifier* const verifier, keys.Find(jws.kid));
  if (verifier == nullptr) {
    return WithReason(absl::UnauthenticatedError(
                          "the token names a key that is not in use here, or not any more"),
                      "TOKEN_KEY");
  }
  return verifier->Verify(jws);
}

// Of a token that names no key, which the secret of the request and no other may have signed: each
// of its keys by its own algorithm, whatever the token says. The one that signed it is in jws->kid
// afterwards.
absl::Status VerifyWithAny(const JwtKeySet& keys, ParsedJws* jws) {
  absl::Status damaged,
      refused =
          WithReason(absl::UnauthenticatedError("the token names no key, and none is in use here"),
                     "TOKEN_KEY");
  for (const std::string& kid : keys.kids()) {
    jws->kid = kid;
    const absl::Status verified = VerifyWith(keys, *jws);
    if (verified.ok()) return verified;
    // The token may be of that key, if of no other.
    (absl::IsDataLoss(verified) ? damaged : refused) = verified;
  }
  return damaged.ok() ? refused : damaged;
}

}  // namespace

absl::StatusOr<JwtTokens::Claims> JwtTokens::ClaimsOf(const Request& request,
                                                      const v1::JwtKeySettings& settings) {
  Claims out;
  if (request.subject().empty()) return absl::InvalidArgumentError("subject: must not be empty");
  out.subject = request.subject();
  out.permissions = {request.permissions().begin(), request.permissions().end()};
  out.claims_json = request.claims_json();
  ASSIGN_OR_RETURN(out.ttl, TtlOf(request, settings));
  if (request.audiences().empty()) {
    ASSIGN_OR_RETURN(std::string only, AudienceOf("", settings));
    out.audiences.push_back(std::move(only));
  }
  for (const std::string& audience : request.audiences()) {
    if (audience.empty()) return absl::InvalidArgumentError("audiences: one is empty");
    ASSIGN_OR_RETURN(std::string known, AudienceOf(audience, settings));
    out.audiences.push_back(std::move(known));
  }
  return out;
}

absl::Time EndOfToken(absl::Time expires) {
  return expires + absl::Seconds(limits::kJwtLeewaySecondsDefault);
}

absl::StatusOr<v1::SignJwtResponse> JwtTokens::Mint(const JwtKeySet& keys, const Claims& claims,
                                                    absl::Time now) const {
  ASSIGN_OR_RETURN(const JwsSigner* const signer, keys.signer());
  if (signer == nullptr) {
    return WithReason(
        absl::FailedPreconditionError(
            "no key can sign now: the current one is deleted or may be known to others; run: "
            "keyturn jwt show, or keyturn rotation run"),
        "NO_SIGNING_KEY");
  }
  JwtClaims out;
  out.iss = keys.settings().issuer();
  out.sub = claims.subject;
  out.aud = claims.audiences;
  out.permissions = claims.permissions;
  out.jti = Base64UrlEncode(RandomBytes(kJtiBytes));
  out.iat = SecondOf(now);
  out.exp = *out.iat + claims.ttl;
  if (!claims.claims_json.empty()) out.other_json = claims.claims_json;
  ASSIGN_OR_RETURN(const std::string payload, WriteClaims(out));
  v1::SignJwtResponse response;
  ASSIGN_OR_RETURN(*response.mutable_token(), signer->Sign(payload));
  response.set_kid(keys.signer_kid());
  response.set_jti(out.jti);
  *response.mutable_issue_time() = ToTimestamp(*out.iat);
  *response.mutable_expire_time() = ToTimestamp(*out.exp);
  return response;
}

absl::StatusOr<JwtClaims> JwtTokens::Believe(const v1::VerifyJwtRequest& request,
                                             const JwtExpectations& expected, const JwtKeySet& keys,
                                             std::string* kid) const {
  // Services that sign by themselves with a key that they read know nothing of our ids.
  const bool theirs = keys.settings().readable();
  ASSIGN_OR_RETURN(
      ParsedJws jws,
      ParseJws(request.token(), theirs ? JwsTypeRule::kMayBeAbsent : JwsTypeRule::kRequired,
               theirs ? JwsKeyRule::kMayBeAbsent : JwsKeyRule::kRequired));
  RETURN_IF_ERROR(jws.kid.empty() ? VerifyWithAny(keys, &jws) : VerifyWith(keys, jws));
  *kid = jws.kid;
  ASSIGN_OR_RETURN(JwtClaims claims, ParseClaims(jws.payload));
  RETURN_IF_ERROR(CheckClaims(claims, expected, context_.clock.Now()));
  return claims;
}

absl::StatusOr<v1::VerifyJwtResponse> JwtTokens::Verify(const v1::VerifyJwtRequest& request,
                                                        JwtUse* use) const {
  ASSIGN_OR_RETURN(const JwtKeySets::Found found, sets_.Get(request.path()));
  ASSIGN_OR_RETURN(const JwtExpectations expected,
                   ExpectationsOf(request, *found.keys, context_.clock.Now()));
  v1::VerifyJwtResponse response;
  std::string kid;
  const absl::StatusOr<JwtClaims> claims = Believe(request, expected, *found.keys, &kid);
  if (!claims.ok()) {
    if (!absl::IsUnauthenticated(claims.status())) return claims.status();
    response.set_reason(ReasonOf(claims.status()));
    response.set_message(std::string(claims.status().message()));
    return response;
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> by, context_.revoked(QueryOf(*claims, kid)));
  if (by.has_value()) {
    response.set_reason("TOKEN_REVOKED");
    response.set_message(absl::StrCat("revoked by ", *by));
    return response;
  }
  Describe(*claims, kid, &response);
  *use = {found.secret, VersionIn(kid), EndOfToken(*claims->exp)};
  return response;
}

}  // namespace keyturn
