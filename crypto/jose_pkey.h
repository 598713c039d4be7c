// OpenSSL's form of the keys that sign tokens, for the files of this room. A key that is loaded is
// of the type and strength that its algorithm takes. INVALID_ARGUMENT otherwise, and for HS256,
// whose key is no object of OpenSSL. Thread-safe.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/jose_key.h"
#include "crypto/secret_bytes.h"
#include "crypto/x509_types.h"

namespace keyturn {

// OK for a key of the type, curve and size that jose_key.h says.
absl::Status CheckJosePkey(JoseAlgorithm algorithm, const EVP_PKEY* key);

// A private key in PKCS#8 DER, with nothing behind it.
absl::StatusOr<EvpKeyPtr> LoadJosePrivate(JoseAlgorithm algorithm, const SecretBytes& key);

// A SubjectPublicKeyInfo in DER, with nothing behind it. A point is on its curve.
absl::StatusOr<EvpKeyPtr> LoadJosePublic(JoseAlgorithm algorithm, absl::string_view der);

// A private key as PKCS#8 DER.
absl::StatusOr<SecretBytes> EncodeJosePrivate(EVP_PKEY* key);

}  // namespace keyturn
