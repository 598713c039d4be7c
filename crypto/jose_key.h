// Keys that sign JSON web tokens (RFC 7515, 7518, 8037), by algorithm: made, checked, imported and
// exported. The stored form of a private key is for HS256 its bytes, for the others PKCS#8 in DER;
// it lives in SecretBytes, and while OpenSSL reads or writes it in OpenSSL's own objects. Some of
// those it frees without wiping; the server's allocator fills what is freed (server/hardening.h).
//
// INVALID_ARGUMENT for a key that is not what its algorithm takes, naming what it takes.
// RESOURCE_EXHAUSTED when the arena of secrets is full. Thread-safe. Making or importing an RSA key
// takes up to some seconds: never inside Store::Update.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret_bytes.h"

namespace keyturn {

// The numbers are stored on disk. There is no "none", and no algorithm outside this list.
enum class JoseAlgorithm : uint8_t {
  kHs256 = 1,  // HMAC-SHA256: who verifies can sign, so only for what stays inside
  kRs256 = 2,  // RSASSA-PKCS1-v1_5 with SHA-256
  kEs256 = 3,  // ECDSA on P-256 with SHA-256
  kEdDsa = 4,  // Ed25519
};

// As the header of a token has it: "HS256", "RS256", "ES256", "EdDSA".
absl::string_view JoseAlgorithmName(JoseAlgorithm algorithm);
// By its exact name; std::nullopt for any other text.
std::optional<JoseAlgorithm> JoseAlgorithmFromName(absl::string_view name);
// By its number on disk; std::nullopt for any other.
std::optional<JoseAlgorithm> JoseAlgorithmFromNumber(uint32_t number);

// OK for an id of a key that tokens may name: [A-Za-z0-9_-]{1,64}. INVALID_ARGUMENT otherwise.
absl::Status ValidateKeyId(absl::string_view kid);

// A new private key, stored form: 64 random bytes, RSA of 3072 bits, P-256, Ed25519.
absl::StatusOr<SecretBytes> GenerateJoseKey(JoseAlgorithm algorithm);

// OK for a stored form that this algorithm can use: HS256 with 32 (RFC 7518 section 3.2) to 1024
// bytes that are no PEM text; RSA of 3072 to 4096 bits with a public exponent of 17 to 64 bits;
// P-256; Ed25519. Whether the numbers of a key belong together is looked at on import only.
absl::Status CheckJoseKey(JoseAlgorithm algorithm, const SecretBytes& key);

// The stored form of an unencrypted private key in PEM (PKCS#8, or the older forms of RSA and EC),
// whose numbers were checked to belong together, unless `check_pair` is false: for what was checked
// or made here. INVALID_ARGUMENT for HS256 too, which has no PEM.
absl::StatusOr<SecretBytes> ImportJosePem(JoseAlgorithm algorithm, const SecretBytes& pem,
                                          bool check_pair = true);

// The private key as text for people: base64 of the bytes for HS256, else PEM (PKCS#8).
absl::StatusOr<SecretBytes> ExportJoseKey(JoseAlgorithm algorithm, const SecretBytes& key);

// The public half, as SubjectPublicKeyInfo in DER (RFC 5280). INVALID_ARGUMENT for HS256, which has
// none.
absl::StatusOr<std::string> JosePublicDer(JoseAlgorithm algorithm, const SecretBytes& key);

}  // namespace keyturn
