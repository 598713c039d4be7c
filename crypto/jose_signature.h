// Signatures of tokens (RFC 7518 section 3, RFC 8037 section 3.1): bytes in, the bytes of a JWS
// signature out. A signer or verifier is made once per key, is bound to one algorithm, and is
// thread-safe. For whole tokens see crypto/jws.h.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/jose_key.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

class JoseSigner {
 public:
  // `key` is a stored private form; a copy of it is kept. INVALID_ARGUMENT as CheckJoseKey.
  static absl::StatusOr<std::unique_ptr<const JoseSigner>> New(JoseAlgorithm algorithm,
                                                               const SecretBytes& key);
  virtual ~JoseSigner() = default;

  // HS256: 32 bytes; RS256: as many as the modulus has; ES256 and EdDSA: 64. INTERNAL when OpenSSL
  // fails.
  virtual absl::StatusOr<std::string> Sign(absl::string_view bytes) const = 0;
};

class JoseVerifier {
 public:
  // From a stored private form (the only one that HS256 has), or from what JosePublicDer gave.
  // INVALID_ARGUMENT for a key that is not of this algorithm: a public key is never taken for an
  // HS256 secret.
  static absl::StatusOr<std::unique_ptr<const JoseVerifier>> FromPrivate(JoseAlgorithm algorithm,
                                                                         const SecretBytes& key);
  static absl::StatusOr<std::unique_ptr<const JoseVerifier>> FromPublic(
      JoseAlgorithm algorithm, absl::string_view public_der);
  virtual ~JoseVerifier() = default;

  // Whether `signature` is one of this key over `bytes`. False for a signature of another length,
  // and for ECDSA numbers outside 1 to n-1. HS256 compares in constant time. An ES256 signature is
  // not the only one of its message (n-s verifies as s does): never take it for an identity.
  virtual bool Verify(absl::string_view bytes, absl::string_view signature) const = 0;
  // What each signature of this key has, in bytes.
  virtual size_t signature_size() const = 0;
};

}  // namespace keyturn
