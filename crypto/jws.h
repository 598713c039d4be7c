// Signed tokens in the compact form of JWS (RFC 7515): header "." payload "." signature, each in
// base64url. Only what this vault needs is taken: four algorithms, a key named by "kid", no
// extension. Refusals of a token are UNAUTHENTICATED with a reason (base/reason.h):
//   TOKEN_MALFORMED  it is no such token, or is too long
//   TOKEN_ALGORITHM  its algorithm is unknown, "none", or not that of its key
//   TOKEN_KEY        it names no key as is allowed, or another than the verifier's
//   TOKEN_SIGNATURE  it is not signed by this key
// Whether the claims in the payload may be believed now is for crypto/jwt_check.h. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/jose_key.h"
#include "crypto/jose_signature.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// The header's "typ".
enum class JwsType {
  kAbsent,
  kJwt,          // "JWT" (RFC 7519)
  kAccessToken,  // "at+jwt" (RFC 9068)
};

struct ParsedJws {
  JoseAlgorithm algorithm = JoseAlgorithm::kEdDsa;  // what the token says: not to be trusted
  std::string kid;                                  // as ValidateKeyId allows; "": not named
  JwsType type = JwsType::kAbsent;
  absl::string_view signing_input;  // of the text that was parsed, which must outlive it
  std::string payload;              // any bytes, at least one
  std::string signature;            // at least one byte
};

enum class JwsTypeRule { kRequired, kMayBeAbsent };
enum class JwsKeyRule { kRequired, kMayBeAbsent };

// Takes a token apart; nothing is verified yet. At most limits::kJwsBytesMax bytes, just three
// parts in canonical base64url without padding, and nothing around them. The header is an object
// without a name twice; "alg" is one of the four by exact name; "kid" is as ValidateKeyId
// allows, and there unless `key` says otherwise; "crit" is refused, as no extension is understood;
// "typ" is one of JwsType in any case, with or without "application/" before it. All else in the
// header, such as "jku", "jwk", "x5u", "x5c" and "x5t", is ignored: a key is found by "kid" among
// our own, never by what a token says about itself.
absl::StatusOr<ParsedJws> ParseJws(absl::string_view token,
                                   JwsTypeRule rule = JwsTypeRule::kRequired,
                                   JwsKeyRule key = JwsKeyRule::kRequired);

// Makes tokens with one key. The header is {"alg":...,"kid":...,"typ":...}, in this order.
class JwsSigner {
 public:
  // `key` is a stored private form (crypto/jose_key.h). INVALID_ARGUMENT for a key or key id that
  // is not allowed.
  static absl::StatusOr<std::unique_ptr<const JwsSigner>> New(JoseAlgorithm algorithm,
                                                              absl::string_view kid,
                                                              const SecretBytes& key,
                                                              JwsType type = JwsType::kJwt);

  // A token over `payload`: who has it may use it, so it goes to its caller and into no log.
  // INVALID_ARGUMENT for an empty payload, and for one that makes the token longer than
  // limits::kJwsBytesMax.
  absl::StatusOr<std::string> Sign(absl::string_view payload) const;

 private:
  JwsSigner(std::string header, std::unique_ptr<const JoseSigner> signer)
      : header_(std::move(header)), signer_(std::move(signer)) {}

  const std::string header_;  // encoded
  const std::unique_ptr<const JoseSigner> signer_;
};

// Verifies tokens of one key. The algorithm is the key's: a token that says another one is refused
// before its signature is looked at.
class JwsVerifier {
 public:
  // From a stored private form or from the public half (JosePublicDer). INVALID_ARGUMENT for a key
  // or key id that is not allowed.
  static absl::StatusOr<std::unique_ptr<const JwsVerifier>> FromPrivate(JoseAlgorithm algorithm,
                                                                        absl::string_view kid,
                                                                        const SecretBytes& key);
  static absl::StatusOr<std::unique_ptr<const JwsVerifier>> FromPublic(
      JoseAlgorithm algorithm, absl::string_view kid, absl::string_view public_der);

  // OK when this key signed the token; only then may its payload be read.
  absl::Status Verify(const ParsedJws& jws) const;

 private:
  JwsVerifier(JoseAlgorithm algorithm, absl::string_view kid,
              std::unique_ptr<const JoseVerifier> verifier)
      : algorithm_(algorithm), kid_(kid), verifier_(std::move(verifier)) {}

  const JoseAlgorithm algorithm_;
  const std::string kid_;
  const std::unique_ptr<const JoseVerifier> verifier_;
};

}  // namespace keyturn
