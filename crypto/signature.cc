#include "crypto/signature.h"

#include <sodium.h>

#include "base/status_macros.h"

namespace keyturn {
namespace {

// Chooses libsodium's implementations for this processor; may be called again.
[[maybe_unused]] const bool sodium_ready = sodium_init() >= 0;

const unsigned char* Bytes(absl::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

// libsodium's signing key: seed || public key.
absl::StatusOr<SecretBytes> SigningKey(const SecretBytes& seed, unsigned char* public_key) {
  if (seed.size() != kEd25519SeedSize) {
    return absl::InvalidArgumentError("an Ed25519 seed has 32 bytes");
  }
  ASSIGN_OR_RETURN(SecretBytes key, SecretBytes::Allocate(crypto_sign_SECRETKEYBYTES));
  crypto_sign_seed_keypair(public_key, reinterpret_cast<unsigned char*>(key.Mutable().data()),
                           Bytes(seed.ExposeForCrypto()));
  return key;
}

}  // namespace

absl::StatusOr<std::string> Ed25519PublicKey(const SecretBytes& seed) {
  std::string out(kEd25519PublicKeySize, '\0');
  ASSIGN_OR_RETURN(const SecretBytes key,
                   SigningKey(seed, reinterpret_cast<unsigned char*>(out.data())));
  return out;
}

absl::StatusOr<std::string> Ed25519Sign(const SecretBytes& seed, absl::string_view message) {
  unsigned char public_key[kEd25519PublicKeySize];
  ASSIGN_OR_RETURN(const SecretBytes key, SigningKey(seed, public_key));
  std::string out(kEd25519SignatureSize, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr, Bytes(message),
                       message.size(), Bytes(key.ExposeForCrypto()));
  return out;
}

bool Ed25519Verify(absl::string_view public_key, absl::string_view message,
                   absl::string_view signature) {
  return public_key.size() == kEd25519PublicKeySize && signature.size() == kEd25519SignatureSize &&
         crypto_sign_verify_detached(Bytes(signature), Bytes(message), message.size(),
                                     Bytes(public_key)) == 0;
}

}  // namespace keyturn
