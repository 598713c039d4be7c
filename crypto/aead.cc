#include "crypto/aead.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "base/status_macros.h"
#include "crypto/random.h"

namespace keyturn {
namespace {

// Chooses libsodium's implementations for this processor; may be called again.
[[maybe_unused]] const bool sodium_ready = sodium_init() >= 0;

constexpr size_t kGcmNonceSize = 12;
constexpr size_t kTagSize = 16;

absl::Status BadSeal() {
  return absl::DataLossError("a sealed record does not open: corrupted or tampered with");
}

const unsigned char* Bytes(absl::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}
unsigned char* Bytes(char* data) { return reinterpret_cast<unsigned char*>(data); }

size_t NonceSize(AeadSuite suite) {
  return suite == AeadSuite::kAes256Gcm ? kGcmNonceSize
                                        : crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
}

// One context per thread. The key schedule is wiped with OPENSSL_cleanse by the reset after use.
struct CipherContext {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  ~CipherContext() { EVP_CIPHER_CTX_free(context); }
};

EVP_CIPHER_CTX* Context() {
  thread_local CipherContext holder;
  return holder.context;
}

const EVP_CIPHER* Gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

bool GcmSeal(absl::string_view key, absl::string_view aad, absl::string_view plaintext, char* out) {
  EVP_CIPHER_CTX* c = Context();
  unsigned char* nonce = Bytes(out);
  unsigned char* text = nonce + kGcmNonceSize;
  int n = 0;
  const bool ok =
      EVP_EncryptInit_ex2(c, Gcm(), Bytes(key), nonce, nullptr) == 1 &&
      EVP_EncryptUpdate(c, nullptr, &n, Bytes(aad), static_cast<int>(aad.size())) == 1 &&
      EVP_EncryptUpdate(c, text, &n, Bytes(plaintext), static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(c, text + plaintext.size(), &n) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTagSize, text + plaintext.size()) == 1;
  EVP_CIPHER_CTX_reset(c);
  return ok;
}

bool GcmOpen(absl::string_view key, absl::string_view aad, absl::string_view sealed, char* out) {
  EVP_CIPHER_CTX* c = Context();
  const size_t size = sealed.size() - kGcmNonceSize - kTagSize;
  const absl::string_view text = sealed.substr(kGcmNonceSize, size);
  unsigned char tag[kTagSize];
  for (size_t i = 0; i < kTagSize; ++i) tag[i] = Bytes(sealed)[kGcmNonceSize + size + i];
  int n = 0;
  // A null output pointer means associated data to EVP, so an empty text is given somewhere to go.
  unsigned char nowhere[1];
  unsigned char* target = size == 0 ? nowhere : Bytes(out);
  const bool ok =
      EVP_DecryptInit_ex2(c, Gcm(), Bytes(key), Bytes(sealed), nullptr) == 1 &&
      EVP_DecryptUpdate(c, nullptr, &n, Bytes(aad), static_cast<int>(aad.size())) == 1 &&
      EVP_DecryptUpdate(c, target, &n, Bytes(text), static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag) == 1 &&
      EVP_DecryptFinal_ex(c, target + size, &n) == 1;
  EVP_CIPHER_CTX_reset(c);
  return ok;
}

}  // namespace

bool IsAeadSuite(uint8_t suite) {
  return suite == static_cast<uint8_t>(AeadSuite::kAes256Gcm) ||
         suite == static_cast<uint8_t>(AeadSuite::kXChaCha20Poly1305);
}

size_t AeadOverhead(AeadSuite suite) { return NonceSize(suite) + kTagSize; }

absl::StatusOr<std::string> AeadSeal(AeadSuite suite, absl::string_view key,
                                     absl::string_view associated_data,
                                     absl::string_view plaintext) {
  if (key.size() != kAeadKeySize) return absl::InvalidArgumentError("an AEAD key has 32 bytes");
  const size_t nonce_size = NonceSize(suite);
  std::string out(plaintext.size() + AeadOverhead(suite), '\0');
  FillRandom(absl::MakeSpan(out.data(), nonce_size));
  if (suite == AeadSuite::kAes256Gcm) {
    if (!GcmSeal(key, associated_data, plaintext, out.data())) {
      return absl::InternalError("AES-256-GCM failed to seal");
    }
    return out;
  }
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      Bytes(out.data()) + nonce_size, nullptr, Bytes(plaintext), plaintext.size(),
      Bytes(associated_data), associated_data.size(), nullptr, Bytes(out.data()), Bytes(key));
  return out;
}

absl::StatusOr<SecretBytes> AeadOpen(AeadSuite suite, absl::string_view key,
                                     absl::string_view associated_data, absl::string_view sealed) {
  if (key.size() != kAeadKeySize) return absl::InvalidArgumentError("an AEAD key has 32 bytes");
  if (sealed.size() < AeadOverhead(suite)) return BadSeal();
  ASSIGN_OR_RETURN(SecretBytes out, SecretBytes::Allocate(sealed.size() - AeadOverhead(suite)));
  if (suite == AeadSuite::kAes256Gcm) {
    if (!GcmOpen(key, associated_data, sealed, out.Mutable().data())) return BadSeal();
    return out;
  }
  const size_t nonce_size = NonceSize(suite);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(out.Mutable().data()), nullptr, nullptr, Bytes(sealed) + nonce_size,
          sealed.size() - nonce_size, Bytes(associated_data), associated_data.size(), Bytes(sealed),
          Bytes(key)) != 0) {
    return BadSeal();
  }
  return out;
}

}  // namespace keyturn
