// Certificates (RFC 5280) as identities: reading them, and checking who vouches for them.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

struct CertificateInfo {
  std::string sha256;       // lower-case hexadecimal fingerprint of the DER form
  std::string common_name;  // of the subject, "" when absent
  std::string spiffe_id;    // the URI name, if there is just one and it is a SPIFFE id; else ""
  std::vector<std::string> dns_names;
  std::string serial;  // lower-case hexadecimal, two digits a byte
  absl::Time not_before, not_after;
  bool is_ca = false;
};

// The first certificate in PEM text. INVALID_ARGUMENT when there is none that parses, or when one
// of its names holds a NUL.
absl::StatusOr<CertificateInfo> ReadCertificate(absl::string_view pem);

// OK when the first certificate of `pem` is in date at `now`, meant for client authentication and
// signed, through the others if need be, by a CA of `ca_pem`. UNAUTHENTICATED with OpenSSL's reason
// otherwise; INVALID_ARGUMENT for text that does not parse.
absl::Status VerifyClientCertificate(absl::string_view pem, absl::string_view ca_pem,
                                     absl::Time now);

// OK when the first certificate of `pem` is for this private key (PEM). INVALID_ARGUMENT otherwise.
absl::Status CheckKeyPair(absl::string_view pem, const SecretBytes& key_pem);

// OK when `pem` is what a server can show: each further certificate signs the one before it, and
// the first is meant for server authentication, if it says what it is meant for. INVALID_ARGUMENT
// otherwise. Dates are not looked at.
absl::Status CheckServerChain(absl::string_view pem);

// The SPIFFE rules for an id ("spiffe://domain/path"): lower-case domain, path of [A-Za-z0-9._-]
// segments, at most 2048 bytes. INVALID_ARGUMENT says what is allowed.
absl::Status ValidateSpiffeId(absl::string_view id);

}  // namespace keyturn
