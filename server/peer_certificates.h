// Client certificates as identities: the PEM text that TLS hands over with each call is parsed and
// checked against the current client CA once, then found by its bytes. Bounded. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "auth/authenticator.h"
#include "base/clock.h"

namespace keyturn {

class PeerCertificates {
 public:
  // `clock` outlives this.
  explicit PeerCertificates(Clock& clock) : clock_(clock) {}

  // The CA certificates (PEM) that vouch for clients from now on. The TLS listener checks too, but
  // its file may have been exchanged while the server was down; this is the copy that was sealed.
  void SetCa(std::string pem);

  // Null for a certificate that does not parse, is not vouched for, or is out of date.
  std::shared_ptr<const PeerCertificate> Find(absl::string_view pem);

 private:
  std::shared_ptr<const PeerCertificate> Parse(absl::string_view pem,
                                               const std::string& ca_pem) const;

  Clock& clock_;
  absl::Mutex mu_;
  std::string ca_pem_ ABSL_GUARDED_BY(mu_);
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, std::shared_ptr<const PeerCertificate>> known_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
