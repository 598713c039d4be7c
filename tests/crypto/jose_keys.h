// Keys of tests that sign tokens, and published ones. Thread-safe.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "crypto/jose_key.h"
#include "crypto/x509_types.h"
#include "tests/support/status.h"

namespace keyturn {

inline constexpr JoseAlgorithm kEveryJoseAlgorithm[] = {
    JoseAlgorithm::kHs256, JoseAlgorithm::kRs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa};

// The same in the whole process, as an RSA key takes long to make. `which` tells keys apart.
inline const SecretBytes& JoseTestKey(JoseAlgorithm algorithm, int which = 0) {
  static auto* const keys = new std::map<std::pair<JoseAlgorithm, int>, SecretBytes>;
  SecretBytes& key = (*keys)[{algorithm, which}];
  if (key.empty()) key = GenerateJoseKey(algorithm).value();
  return key;
}

inline std::string JoseTestPublic(JoseAlgorithm algorithm, int which = 0) {
  return JosePublicDer(algorithm, JoseTestKey(algorithm, which)).value();
}

inline SecretBytes SecretOf(absl::string_view bytes) { return SecretBytes::CopyOf(bytes).value(); }

// From the members of a JWK, which are base64url. The headers of these DER forms are the same for
// all keys of the type (RFC 5480, 5915, 8410).
inline SecretBytes P256Private(absl::string_view d) {
  return SecretOf(
      *HexDecode("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420") +
      *Base64UrlDecode(d));
}
inline std::string P256Public(absl::string_view x, absl::string_view y) {
  return *HexDecode("3059301306072a8648ce3d020106082a8648ce3d03010703420004") +
         *Base64UrlDecode(x) + *Base64UrlDecode(y);
}
inline SecretBytes Ed25519Private(absl::string_view d) {
  return SecretOf(*HexDecode("302e020100300506032b657004220420") + *Base64UrlDecode(d));
}
inline std::string Ed25519Public(absl::string_view x) {
  return *HexDecode("302a300506032b6570032100") + *Base64UrlDecode(x);
}

inline std::string BioText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}
inline std::string PemText(const char* name, absl::string_view der) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  EXPECT_GT(PEM_write_bio(bio.get(), name, "", reinterpret_cast<const unsigned char*>(der.data()),
                          static_cast<long>(der.size())),
            0);
  return BioText(bio.get());
}

}  // namespace keyturn
