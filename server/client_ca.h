// The CA that vouches for clients: made once at init, its private key sealed in the store, opened
// while the vault is unsealed. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "crypto/x509_make.h"
#include "keyring/keyring.h"
#include "storage/store.h"

namespace keyturn {

class ClientCa {
 public:
  // `clock` outlives this.
  explicit ClientCa(Clock& clock) : clock_(clock) {}

  // Makes, stores and opens a CA.
  absl::Status Make(Updater& updater, const KeyringSnapshot& keys);
  // Opens the stored one. NOT_FOUND when there is none: an init that did not finish.
  absl::Status Load(const View& view, const KeyringSnapshot& keys);
  void Clear();

  struct Issued {
    std::string certificate_pem;
    absl::Time expire_time;
  };
  // A client certificate for the key of a PKCS#10 request (DER). `ttl` zero means
  // limits::kCertificateTtlSecondsDefault. INVALID_ARGUMENT names the field.
  absl::StatusOr<Issued> Sign(absl::string_view csr, absl::string_view spiffe_id,
                              absl::Duration ttl);

  // "" while closed.
  std::string certificate_pem() const;

 private:
  Clock& clock_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const CertificateAndKey> ca_ ABSL_GUARDED_BY(mu_);
};

}  // namespace keyturn
