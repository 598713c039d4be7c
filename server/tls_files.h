// The files behind the TLS listener: what the configuration names, or what the server makes for
// itself under <data>/tls, checked and then put in place together, so that the listener never sees
// a certificate without its key.
//   ca.pem ca.key           the server's own CA; clients trust ca.pem
//   server.pem server.key   its certificate
//   client-ca.pem           who vouches for clients; before init, a CA that nobody has the key of
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// What one handshake needs. `key` is PEM with a NUL after it.
struct TlsMaterial {
  std::string certificate;
  SecretBytes key;
  std::string client_cas;  // PEM: all that vouch for clients
};

struct TlsFilesOptions {
  std::string directory;           // made with 0700 when absent
  std::string certificate, key;    // configured, or ""
  std::string extra_client_ca;     // configured, or ""
  std::vector<std::string> hosts;  // names and addresses of a certificate made here
};

class TlsFiles {
 public:
  // Makes what is missing and puts it in place. INVALID_ARGUMENT names the configured file that is
  // wrong; UNAVAILABLE for I/O errors. `clock` outlives this.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(const TlsFilesOptions& options,
                                                        Clock& clock);

  // Reads the configured files again, makes a new certificate if the own one nears its end, and
  // puts the result in place. `client_ca` (PEM) takes the place of what client-ca.pem holds: who
  // can write files is not to say who vouches for clients. "" while it is not known, sealed. On an
  // error (a key of another certificate, a broken chain, a
  // certificate that is not for servers or out of date) what was in place stays.
  absl::Status Reload(const std::string& client_ca);
  // As in place. Never null.
  std::shared_ptr<const TlsMaterial> material() const;

  // What clients need to trust this server: "" when a certificate is configured, whose issuer
  // clients must know by themselves.
  std::string ca_file() const;

 private:
  TlsFiles(const TlsFilesOptions& options, Clock& clock) : options_(options), clock_(clock) {}

  std::string Path(const std::string& name) const { return options_.directory + "/" + name; }
  absl::Status MakeOwn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status MakePlaceholder() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckDates(absl::string_view certificate) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status PutInPlace() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool OwnIsGood() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const TlsFilesOptions options_;
  Clock& clock_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const TlsMaterial> material_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
