// Turns what a connection and a call present into an Identity: a bearer token if there is one, else
// the client certificate matched against roles, else nothing. Verified tokens and matched
// certificates are cached, bounded, for as long as the epochs of both stores and of the list of
// what was revoked stay the same.
// Repeated failures from one source lock it out for a while (lockout.h). Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/auth_store.h"
#include "auth/identity.h"
#include "auth/revocations.h"
#include "auth/token_store.h"
#include "base/clock.h"

namespace keyturn {

// A verified client certificate, as TLS saw it.
struct PeerCertificate {
  std::string sha256;     // lower-case hexadecimal fingerprint of the DER form
  std::string spiffe_id;  // "" when it has none
  std::string common_name;
  absl::Time not_after = absl::InfiniteFuture();
  std::string serial = {};  // as CertificateInfo has it
  absl::Time not_before = absl::InfinitePast();
};

struct Credentials {
  absl::string_view bearer_token;                      // "" when absent
  std::shared_ptr<const PeerCertificate> certificate;  // null when absent
  IpAddress source;
  bool local_operator = false;  // came through the 0600 unix socket
};

class Authenticator {
 public:
  // All arguments outlive this.
  static std::unique_ptr<Authenticator> Create(AuthStore& policies, TokenStore& tokens,
                                               const Revocations& revocations, Clock& clock);
  virtual ~Authenticator() = default;

  // UNAUTHENTICATED, with the same message for all causes except "no credentials given";
  // RESOURCE_EXHAUSTED while the source is locked out, with the seconds to wait in the message.
  // `updater` is used only to count uses of limited tokens; then this waits for a disk.
  virtual absl::StatusOr<std::shared_ptr<const Identity>> Identify(
      Updater& updater, const Credentials& credentials) = 0;
  // The same without counting, so that it never waits.
  virtual absl::StatusOr<std::shared_ptr<const Identity>> Recognise(const Credentials& credentials,
                                                                    TokenUse use) = 0;

  // Grows with each change that may shut out or let in someone: who keeps an answer of Identify
  // asks again then, or when the identity has expired.
  virtual uint64_t epoch() const = 0;

  // The role a certificate may log in with: `role_name`, or the only one that matches when empty.
  // PERMISSION_DENIED when none matches; INVALID_ARGUMENT when several do and none is named.
  virtual absl::StatusOr<v1::Role> RoleFor(const Credentials& credentials,
                                           absl::string_view role_name) = 0;
};

}  // namespace keyturn
