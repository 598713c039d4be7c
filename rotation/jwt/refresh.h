// Refresh tokens (RFC 6749 section 6, RFC 9700 section 4.14): each can be used once, for an access
// token and the next refresh token. All that came from one sign-in are a family; if one is used
// twice, somebody else has it, and the family ends with its access tokens. A token lives
// limits::kJwtRefreshSeconds, a family limits::kJwtRefreshFamilySecondsMax. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "keyturn/record/v1/jwt.pb.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "rotation/jwt/context.h"
#include "rotation/jwt/key_sets.h"
#include "rotation/jwt/refresh_token.h"
#include "rotation/jwt/tokens.h"
#include "vault/due_timers.h"

namespace keyturn {

class JwtRefresh {
 public:
  JwtRefresh(const JwtContext& context, JwtKeySets& sets, const JwtTokens& tokens);

  absl::Status OnUnsealed() { return timers_.Load(context_.store); }
  void OnSealed() { timers_.Clear(); }
  void OnCommitted(absl::Span<const CommittedUpdate> group) { timers_.OnCommitted(group); }

  // Begins a family for what was signed, and adds its first refresh token to `*response`.
  absl::Status Begin(Updater& updater, const Uuid& secret, const JwtTokens::Claims& claims,
                     v1::SignJwtResponse* response) const;
  // As JwtService says. `*secret`: whose key has signed.
  absl::StatusOr<v1::SignJwtResponse> Refresh(Updater& updater,
                                              const v1::RefreshJwtRequest& request,
                                              Uuid* secret) const;
  absl::Status Revoke(Updater& updater, const v1::RevokeRefreshRequest& request) const;

  // Forgets families that are over; how many, and when the next one is, in `*next`.
  absl::StatusOr<int> RunDue(absl::Time* next);

 private:
  using Family = record::v1::RefreshFamily;
  struct Known {
    JwtKeySets::Found key;
    RefreshParts parts;
    Family family;
    std::shared_ptr<const KeyringSnapshot> keys;
  };
  // The family of a token that this vault gave for the key at `path`.
  absl::StatusOr<Known> Know(const std::string& path, absl::string_view token) const;
  absl::Status CheckUsable(const Known& known) const;
  absl::Status EndReused(const Known& known, const std::string& path) const;
  absl::Status RevokeAccess(const Family& family) const;
  // Also what was given since it was read.
  absl::Status RevokeGiven(const Known& known) const;

  const JwtContext& context_;
  JwtKeySets& sets_;
  const JwtTokens& tokens_;
  DueTimers timers_;
};

}  // namespace keyturn
