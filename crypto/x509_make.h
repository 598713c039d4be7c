// Making certificates (RFC 5280): a CA, certificates for clients from their requests (PKCS#10), and
// a server's own. Keys are ECDSA P-256, signatures SHA-256. Private keys are PEM (PKCS#8) in
// SecretBytes. Serial numbers are 127 random bits. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

struct CertificateAndKey {
  std::string certificate_pem;
  SecretBytes key_pem;
};

// From when to when. Certificates are backdated a little by the caller, for clocks that lag.
struct Validity {
  absl::Time not_before;
  absl::Time not_after;
};

// Self-signed, may sign leaves only (path length 0).
absl::StatusOr<CertificateAndKey> MakeCa(absl::string_view common_name, const Validity& validity);

// For the public key of `csr_der`, whose subject and extensions are not taken over. The only URI
// name is `spiffe_id`; usable for client authentication only. INVALID_ARGUMENT for a request that
// does not parse, is not signed by its own key, or whose key is weak (RSA under 2048 bits, curves
// other than P-256, P-384 and Ed25519), and for a bad id.
absl::StatusOr<std::string> SignClientCertificate(const CertificateAndKey& ca,
                                                  absl::string_view csr_der,
                                                  absl::string_view spiffe_id,
                                                  const Validity& validity);

// OK for a request that SignClientCertificate would sign; INVALID_ARGUMENT as it says.
absl::Status CheckCertificateRequest(absl::string_view csr_der);

// For server authentication as any of `hosts` (names and literal addresses).
absl::StatusOr<CertificateAndKey> MakeServerCertificate(const CertificateAndKey& ca,
                                                        absl::Span<const std::string> hosts,
                                                        const Validity& validity);

struct CertificateRequest {
  std::string csr_der;
  SecretBytes key_pem;
};
// A fresh key and a request for it: what a client does before it asks for a certificate.
absl::StatusOr<CertificateRequest> MakeCertificateRequest();

}  // namespace keyturn
