#include "rotation/jwt/refresh.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/random.h"
#include "rotation/jwt/refresh_family.h"
#include "rotation/jwt/settings.h"
#include "storage/schema.h"
#include "vault/context.h"

namespace keyturn {
namespace {

using google::protobuf::util::TimeUtil;
using record::v1::RefreshFamily;

absl::Status Refused(absl::string_view why, absl::string_view reason) {
  return WithReason(absl::UnauthenticatedError(why), reason);
}

absl::Status Invalid() {
  return Refused("this is no refresh token of this key", "REFRESH_INVALID");
}

absl::Status Expired() {
  return Refused("the refresh token has expired; sign in again", "REFRESH_EXPIRED");
}

absl::Status Revoked() {
  return Refused("the refresh token was revoked; sign in again", "REFRESH_REVOKED");
}

absl::Status Reused() {
  return Refused(
      "the refresh token was used before: all that came from the same sign-in is revoked",
      "REFRESH_REUSED");
}

// What was asked for at sign-in, as far as the key allows it now.
absl::StatusOr<JwtTokens::Claims> ClaimsOf(const RefreshFamily& family,
                                           const v1::JwtKeySettings& settings) {
  const auto& known = settings.audiences();
  for (const std::string& audience : family.audiences()) {
    if (!known.empty() && std::find(known.begin(), known.end(), audience) == known.end()) {
      return Refused("the key is not for this audience any more; sign in again", "REFRESH_REVOKED");
    }
  }
  return JwtTokens::Claims{
      .subject = family.subject(),
      .audiences = {family.audiences().begin(), family.audiences().end()},
      .permissions = {family.permissions().begin(), family.permissions().end()},
      .claims_json = family.claims_json(),
      .ttl = std::min(absl::Seconds(family.ttl_seconds()), MaxTokenOf(settings))};
}

// The family's newest token is of now, and came with this access token.
void Advance(absl::Time now, const v1::SignJwtResponse& access, RefreshFamily* family) {
  family->set_sequence(family->sequence() + 1);
  family->set_issued_ms(absl::ToUnixMillis(now));
  family->set_expire_ms(std::min(
      absl::ToUnixMillis(now + absl::Seconds(limits::kJwtRefreshSeconds)), family->latest_ms()));
  const int64_t over = absl::ToUnixMillis(now - absl::Seconds(limits::kJwtLeewaySecondsMax));
  auto& issued = *family->mutable_access();
  issued.erase(std::remove_if(issued.begin(), issued.end(),
                              [over](const auto& one) { return one.expire_ms() < over; }),
               issued.end());
  auto& added = *family->add_access();
  added.set_jti(access.jti());
  added.set_expire_ms(TimeUtil::TimestampToMilliseconds(access.expire_time()));
}

absl::Status AddToken(const KeyringSnapshot& keys, const Uuid& family, const RefreshFamily& record,
                      v1::SignJwtResponse* response) {
  ASSIGN_OR_RETURN(const SecretBytes token, EncodeRefresh(keys, {family, record.sequence()}));
  response->set_refresh_token(std::string(token.ExposeForWire()));
  *response->mutable_refresh_expire_time() = TimeUtil::MillisecondsToTimestamp(record.expire_ms());
  return absl::OkStatus();
}

}  // namespace

JwtRefresh::JwtRefresh(const JwtContext& context, JwtKeySets& sets, const JwtTokens& tokens)
    : context_(context), sets_(sets), tokens_(tokens), timers_({kDueRefresh}) {}

absl::Status JwtRefresh::Begin(Updater& updater, const Uuid& secret,
                               const JwtTokens::Claims& claims,
                               v1::SignJwtResponse* response) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys, context_.keyring.Snapshot());
  const absl::Time now = context_.clock.Now();
  const Uuid id = RandomUuid();
  Family family;
  family.set_secret_uuid(std::string(secret.bytes()));
  family.set_subject(claims.subject);
  *family.mutable_audiences() = {claims.audiences.begin(), claims.audiences.end()};
  *family.mutable_permissions() = {claims.permissions.begin(), claims.permissions.end()};
  family.set_claims_json(claims.claims_json);
  family.set_ttl_seconds(absl::ToInt64Seconds(claims.ttl));
  family.set_started_ms(absl::ToUnixMillis(now));
  family.set_latest_ms(
      absl::ToUnixMillis(now + absl::Seconds(limits::kJwtRefreshFamilySecondsMax)));
  Advance(now, *response, &family);
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) -> absl::Status {
                        batch.Note("family", id.ToString());
                        HintFamily(id, family, batch);
                        return WriteFamily(*keys, view, id, family, batch);
                      })
                      .status());
  return AddToken(*keys, id, family, response);
}

absl::StatusOr<JwtRefresh::Known> JwtRefresh::Know(const std::string& path,
                                                   absl::string_view token) const {
  Known known;
  ASSIGN_OR_RETURN(known.key, sets_.Get(path));
  ASSIGN_OR_RETURN(known.keys, context_.keyring.Snapshot());
  const std::optional<RefreshParts> parts = DecodeRefresh(*known.keys, token);
  if (!parts.has_value()) return Invalid();
  known.parts = *parts;
  ASSIGN_OR_RETURN(std::optional<Family> family,
                   ReadFamily(*known.keys, context_.store.Newest(), parts->family));
  if (!family.has_value()) return Expired();
  if (family->secret_uuid() != known.key.secret.bytes() || parts->sequence > family->sequence()) {
    return Invalid();
  }
  known.family = *std::move(family);
  return known;
}

absl::Status JwtRefresh::RevokeAccess(const Family& family) const {
  std::vector<JwtContext::Issued> tokens;
  for (const Family::Access& access : family.access()) {
    const absl::Time over =
        absl::FromUnixMillis(access.expire_ms()) + absl::Seconds(limits::kJwtLeewaySecondsMax);
    if (over > context_.clock.Now()) tokens.push_back({access.jti(), over});
  }
  return tokens.empty() ? absl::OkStatus() : context_.revoke(tokens);
}

absl::Status JwtRefresh::RevokeGiven(const Known& known) const {
  ASSIGN_OR_RETURN(const std::optional<Family> now,
                   ReadFamily(*known.keys, context_.store.Newest(), known.parts.family));
  return RevokeAccess(now.value_or(known.family));
}

// The family first: what is left if the server dies in between lives for minutes.
absl::Status JwtRefresh::EndReused(const Known& known, const std::string& path) const {
  RETURN_IF_ERROR(context_
                      .update("jwt_refresh_reused", path,
                              [&](const View& view, Batch& batch) -> absl::Status {
                                batch.Note("family", known.parts.family.ToString());
                                return EndFamily(*known.keys, view, known.parts.family, batch);
                              })
                      .status());
  return RevokeGiven(known);
}

absl::Status JwtRefresh::CheckUsable(const Known& known) const {
  if (known.family.revoked()) {
    // Those that a death between two changes has left.
    RETURN_IF_ERROR(RevokeAccess(known.family));
    return Revoked();
  }
  if (context_.clock.Now() >= absl::FromUnixMillis(known.family.expire_ms())) return Expired();
  v1::RevocationQuery query;
  query.set_subject(known.family.subject());
  *query.mutable_issue_time() = TimeUtil::MillisecondsToTimestamp(known.family.issued_ms());
  ASSIGN_OR_RETURN(const std::optional<std::string> by, context_.revoked(query));
  if (by.has_value()) return Revoked();
  if (known.family.access_size() < limits::kJwtRefreshAccessKept) return absl::OkStatus();
  const absl::Time free = absl::FromUnixMillis(known.family.access(0).expire_ms()) +
                          absl::Seconds(limits::kJwtLeewaySecondsMax);
  if (free <= context_.clock.Now()) return absl::OkStatus();
  return WithRetryAfter(absl::ResourceExhaustedError(absl::StrCat(
                            limits::kJwtRefreshAccessKept,
                            " access tokens of this sign-in are valid still; use one")),
                        free - context_.clock.Now());
}

absl::StatusOr<v1::SignJwtResponse> JwtRefresh::Refresh(Updater& updater,
                                                        const v1::RefreshJwtRequest& request,
                                                        Uuid* secret) const {
  ASSIGN_OR_RETURN(const Known known, Know(request.path(), request.refresh_token()));
  *secret = known.key.secret;
  const bool usable_once = known.parts.sequence == known.family.sequence();
  if (!usable_once && !known.family.revoked()) {
    RETURN_IF_ERROR(EndReused(known, request.path()));
    return Reused();
  }
  // Before the look at what is revoked: who ends a subject beside this ends what comes of it.
  const absl::Time now = context_.clock.Now();
  RETURN_IF_ERROR(CheckUsable(known));
  ASSIGN_OR_RETURN(const JwtTokens::Claims claims,
                   ClaimsOf(known.family, known.key.keys->settings()));
  ASSIGN_OR_RETURN(v1::SignJwtResponse response, tokens_.Mint(*known.key.keys, claims, now));
  Family family;
  const absl::Status used =
      updater
          .Update([&](const View& view, Batch& batch) -> absl::Status {
            ASSIGN_OR_RETURN(std::optional<Family> newest,
                             ReadFamily(*known.keys, view, known.parts.family));
            if (!newest.has_value()) return Expired();
            if (newest->sequence() != known.parts.sequence) return Reused();
            if (newest->revoked()) return Revoked();
            batch.Note("family", known.parts.family.ToString());
            family = *std::move(newest);
            Advance(now, response, &family);
            return WriteFamily(*known.keys, view, known.parts.family, family, batch);
          })
          .status();
  // Two at once: one of them is not who it was given to.
  if (ReasonOf(used) == "REFRESH_REUSED") {
    RETURN_IF_ERROR(EndReused(known, request.path()));
  }
  RETURN_IF_ERROR(used);
  RETURN_IF_ERROR(AddToken(*known.keys, known.parts.family, family, &response));
  return response;
}

absl::Status JwtRefresh::Revoke(Updater& updater, const v1::RevokeRefreshRequest& request) const {
  ASSIGN_OR_RETURN(const Known known, Know(request.path(), request.refresh_token()));
  RETURN_IF_ERROR(updater
                      .Update([&](const View& view, Batch& batch) {
                        batch.Note("family", known.parts.family.ToString());
                        return EndFamily(*known.keys, view, known.parts.family, batch);
                      })
                      .status());
  return RevokeGiven(known);
}

absl::StatusOr<int> JwtRefresh::RunDue(absl::Time* next) {
  int done = 0;
  while (done < limits::kJwtRefreshPurgedMax) {
    const std::optional<schema::DueItem> item = timers_.First();
    *next = item.has_value() ? item->when : absl::InfiniteFuture();
    if (*next > context_.clock.Now()) break;
    ASSIGN_OR_RETURN(const std::shared_ptr<const KeyringSnapshot> keys,
                     context_.keyring.Snapshot());
    const absl::Time now = context_.clock.Now();
    const absl::Status purged = context_.store
                                    .Update([&](const View& view, Batch& batch) {
                                      return PurgeFamily(*keys, view, *item, now, batch);
                                    })
                                    .status();
    // One that does not open must not keep the others.
    if (absl::IsDataLoss(purged)) {
      LogError("a family of refresh tokens is passed over",
               {{"family", item->object.ToString()}, {"error", std::string(purged.message())}});
      timers_.Postpone(*item, now + absl::Hours(1));
      continue;
    }
    RETURN_IF_ERROR(purged);
    ++done;
  }
  return done;
}

}  // namespace keyturn
