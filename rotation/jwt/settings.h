// What the settings of a key that signs mean, with their defaults, and the texts that its versions
// hold: for HS256 base64 of 64 random bytes, else PEM (PKCS#8). An HS256 key is the text itself,
// byte by byte, as JWT libraries take a string; so whoever reads it need not know how it was made.
// Thread-safe (no state).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/types.h"
#include "crypto/jose_key.h"
#include "crypto/secret_bytes.h"
#include "keyturn/record/v1/vault.pb.h"
#include "keyturn/v1/jwt.pb.h"
#include "keyturn/v1/rotation.pb.h"

namespace keyturn {

// INVALID_ARGUMENT names the field, what it is and what is allowed.
absl::Status CheckJwtSettings(const v1::JwtKeySettings& settings);

// INVALID_ARGUMENT when tokens would outlive the key that verifies them: the grace must hold the
// longest token, the age of a cached key set and what clocks differ by; or when the next key could
// not be published long enough before it signs.
absl::Status CheckJwtPolicy(const v1::JwtKeySettings& settings, const v1::RotationPolicy& policy);
// The same of a secret that signs, whose longest tokens may be from before its settings changed.
absl::Status CheckJwtPolicy(const record::v1::SecretMetadata& metadata,
                            const v1::RotationPolicy& policy, absl::Time now);

// The secret signs by other settings from `now` on. Tokens that were signed until then live out,
// and so do the sets of public keys that were handed out (SignsFrom).
void ChangeJwtSettings(const v1::JwtKeySettings& settings, absl::Time now,
                       record::v1::SecretMetadata* metadata);
// How long a token that is verified at `now` may be: as the settings say, or as they said while the
// oldest token that can still be valid was signed.
absl::Duration LongestTokenOf(const record::v1::SecretMetadata& metadata, absl::Time now);

// With its defaults filled in.
v1::JwtKeySettings EffectiveJwtSettings(const v1::JwtKeySettings& settings);
absl::Duration MaxTokenOf(const v1::JwtKeySettings& settings);
// From when a new key is published until it signs.
absl::Duration PublishLeadOf(const v1::JwtKeySettings& settings);
// So long a set of public keys may be kept by who verifies; at most half of the lead.
absl::Duration JwksMaxAgeOf(const v1::JwtKeySettings& settings);

// The field of a version that holds its key.
inline constexpr absl::string_view kJwtField = "value";

// When a version may sign at the earliest: the lead after it was published, and not while somebody
// may keep a set from before that, by the max-age with which it was handed out. In the past for one
// that was never staged, and for a secret whose versions are no keys.
absl::Time SignsFrom(const record::v1::SecretMetadata& metadata, uint64_t version);

// How long the id of a key stays in the revocation list, so that no token of it is left: whatever
// the settings say by `now`.
absl::Time KidRevokedUntil(absl::Time now);

// REQUIRES: CheckJwtSettings(settings).ok().
JoseAlgorithm AlgorithmOf(const v1::JwtKeySettings& settings);

// The name of a version's key in tokens and key sets: of this secret and version alone, for ever.
std::string KidOf(const Uuid& secret, SecretVersion version);
// The version in a name that KidOf has made; 0 for any other.
SecretVersion VersionIn(absl::string_view kid);

// A new key, as text. RSA takes up to some seconds.
absl::StatusOr<SecretBytes> MakeJwtValue(const v1::JwtKeySettings& settings);

// The key in the form of crypto/jose_key.h. INVALID_ARGUMENT for a text that is none of this
// algorithm. `check` looks at the numbers of a pair too, which takes long for RSA: for what comes
// from outside.
absl::StatusOr<SecretBytes> JwtKeyOf(JoseAlgorithm algorithm, const SecretBytes& text, bool check);

}  // namespace keyturn
