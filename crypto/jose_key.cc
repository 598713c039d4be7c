#include "crypto/jose_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/jose_pkey.h"
#include "crypto/random.h"
#include "crypto/x509_types.h"

namespace keyturn {
namespace {

constexpr JoseAlgorithm kAlgorithms[] = {JoseAlgorithm::kHs256, JoseAlgorithm::kRs256,
                                         JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa};

absl::Status CheckHmacKey(const SecretBytes& key) {
  if (key.size() < limits::kHs256ImportedBytesMin || key.size() > limits::kHs256KeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("an HS256 key must have ",
                                                   limits::kHs256ImportedBytesMin, " to ",
                                                   limits::kHs256KeyBytesMax, " bytes"));
  }
  // A public key that became a shared secret lets everybody sign.
  if (absl::StartsWith(key.ExposeForCrypto(), "-----BEGIN ")) {
    return absl::InvalidArgumentError(
        "an HS256 key must be random bytes, and this is PEM text, which may be public");
  }
  return absl::OkStatus();
}

absl::Status CheckPair(EVP_PKEY* key) {
  const std::unique_ptr<EVP_PKEY_CTX, OpenSslFree<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  const bool valid = context != nullptr && EVP_PKEY_check(context.get()) == 1;
  ERR_clear_error();
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the private key is damaged: its numbers do not belong together");
}

absl::StatusOr<SecretBytes> HmacKeyText(const SecretBytes& key) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  const size_t size = sodium_base64_ENCODED_LEN(key.size(), kVariant);  // with a NUL
  ASSIGN_OR_RETURN(SecretBytes text, SecretBytes::Allocate(size));
  sodium_bin2base64(text.Mutable().data(), size,
                    reinterpret_cast<const unsigned char*>(key.ExposeForCrypto().data()),
                    key.size(), kVariant);
  text.Truncate(size - 1);
  return text;
}

}  // namespace

absl::string_view JoseAlgorithmName(JoseAlgorithm algorithm) {
  switch (algorithm) {
    case JoseAlgorithm::kHs256:
      return "HS256";
    case JoseAlgorithm::kRs256:
      return "RS256";
    case JoseAlgorithm::kEs256:
      return "ES256";
    case JoseAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "";
}

std::optional<JoseAlgorithm> JoseAlgorithmFromName(absl::string_view name) {
  for (const JoseAlgorithm algorithm : kAlgorithms) {
    if (JoseAlgorithmName(algorithm) == name) return algorithm;
  }
  return std::nullopt;
}

std::optional<JoseAlgorithm> JoseAlgorithmFromNumber(uint32_t number) {
  for (const JoseAlgorithm algorithm : kAlgorithms) {
    if (static_cast<uint32_t>(algorithm) == number) return algorithm;
  }
  return std::nullopt;
}

absl::Status ValidateKeyId(absl::string_view kid) {
  bool good = !kid.empty() && kid.size() <= limits::kJwsKeyIdBytesMax;
  for (const char c : kid) {
    good = good && (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-');
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a key id has 1 to ", limits::kJwsKeyIdBytesMax,
                                                 " characters of [A-Za-z0-9_-]"));
}

absl::StatusOr<SecretBytes> GenerateJoseKey(JoseAlgorithm algorithm) {
  EvpKeyPtr key;
  switch (algorithm) {
    case JoseAlgorithm::kHs256:
      return RandomSecret(limits::kHs256KeyBytesMin);
    case JoseAlgorithm::kRs256:
      key.reset(EVP_RSA_gen(static_cast<unsigned>(limits::kRsaBitsMin)));
      break;
    case JoseAlgorithm::kEs256:
      key.reset(EVP_EC_gen("P-256"));
      break;
    case JoseAlgorithm::kEdDsa:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
  }
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL could not make a key");
  }
  return EncodeJosePrivate(key.get());
}

absl::Status CheckJoseKey(JoseAlgorithm algorithm, const SecretBytes& key) {
  if (algorithm == JoseAlgorithm::kHs256) return CheckHmacKey(key);
  return LoadJosePrivate(algorithm, key).status();
}

absl::StatusOr<SecretBytes> ImportJosePem(JoseAlgorithm algorithm, const SecretBytes& pem,
                                          bool check_pair) {
  if (pem.size() > limits::kPrivateKeyPemBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("a private key in PEM form has at most ",
                                                   limits::kPrivateKeyPemBytesMax, " bytes"));
  }
  ASSIGN_OR_RETURN(const EvpKeyPtr key, KeyFromPem(pem));
  // Sizes first: the time to check a pair grows with them.
  RETURN_IF_ERROR(CheckJosePkey(algorithm, key.get()));
  if (check_pair) RETURN_IF_ERROR(CheckPair(key.get()));
  return EncodeJosePrivate(key.get());
}

absl::StatusOr<SecretBytes> ExportJoseKey(JoseAlgorithm algorithm, const SecretBytes& key) {
  RETURN_IF_ERROR(CheckJoseKey(algorithm, key));
  if (algorithm == JoseAlgorithm::kHs256) return HmacKeyText(key);
  const absl::string_view der = key.ExposeForCrypto();
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr || PEM_write_bio(bio.get(), PEM_STRING_PKCS8INF, "",
                                      reinterpret_cast<const unsigned char*>(der.data()),
                                      static_cast<long>(der.size())) <= 0) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL could not write a private key");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretBytes::CopyOf({data, static_cast<size_t>(size)});
}

absl::StatusOr<std::string> JosePublicDer(JoseAlgorithm algorithm, const SecretBytes& key) {
  ASSIGN_OR_RETURN(const EvpKeyPtr loaded, LoadJosePrivate(algorithm, key));
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(loaded.get(), &data);
  if (size < 0) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL could not write a public key");
  }
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

}  // namespace keyturn
