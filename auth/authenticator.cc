#include "auth/authenticator.h"

#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "auth/cidr.h"
#include "auth/lockout.h"
#include "auth/token_forms.h"
#include "base/coding.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "crypto/mac.h"

namespace keyturn {
namespace {

// A known certificate that no role is bound to, and one that its role is closed to, look the same.
absl::Status NobodyByThisCertificate() {
  return WithReason(
      absl::UnauthenticatedError("the credentials are not those of anyone known here"), "NO_ROLE");
}

bool IsBoundTo(const v1::Role& role, const PeerCertificate& certificate) {
  for (const std::string& bound : role.bound_spiffe_ids()) {
    absl::string_view prefix = bound;
    const bool open_end = absl::ConsumeSuffix(&prefix, "*");
    if (certificate.spiffe_id.empty()) continue;
    if (open_end ? absl::StartsWith(certificate.spiffe_id, prefix)
                 : certificate.spiffe_id == bound) {
      return true;
    }
  }
  return std::find(role.bound_fingerprints().begin(), role.bound_fingerprints().end(),
                   certificate.sha256) != role.bound_fingerprints().end();
}

absl::Time NotAfter(const v1::Role& role) {
  if (!role.has_not_after()) return absl::InfiniteFuture();
  return absl::FromUnixSeconds(role.not_after().seconds()) +
         absl::Nanoseconds(role.not_after().nanos());
}

bool IsOpenTo(const v1::Role& role, const IpAddress& source, absl::Time now) {
  return now < NotAfter(role) && MayComeFrom(role.bound_cidrs(), source);
}

class AuthenticatorImpl : public Authenticator {
 public:
  AuthenticatorImpl(AuthStore& policies, TokenStore& tokens, const Revocations& revocations,
                    Clock& clock)
      : policies_(policies),
        tokens_(tokens),
        revocations_(revocations),
        clock_(clock),
        lockout_(clock) {}

  absl::StatusOr<std::shared_ptr<const Identity>> Identify(
      Updater& updater, const Credentials& credentials) override {
    return Resolve(credentials, TokenUse::kNext, [&] {
      return tokens_.Verify(updater, credentials.bearer_token, credentials.source,
                            FingerprintOf(credentials));
    });
  }

  absl::StatusOr<std::shared_ptr<const Identity>> Recognise(const Credentials& credentials,
                                                            TokenUse use) override {
    return Resolve(credentials, use, [&] {
      return tokens_.Recognise(credentials.bearer_token, credentials.source,
                               FingerprintOf(credentials), use);
    });
  }

  // Each only grows.
  uint64_t epoch() const override {
    return policies_.epoch() + tokens_.epoch() + revocations_.epoch();
  }

  absl::StatusOr<v1::Role> RoleFor(const Credentials& credentials,
                                   absl::string_view role_name) override {
    std::vector<v1::Role> matching = Matching(credentials);
    if (!role_name.empty()) {
      for (v1::Role& role : matching) {
        if (role.name() == role_name) return std::move(role);
      }
      matching.clear();
    }
    if (matching.empty()) {
      return WithReason(
          absl::PermissionDeniedError("no such role is open to this certificate from here"),
          "NO_ROLE");
    }
    if (matching.size() > 1) {
      return absl::InvalidArgumentError("the certificate matches several roles: name one");
    }
    return std::move(matching.front());
  }

 private:
  using VerifyFn = absl::FunctionRef<absl::StatusOr<VerifiedToken>()>;

  struct Known {
    uint64_t epoch;
    std::shared_ptr<const Identity> identity;
  };

  // `verify` is asked for a token that is not known yet. Who goes on with a use was let in before:
  // that it is shut out now is no guess at a token, and must not lock out others from there.
  absl::StatusOr<std::shared_ptr<const Identity>> Resolve(const Credentials& credentials,
                                                          TokenUse use, VerifyFn verify) {
    if (credentials.bearer_token.empty() && credentials.certificate == nullptr) {
      return absl::UnauthenticatedError(
          "no credentials were given: send a token in the authorization header, or use a client "
          "certificate");
    }
    const std::string key = CacheKey(credentials);
    const uint64_t as_of = epoch();
    if (std::shared_ptr<const Identity> known = Find(key, as_of)) return known;
    const std::string source(LimitedSource(credentials.source));
    if (use == TokenUse::kNext) RETURN_IF_ERROR(lockout_.Check(source));
    bool cacheable = true;
    absl::StatusOr<std::shared_ptr<const Identity>> identity =
        credentials.bearer_token.empty() ? ByCertificate(credentials)
                                         : ByToken(verify, credentials, &cacheable);
    // Who shows what was good until it was revoked guesses nothing, and must not lock out others.
    if (identity.ok()) RETURN_IF_ERROR(CheckRevoked(**identity, credentials));
    if (!identity.ok()) {
      if (use == TokenUse::kNext && absl::IsUnauthenticated(identity.status())) {
        lockout_.CountFailure(source);
      }
      return identity;
    }
    if (cacheable) Remember(key, as_of, *identity);
    return identity;
  }

  absl::Status CheckRevoked(const Identity& identity, const Credentials& credentials) const {
    CredentialFacts facts = {.token_id = identity.token_id,
                             .principal = identity.principal,
                             .issued = identity.issue_time};
    // What ends a role's logins says nothing of who may log in: that says the role itself.
    if (!identity.token_id.empty()) facts.role = identity.role;
    if (credentials.certificate != nullptr) {
      facts.certificate_serial = credentials.certificate->serial;
    }
    const absl::Status status = revocations_.Check(facts);
    if (!absl::IsUnauthenticated(status)) return status;
    return credentials.bearer_token.empty() ? NobodyByThisCertificate() : RefusedToken();
  }

  static absl::string_view FingerprintOf(const Credentials& credentials) {
    return credentials.certificate != nullptr ? credentials.certificate->sha256
                                              : absl::string_view();
  }

  // Everything that the answer depends on, the token itself as a hash only.
  static std::string CacheKey(const Credentials& credentials) {
    const std::string token =
        credentials.bearer_token.empty() ? "" : Sha256(credentials.bearer_token);
    std::string key;
    AppendLengthPrefixed(token, &key);
    AppendLengthPrefixed(FingerprintOf(credentials), &key);
    AppendLengthPrefixed(credentials.source.bytes(), &key);
    return key;
  }

  std::shared_ptr<const Identity> Find(const std::string& key, uint64_t epoch) {
    absl::ReaderMutexLock lock(&mu_);
    const auto found = known_.find(key);
    if (found == known_.end() || found->second.epoch != epoch ||
        found->second.identity->expire_time <= clock_.Now()) {
      return nullptr;
    }
    return found->second.identity;
  }

  void Remember(const std::string& key, uint64_t epoch, std::shared_ptr<const Identity> identity) {
    absl::MutexLock lock(&mu_);
    if (known_.size() >= limits::kIdentityCacheMax) known_.clear();
    known_[key] = {epoch, std::move(identity)};
  }

  absl::StatusOr<std::shared_ptr<const Identity>> ByToken(VerifyFn verify,
                                                          const Credentials& credentials,
                                                          bool* cacheable) {
    ASSIGN_OR_RETURN(const VerifiedToken token, verify());
    *cacheable = !token.limited_uses;
    auto identity = std::make_shared<Identity>();
    identity->principal = token.principal;
    identity->auth_method = token.auth_method;
    identity->role = token.role;
    identity->token_id = token.id;
    identity->policies = token.policies;
    identity->issue_time = token.issue_time;
    identity->expire_time = token.expire_time;
    identity->bound_cidrs = token.bound_cidrs;
    identity->limited_uses = token.limited_uses;
    if (!token.role.empty()) RETURN_IF_ERROR(FollowRole(credentials, identity.get()));
    identity->grants = policies_.GrantsOf(identity->policies);
    return identity;
  }

  // What a login gave is worth what its role is worth now: a client is shut out by a change of the
  // role, which must not wait for the token's end. The token is the certificate's (Verify).
  absl::Status FollowRole(const Credentials& credentials, Identity* identity) const {
    const absl::StatusOr<v1::Role> role = policies_.GetRole(identity->role);
    if (!role.ok() || credentials.certificate == nullptr ||
        !IsBoundTo(*role, *credentials.certificate) ||
        !IsOpenTo(*role, credentials.source, clock_.Now())) {
      return absl::UnauthenticatedError(absl::StrCat(
          "the role \"", identity->role, "\" of this login is not the caller's any more"));
    }
    identity->policies = {role->policies().begin(), role->policies().end()};
    identity->expire_time = std::min(identity->expire_time, NotAfter(*role));
    return absl::OkStatus();
  }

  std::vector<v1::Role> Matching(const Credentials& credentials) const {
    std::vector<v1::Role> matching;
    if (credentials.certificate == nullptr) return matching;
    const absl::Time now = clock_.Now();
    for (v1::Role& role : policies_.ListRoles()) {
      if (IsBoundTo(role, *credentials.certificate) && IsOpenTo(role, credentials.source, now)) {
        matching.push_back(std::move(role));
      }
    }
    return matching;
  }

  absl::StatusOr<std::shared_ptr<const Identity>> ByCertificate(const Credentials& credentials) {
    const std::vector<v1::Role> matching = Matching(credentials);
    if (matching.empty()) return NobodyByThisCertificate();
    const PeerCertificate& certificate = *credentials.certificate;
    auto identity = std::make_shared<Identity>();
    identity->principal = certificate.spiffe_id.empty() ? absl::StrCat("cert:", certificate.sha256)
                                                        : certificate.spiffe_id;
    identity->auth_method = "certificate";
    identity->issue_time = certificate.not_before;
    identity->expire_time = certificate.not_after;
    if (matching.size() == 1) identity->role = matching.front().name();
    for (const v1::Role& role : matching) {
      identity->expire_time = std::min(identity->expire_time, NotAfter(role));
      for (const std::string& policy : role.policies()) {
        if (std::find(identity->policies.begin(), identity->policies.end(), policy) ==
            identity->policies.end()) {
          identity->policies.push_back(policy);
        }
      }
    }
    identity->grants = policies_.GrantsOf(identity->policies);
    return identity;
  }

  AuthStore& policies_;
  TokenStore& tokens_;
  const Revocations& revocations_;
  Clock& clock_;
  Lockout lockout_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Known> known_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<Authenticator> Authenticator::Create(AuthStore& policies, TokenStore& tokens,
                                                     const Revocations& revocations, Clock& clock) {
  return std::make_unique<AuthenticatorImpl>(policies, tokens, revocations, clock);
}

}  // namespace keyturn
