#include "crypto/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "crypto/jose_pkey.h"
#include "crypto/x509_types.h"

namespace keyturn {
namespace {

constexpr int kP256Bytes = 32;

absl::Status Unreadable() {
  ERR_clear_error();
  return absl::InternalError("OpenSSL could not read a public key");
}

// A number of the key, big-endian in base64url: `bytes` wide (RFC 7518 section 6.2.1.2), or as
// short as it can be when that is 0 (section 2, Base64urlUInt).
absl::StatusOr<std::string> Number(const EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &found) != 1) return Unreadable();
  const std::unique_ptr<BIGNUM, OpenSslFree<BN_free>> number(found);
  std::string out(static_cast<size_t>(bytes == 0 ? BN_num_bytes(found) : bytes), '\0');
  if (BN_bn2binpad(found, reinterpret_cast<unsigned char*>(out.data()),
                   static_cast<int>(out.size())) < 0) {
    return Unreadable();
  }
  return Base64UrlEncode(out);
}

absl::StatusOr<std::string> EdwardsPoint(const EVP_PKEY* key) {
  std::string out(32, '\0');
  size_t size = out.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(out.data()), &size) != 1) {
    return Unreadable();
  }
  return Base64UrlEncode(out);
}

}  // namespace

absl::StatusOr<std::string> PublicJwk(JoseAlgorithm algorithm, absl::string_view kid,
                                      absl::string_view public_der) {
  RETURN_IF_ERROR(ValidateKeyId(kid));
  ASSIGN_OR_RETURN(const EvpKeyPtr key, LoadJosePublic(algorithm, public_der));
  // No value needs escapes: names of ours, base64url, and the key id that was just looked at.
  const std::string middle = absl::StrCat(R"(,"use":"sig","alg":")", JoseAlgorithmName(algorithm),
                                          R"(","kid":")", kid, R"(",)");
  if (algorithm == JoseAlgorithm::kRs256) {
    ASSIGN_OR_RETURN(const std::string n, Number(key.get(), OSSL_PKEY_PARAM_RSA_N, 0));
    ASSIGN_OR_RETURN(const std::string e, Number(key.get(), OSSL_PKEY_PARAM_RSA_E, 0));
    return absl::StrCat(R"({"kty":"RSA")", middle, R"("n":")", n, R"(","e":")", e, R"("})");
  }
  if (algorithm == JoseAlgorithm::kEdDsa) {
    ASSIGN_OR_RETURN(const std::string x, EdwardsPoint(key.get()));
    return absl::StrCat(R"({"kty":"OKP")", middle, R"("crv":"Ed25519","x":")", x, R"("})");
  }
  ASSIGN_OR_RETURN(const std::string x, Number(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, kP256Bytes));
  ASSIGN_OR_RETURN(const std::string y, Number(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, kP256Bytes));
  return absl::StrCat(R"({"kty":"EC")", middle, R"("crv":"P-256","x":")", x, R"(","y":")", y,
                      R"("})");
}

}  // namespace keyturn
