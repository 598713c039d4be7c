#include "server/resp_access.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "auth/cidr.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

constexpr char kMethod[] = "resp/AUTH";
constexpr char kRateLimited[] = "RATE_LIMITED";

// One answer for all that is wrong, so that nobody learns which names there are.
absl::Status Wrong() { return absl::UnauthenticatedError("the user or the token is wrong"); }

// Redis clients send a user name only if they are told one; a token says itself whose it is.
bool IsNamed(absl::string_view user, const Identity& identity) {
  return user == "default" || user == identity.principal ||
         user == absl::StripPrefix(identity.principal, "token:");
}

absl::string_view EventOf(const absl::Status& outcome) {
  if (outcome.ok()) return "authentication_success";
  if (ReasonOf(outcome) == kRateLimited) return "rate_limited";
  if (absl::IsResourceExhausted(outcome)) return "authentication_locked_out";
  return "authentication_failure";
}

bool IsRefusal(const absl::Status& outcome) {
  return absl::IsUnauthenticated(outcome) || absl::IsResourceExhausted(outcome);
}

}  // namespace

// What a connection authenticated with: asked again when policies, roles or tokens change.
struct RespAccessControl::Caller {
  Peer peer;
  std::shared_ptr<const SecretBytes> token;  // null: by its certificate

  Credentials credentials() const {
    Credentials out;
    if (token != nullptr) out.bearer_token = token->ExposeForCrypto();
    out.certificate = peer.certificate;
    out.source = peer.source;
    return out;
  }
};

absl::StatusOr<RespAccess> RespAccessControl::ByToken(const Peer& peer, absl::string_view user,
                                                      absl::string_view token) {
  auto caller = std::make_shared<Caller>();
  caller->peer = peer;
  if (token.empty() || token.size() > limits::kTokenTextBytesMax) {
    RETURN_IF_ERROR(Audit(peer, nullptr, Wrong()));
    return Wrong();
  }
  ASSIGN_OR_RETURN(caller->token, Share(token));
  return Admit(std::move(caller), user);
}

// A gateway has many connections with one token, and the arena is small.
absl::StatusOr<std::shared_ptr<const SecretBytes>> RespAccessControl::Share(
    absl::string_view token) {
  const std::string hash = Sha256(token);
  const absl::MutexLock lock(&mu_);
  if (std::shared_ptr<const SecretBytes> known = tokens_[hash].lock()) return known;
  if (tokens_.size() > limits::kIdentityCacheMax) {
    absl::erase_if(tokens_, [](const auto& entry) { return entry.second.expired(); });
  }
  ASSIGN_OR_RETURN(SecretBytes copy, SecretBytes::CopyOf(token));
  auto shared = std::make_shared<const SecretBytes>(std::move(copy));
  tokens_[hash] = shared;
  return shared;
}

absl::StatusOr<RespAccess> RespAccessControl::ByCertificate(const Peer& peer) {
  auto caller = std::make_shared<Caller>();
  caller->peer = peer;
  return Admit(std::move(caller), "default");
}

absl::StatusOr<RespAccess> RespAccessControl::Admit(std::shared_ptr<Caller> caller,
                                                    absl::string_view user) {
  const uint64_t as_of = epoch();
  const Peer& peer = caller->peer;
  absl::StatusOr<std::shared_ptr<const Identity>> identity = Recognise(*caller, user);
  const bool known = identity.ok();
  RETURN_IF_ERROR(Audit(peer, known ? identity->get() : nullptr, identity.status()));
  RETURN_IF_ERROR(identity.status());
  return AccessOf(caller, **identity, as_of);
}

absl::StatusOr<std::shared_ptr<const Identity>> RespAccessControl::Recognise(
    const Caller& caller, absl::string_view user) {
  if (!gate_.unsealed.load(std::memory_order_acquire)) {
    return WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
  }
  const IpAddress& source = caller.peer.source;
  const absl::Status limited =
      source.present() ? gate_.source_limit.Take(LimitedSource(source)) : absl::OkStatus();
  if (!limited.ok()) return WithReason(limited, kRateLimited);
  ASSIGN_OR_RETURN(std::shared_ptr<const Identity> identity,
                   gate_.authenticator.Recognise(caller.credentials(), TokenUse::kNext));
  // Its uses would have to be counted on the disk, command by command.
  if (identity->limited_uses || !IsNamed(user, *identity)) return Wrong();
  return identity;
}

absl::StatusOr<RespAccess> RespAccessControl::Refresh(const RespAccess& access) {
  const auto caller = std::static_pointer_cast<const Caller>(access.credentials);
  const uint64_t as_of = epoch();
  if (!gate_.unsealed.load(std::memory_order_acquire)) {
    return WithReason(absl::FailedPreconditionError("the vault is sealed"), "SEALED");
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const Identity> identity,
                   gate_.authenticator.Recognise(caller->credentials(), TokenUse::kCounted));
  return AccessOf(caller, *identity, as_of);
}

uint64_t RespAccessControl::epoch() const { return gate_.authenticator.epoch(); }

RespAccess RespAccessControl::AccessOf(const std::shared_ptr<const Caller>& caller,
                                       const Identity& identity, uint64_t epoch) const {
  const absl::Time now = gate_.clock.Now();
  const auto allows = [&](absl::string_view permission) {
    return identity.grants->Allows(permission, "", now, caller->peer.source);
  };
  auto writer = std::make_shared<RevocationWriter>();
  writer->principal = identity.principal;
  writer->auth_method = identity.auth_method;
  writer->source = caller->peer.address;
  writer->method = "resp";
  RespAccess access;
  access.writer = std::move(writer);
  access.check = allows(kRevocationCheck);
  access.write = allows(kRevocationWrite);
  access.admin = allows(kRevocationAdmin);
  access.epoch = epoch;
  // Grants end by themselves, too; that they are asked once a minute bounds how late it is seen.
  access.until = std::min(identity.expire_time, now + absl::Minutes(1));
  access.credentials = caller;
  return access;
}

absl::Status RespAccessControl::Audit(const Peer& peer, const Identity* identity,
                                      const absl::Status& outcome) {
  AuditEvent event;
  event.time = gate_.clock.Now();
  if (IsRefusal(outcome) && !gate_.refusals.Admit(peer.source.ToString(), event.time)) {
    return absl::OkStatus();
  }
  event.event = std::string(EventOf(outcome));
  event.method = kMethod;
  event.source = peer.address;
  if (identity != nullptr) {
    event.principal = identity->principal;
    event.auth_method = identity->auth_method;
  }
  if (!outcome.ok()) {
    event.outcome = absl::StatusCodeToString(outcome.code());
    event.reason = ReasonOf(outcome);
  }
  const absl::Status appended = gate_.audit.Append(event);
  if (!appended.ok()) return appended;
  if (gate_.on_audited) gate_.on_audited();
  return absl::OkStatus();
}

}  // namespace keyturn
