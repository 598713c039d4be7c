// JSON web tokens over the keys of a vault: signing, verifying, refreshing, publishing. The keys
// rotate by the engine (rotation/rotation.h); this serves what is current, in grace and next.
// Thread-safe. Common errors: FAILED_PRECONDITION while sealed, and (reason NOT_A_SIGNING_KEY) for
// a secret whose versions are no keys; NOT_FOUND for a path without a secret; DATA_LOSS for a key
// that does not open.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "keyturn/v1/jwt_service.pb.h"
#include "rotation/jwt/context.h"
#include "rotation/jwt/published.h"

namespace keyturn {

class Jwt {
 public:
  // Everything that the context names outlives this.
  static std::unique_ptr<Jwt> Create(JwtContext context);
  virtual ~Jwt() = default;

  // After unseal and at seal, as the vault's.
  virtual absl::Status OnUnsealed() = 0;
  virtual void OnSealed() = 0;
  // For the server's one commit listener.
  virtual void OnCommitted(absl::Span<const CommittedUpdate> group) = 0;

  // As JwtService says. `principal` is who asks.
  virtual absl::StatusOr<v1::JwtKey> CreateKey(Updater& updater,
                                               const v1::CreateJwtKeyRequest& request,
                                               const std::string& principal) = 0;
  virtual absl::StatusOr<v1::JwtKey> AdoptKey(Updater& updater,
                                              const v1::AdoptJwtKeyRequest& request) = 0;
  // `may_read`: whether the caller may read the values of the secret; else the error that it gets
  // for making a key readable that was not.
  virtual absl::StatusOr<v1::JwtKey> UpdateKey(Updater& updater,
                                               const v1::UpdateJwtKeyRequest& request,
                                               const absl::Status& may_read) = 0;
  // Before these versions (`all`: every one) are destroyed by somebody, who knows why: what their
  // keys have signed is refused by the revocation list from then on, also by those who look at
  // nothing else. In this order, so that a server that dies in between has destroyed nothing, and
  // is asked again. OK for what signs nothing or is not there; errors are of the list.
  virtual absl::Status RevokeKeys(const std::string& path, absl::Span<const uint64_t> versions,
                                  bool all) = 0;
  virtual absl::StatusOr<v1::JwtKey> GetKey(const v1::GetJwtKeyRequest& request) = 0;
  virtual absl::StatusOr<v1::GetJwksResponse> GetJwks(const v1::GetJwksRequest& request) = 0;
  // `*use` says with which key; of what is refused, or is not valid, it stays as it was.
  virtual absl::StatusOr<v1::SignJwtResponse> Sign(Updater& updater,
                                                   const v1::SignJwtRequest& request,
                                                   JwtUse* use) = 0;
  virtual absl::StatusOr<v1::VerifyJwtResponse> Verify(const v1::VerifyJwtRequest& request,
                                                       JwtUse* use) = 0;
  virtual absl::StatusOr<v1::SignJwtResponse> Refresh(Updater& updater,
                                                      const v1::RefreshJwtRequest& request,
                                                      JwtUse* use) = 0;
  // The same for who does not ask that.
  absl::StatusOr<v1::SignJwtResponse> Sign(Updater& updater, const v1::SignJwtRequest& request) {
    JwtUse use;
    return Sign(updater, request, &use);
  }
  absl::StatusOr<v1::VerifyJwtResponse> Verify(const v1::VerifyJwtRequest& request) {
    JwtUse use;
    return Verify(request, &use);
  }
  absl::StatusOr<v1::SignJwtResponse> Refresh(Updater& updater,
                                              const v1::RefreshJwtRequest& request) {
    JwtUse use;
    return Refresh(updater, request, &use);
  }
  virtual absl::Status RevokeRefresh(Updater& updater, const v1::RevokeRefreshRequest& request) = 0;

  // What /.well-known/jwks.json has.
  virtual absl::StatusOr<PublishedJwks> Published() = 0;

  struct Stats {
    size_t keys_damaged = 0;       // left out, of the key sets that were used since the unseal
    uint64_t times_published = 0;  // how often the published set was made
  };
  virtual Stats stats() const = 0;

  // Forgets refresh tokens that are over and published keys whose secrets are gone, some of them;
  // how many. `*next`: when the next refresh token is over.
  virtual absl::StatusOr<int> RunDue(absl::Time* next) = 0;
};

}  // namespace keyturn
