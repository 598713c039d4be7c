// Who Redis clients are, and what they may do: `AUTH user password` with a Keyturn token as the
// password, or the client certificate of a TLS connection. Every attempt is limited, locked out and
// audited as a call is (server/call.h). Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "auth/authenticator.h"
#include "crypto/secret_bytes.h"
#include "revocation/resp_session.h"
#include "server/call.h"

namespace keyturn {

// The permissions that commands ask for; they name no path.
inline constexpr char kRevocationCheck[] = "revocation:check";
inline constexpr char kRevocationWrite[] = "revocation:write";
inline constexpr char kRevocationAdmin[] = "admin:revocation";

class RespAccessControl {
 public:
  // Of one connection. `certificate` is null without one.
  struct Peer {
    std::string address;  // with port, or "unix"
    IpAddress source;
    std::shared_ptr<const PeerCertificate> certificate;
  };

  // `gate` outlives this.
  explicit RespAccessControl(GateParts& gate) : gate_(gate) {}

  // `user` is "default", or the token's principal with or without "token:". UNAUTHENTICATED for a
  // wrong one and a token with limited uses, RESOURCE_EXHAUSTED for a source that is limited or
  // locked out, FAILED_PRECONDITION while sealed, UNAVAILABLE when it cannot be audited.
  absl::StatusOr<RespAccess> ByToken(const Peer& peer, absl::string_view user,
                                     absl::string_view token);
  // Errors as ByToken. REQUIRES: peer.certificate.
  absl::StatusOr<RespAccess> ByCertificate(const Peer& peer);
  // The same caller, as of now. UNAUTHENTICATED when there is none any more.
  absl::StatusOr<RespAccess> Refresh(const RespAccess& access);
  uint64_t epoch() const;

 private:
  struct Caller;

  absl::StatusOr<RespAccess> Admit(std::shared_ptr<Caller> caller, absl::string_view user);
  absl::StatusOr<std::shared_ptr<const Identity>> Recognise(const Caller& caller,
                                                            absl::string_view user);
  RespAccess AccessOf(const std::shared_ptr<const Caller>& caller, const Identity& identity,
                      uint64_t epoch) const;
  absl::Status Audit(const Peer& peer, const Identity* identity, const absl::Status& outcome);

  // The token in one place for all connections that have it.
  absl::StatusOr<std::shared_ptr<const SecretBytes>> Share(absl::string_view token);

  GateParts& gate_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, std::weak_ptr<const SecretBytes>> tokens_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
