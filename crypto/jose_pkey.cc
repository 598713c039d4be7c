#include "crypto/jose_pkey.h"

#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace keyturn {
namespace {

using DecoderPtr = std::unique_ptr<OSSL_DECODER_CTX, OpenSslFree<OSSL_DECODER_CTX_free>>;
using EncoderPtr = std::unique_ptr<OSSL_ENCODER_CTX, OpenSslFree<OSSL_ENCODER_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, OpenSslFree<BN_free>>;

// The bits of RSA's public exponent. 65537 has 17, and smaller ones have had attacks; OpenSSL
// itself bounds it by 64 for moduli above 3072 bits, because verifying gets slow with it.
constexpr int kExponentBitsMin = 17, kExponentBitsMax = 64;

// OpenSSL's name of the key type; "" for HS256.
const char* TypeName(JoseAlgorithm algorithm) {
  switch (algorithm) {
    case JoseAlgorithm::kRs256:
      return "RSA";
    case JoseAlgorithm::kEs256:
      return "EC";
    case JoseAlgorithm::kEdDsa:
      return "ED25519";
    case JoseAlgorithm::kHs256:
      break;
  }
  return "";
}

absl::Status Unfit(JoseAlgorithm algorithm) {
  switch (algorithm) {
    case JoseAlgorithm::kRs256:
      return absl::InvalidArgumentError(
          absl::StrCat("an RS256 key must be RSA of ", limits::kRsaBitsMin, " to ",
                       limits::kRsaBitsMax, " bits, with an odd public exponent of ",
                       kExponentBitsMin, " to ", kExponentBitsMax, " bits (65537 is usual)"));
    case JoseAlgorithm::kEs256:
      return absl::InvalidArgumentError("an ES256 key must be on the curve P-256");
    case JoseAlgorithm::kEdDsa:
      return absl::InvalidArgumentError("an EdDSA key must be Ed25519");
    case JoseAlgorithm::kHs256:
      break;
  }
  return absl::InvalidArgumentError(
      "an HS256 key has no public half and no PEM or DER form: it is a secret of random bytes");
}

bool GoodExponent(const EVP_PKEY* key) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &found) != 1) return false;
  const NumberPtr exponent(found);
  const int bits = BN_num_bits(exponent.get());
  return BN_is_odd(exponent.get()) && bits >= kExponentBitsMin && bits <= kExponentBitsMax;
}

bool OnP256(const EVP_PKEY* key) {
  char name[32] = {};
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, name, sizeof(name), &size) == 1 &&
         absl::string_view(name, size) == SN_X9_62_prime256v1;
}

bool Fits(JoseAlgorithm algorithm, const EVP_PKEY* key) {
  switch (algorithm) {
    case JoseAlgorithm::kRs256: {
      const int bits = EVP_PKEY_get_bits(key);
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= limits::kRsaBitsMin &&
             bits <= limits::kRsaBitsMax && GoodExponent(key);
    }
    case JoseAlgorithm::kEs256:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && OnP256(key);
    case JoseAlgorithm::kEdDsa:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    case JoseAlgorithm::kHs256:
      break;
  }
  return false;
}

// `structure` is the one ASN.1 type that is taken, `selection` what it holds.
absl::StatusOr<EvpKeyPtr> Load(JoseAlgorithm algorithm, absl::string_view der,
                               const char* structure, int selection) {
  if (algorithm == JoseAlgorithm::kHs256) return Unfit(algorithm);
  EVP_PKEY* found = nullptr;
  const DecoderPtr decoder(OSSL_DECODER_CTX_new_for_pkey(
      &found, "DER", structure, TypeName(algorithm), selection, nullptr, nullptr));
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  size_t left = der.size();
  const bool read = decoder != nullptr && OSSL_DECODER_from_data(decoder.get(), &data, &left) == 1;
  EvpKeyPtr key(found);
  ERR_clear_error();
  if (!read || key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key is not ", structure, " in DER form of the type ", TypeName(algorithm),
                     ", which ", JoseAlgorithmName(algorithm), " takes"));
  }
  if (left != 0) return absl::InvalidArgumentError("bytes follow the end of the key");
  RETURN_IF_ERROR(CheckJosePkey(algorithm, key.get()));
  return key;
}

}  // namespace

absl::Status CheckJosePkey(JoseAlgorithm algorithm, const EVP_PKEY* key) {
  const bool fits = Fits(algorithm, key);
  ERR_clear_error();
  return fits ? absl::OkStatus() : Unfit(algorithm);
}

absl::StatusOr<EvpKeyPtr> LoadJosePrivate(JoseAlgorithm algorithm, const SecretBytes& key) {
  return Load(algorithm, key.ExposeForCrypto(), "PrivateKeyInfo", EVP_PKEY_KEYPAIR);
}

absl::StatusOr<EvpKeyPtr> LoadJosePublic(JoseAlgorithm algorithm, absl::string_view der) {
  return Load(algorithm, der, "SubjectPublicKeyInfo", EVP_PKEY_PUBLIC_KEY);
}

absl::StatusOr<SecretBytes> EncodeJosePrivate(EVP_PKEY* key) {
  // This kind of BIO wipes its memory, also when it grows.
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  const EncoderPtr encoder(
      OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", nullptr));
  if (bio == nullptr || encoder == nullptr || OSSL_ENCODER_to_bio(encoder.get(), bio.get()) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL could not write a private key");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretBytes::CopyOf({data, static_cast<size_t>(size)});
}

}  // namespace keyturn
