#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace keyturn {
namespace {

// OpenSSL 3 looks an algorithm up by name on each implicit use, which costs more than hashing a
// short message; one explicit fetch serves the process.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

// SHA-256 by blocks, for HMAC: two states of 64-byte pads. One context per thread, wiped by Init.
struct ThreadContext {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~ThreadContext() { EVP_MD_CTX_free(context); }
};

EVP_MD_CTX* Context() {
  thread_local ThreadContext holder;
  return holder.context;
}

void Digest(absl::string_view first, absl::string_view second, unsigned char* out) {
  EVP_MD_CTX* context = Context();
  EVP_DigestInit_ex2(context, Sha256Method(), nullptr);
  EVP_DigestUpdate(context, first.data(), first.size());
  EVP_DigestUpdate(context, second.data(), second.size());
  EVP_DigestFinal_ex(context, out, nullptr);
}

}  // namespace

std::string Sha256(absl::string_view bytes) {
  std::string out(kSha256Size, '\0');
  Digest(bytes, "", reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

// RFC 2104 over the cheap digest context: EVP_MAC's set-up costs a microsecond more per call.
std::string HmacSha256(absl::string_view key, absl::string_view bytes) {
  unsigned char block[64] = {};
  if (key.size() > sizeof(block)) {
    Digest(key, "", block);
  } else {
    for (size_t i = 0; i < key.size(); ++i) block[i] = static_cast<unsigned char>(key[i]);
  }
  unsigned char inner[kSha256Size];
  for (unsigned char& byte : block) byte ^= 0x36;
  const absl::string_view pad(reinterpret_cast<const char*>(block), sizeof(block));
  Digest(pad, bytes, inner);
  for (unsigned char& byte : block) byte ^= 0x36 ^ 0x5c;
  std::string out(kSha256Size, '\0');
  Digest(pad, {reinterpret_cast<const char*>(inner), sizeof(inner)},
         reinterpret_cast<unsigned char*>(out.data()));
  OPENSSL_cleanse(block, sizeof(block));
  OPENSSL_cleanse(inner, sizeof(inner));
  return out;
}

std::string Mac16(absl::string_view key, absl::string_view bytes) {
  std::string mac = HmacSha256(key, bytes);
  mac.resize(16);
  return mac;
}

bool ConstantTimeEquals(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace keyturn
