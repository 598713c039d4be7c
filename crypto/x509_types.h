// Owners of OpenSSL objects and their text forms, for the files of this room. Thread-safe (values).
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

template <auto kFree>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using X509Ptr = std::unique_ptr<X509, OpenSslFree<X509_free>>;
using X509ReqPtr = std::unique_ptr<X509_REQ, OpenSslFree<X509_REQ_free>>;
using EvpKeyPtr = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, OpenSslFree<BIO_free_all>>;

// A read-only BIO over `bytes`, which outlive it.
BioPtr ReadBio(absl::string_view bytes);
// The next certificate of PEM text, nullptr at the end.
X509Ptr NextCertificate(BIO* bio);
absl::StatusOr<std::string> ToPem(X509* certificate);
absl::StatusOr<std::string> ToDer(X509* certificate);
absl::StatusOr<EvpKeyPtr> KeyFromPem(const SecretBytes& pem);

}  // namespace keyturn
