#include "crypto/jose_key.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "crypto/jose_pkey.h"
#include "crypto/jose_signature.h"
#include "tests/crypto/jose_keys.h"

namespace keyturn {
namespace {

// What OpenSSL would store, of any strength.
std::string PrivatePem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
            1);
  return BioText(bio.get());
}

std::string DerOfPem(const std::string& pem) {
  const BioPtr bio = ReadBio(pem);
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  EXPECT_EQ(PEM_read_bio(bio.get(), &name, &header, &data, &size), 1);
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

// RSA for signatures with PSS only.
EvpKeyPtr MakePss() {
  const std::unique_ptr<EVP_PKEY_CTX, OpenSslFree<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, nullptr));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 3072), 1);
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1);
  return EvpKeyPtr(key);
}

EvpKeyPtr MakeEdwards(const char* name) {
  return EvpKeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, name));
}

TEST(JoseAlgorithmNames, AreThoseOfTheStandardAndTheirNumbersStay) {
  const struct {
    JoseAlgorithm algorithm;
    uint32_t number;
    const char* name;
  } kAll[] = {{JoseAlgorithm::kHs256, 1, "HS256"},
              {JoseAlgorithm::kRs256, 2, "RS256"},
              {JoseAlgorithm::kEs256, 3, "ES256"},
              {JoseAlgorithm::kEdDsa, 4, "EdDSA"}};
  for (const auto& one : kAll) {
    EXPECT_EQ(static_cast<uint32_t>(one.algorithm), one.number);
    EXPECT_EQ(JoseAlgorithmName(one.algorithm), one.name);
    EXPECT_EQ(JoseAlgorithmFromName(one.name), one.algorithm);
    EXPECT_EQ(JoseAlgorithmFromNumber(one.number), one.algorithm);
  }
  for (const char* other : {"", "none", "hs256", "EDDSA", "HS256 ", "HS384", "PS256", "ES256K"}) {
    EXPECT_EQ(JoseAlgorithmFromName(other), std::nullopt) << other;
  }
  for (const uint32_t other : {0u, 5u, 257u}) {
    EXPECT_EQ(JoseAlgorithmFromNumber(other), std::nullopt) << other;
  }
}

TEST(KeyId, HasOneTo64HarmlessCharacters) {
  for (const std::string& good :
       {std::string("a"), std::string("AZaz09_-"), std::string(64, 'k')}) {
    EXPECT_OK(ValidateKeyId(good));
  }
  for (const std::string& bad :
       {std::string(), std::string(65, 'k'), std::string("a.b"), std::string("../a"),
        std::string("a b"), std::string("a\n"), std::string("a\0", 2), std::string("\xc3\xa4"),
        std::string("bilbo.baggins@hobbiton.example")}) {
    const absl::Status refused = ValidateKeyId(bad);
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "a key id has 1 to 64 characters of [A-Za-z0-9_-]");
  }
}

TEST(JoseKey, AGeneratedKeyIsOfItsAlgorithmOnly) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    const SecretBytes& key = JoseTestKey(algorithm);
    EXPECT_FALSE(key == JoseTestKey(algorithm, 1)) << "chance made the same key twice";
    for (const JoseAlgorithm other : kEveryJoseAlgorithm) {
      // Any bytes can be a secret, so HS256 takes DER: what keeps it from a public key is that
      // there is no verifier of that (JoseSignature.APublicKeyIsNoSharedSecret).
      if (other == JoseAlgorithm::kHs256 && algorithm != JoseAlgorithm::kHs256) continue;
      EXPECT_EQ(CheckJoseKey(other, key).ok(), other == algorithm)
          << JoseAlgorithmName(algorithm) << " as " << JoseAlgorithmName(other);
    }
  }
  EXPECT_EQ(JoseTestKey(JoseAlgorithm::kHs256).size(), 64u);
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr rsa,
                       LoadJosePrivate(JoseAlgorithm::kRs256, JoseTestKey(JoseAlgorithm::kRs256)));
  EXPECT_EQ(EVP_PKEY_get_bits(rsa.get()), 3072);
}

TEST(JoseKey, AnHmacSecretHas32To1024BytesThatAreNoPem) {
  for (const size_t size : {32, 64, 1024}) {
    EXPECT_OK(CheckJoseKey(JoseAlgorithm::kHs256, SecretOf(std::string(size, 's'))));
  }
  for (const size_t size : {0, 1, 31, 1025}) {
    const absl::Status refused =
        CheckJoseKey(JoseAlgorithm::kHs256, SecretOf(std::string(size, 's')));
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "an HS256 key must have 32 to 1024 bytes");
  }
  const std::string pem = PemText("PUBLIC KEY", JoseTestPublic(JoseAlgorithm::kEs256));
  EXPECT_CODE(CheckJoseKey(JoseAlgorithm::kHs256, SecretOf(pem)), kInvalidArgument);
  EXPECT_OK(CheckJoseKey(JoseAlgorithm::kHs256, SecretOf("x" + pem)));
}

TEST(JoseKey, AStoredFormHasNothingBehindItAndIsWhole) {
  for (const JoseAlgorithm algorithm :
       {JoseAlgorithm::kRs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
    const std::string der(JoseTestKey(algorithm).ExposeForCrypto());
    EXPECT_OK(CheckJoseKey(algorithm, SecretOf(der)));
    for (const std::string& bad : {der + "x", der + std::string(1, '\0'), der.substr(1),
                                   der.substr(0, der.size() - 1), std::string(), std::string("x"),
                                   PemText("PRIVATE KEY", der), JoseTestPublic(algorithm)}) {
      EXPECT_CODE(CheckJoseKey(algorithm, SecretOf(bad)), kInvalidArgument);
    }
    const std::string public_der = JoseTestPublic(algorithm);
    EXPECT_OK(LoadJosePublic(algorithm, public_der));
    for (const std::string& bad : {public_der + "x", public_der.substr(1), std::string(), der,
                                   public_der.substr(0, public_der.size() - 1)}) {
      EXPECT_CODE(LoadJosePublic(algorithm, bad), kInvalidArgument);
    }
  }
}

TEST(JoseKey, ExportedPemIsImportedAsTheSame) {
  for (const JoseAlgorithm algorithm :
       {JoseAlgorithm::kRs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
    const SecretBytes& key = JoseTestKey(algorithm);
    ASSERT_OK_AND_ASSIGN(const SecretBytes pem, ExportJoseKey(algorithm, key));
    EXPECT_TRUE(absl::StartsWith(pem.ExposeForCrypto(), "-----BEGIN PRIVATE KEY-----\n"));
    EXPECT_TRUE(absl::EndsWith(pem.ExposeForCrypto(), "\n-----END PRIVATE KEY-----\n"));
    ASSERT_OK_AND_ASSIGN(const SecretBytes again, ImportJosePem(algorithm, pem));
    EXPECT_TRUE(again == key);
    for (const JoseAlgorithm other : kEveryJoseAlgorithm) {
      if (other != algorithm) EXPECT_CODE(ImportJosePem(other, pem), kInvalidArgument);
    }
  }
}

TEST(JoseKey, AnHmacSecretIsExportedAsBase64) {
  for (const size_t size : {32, 33, 34, 64}) {
    const std::string bytes = std::string(size - 2, 's') + "\xff\xfb";
    ASSERT_OK_AND_ASSIGN(const SecretBytes text,
                         ExportJoseKey(JoseAlgorithm::kHs256, SecretOf(bytes)));
    EXPECT_EQ(text.ExposeForCrypto(), absl::Base64Escape(bytes));
  }
  EXPECT_CODE(ExportJoseKey(JoseAlgorithm::kHs256, SecretOf("short")), kInvalidArgument);
  EXPECT_CODE(ExportJoseKey(JoseAlgorithm::kEs256, SecretOf("no key")), kInvalidArgument);
  EXPECT_CODE(ImportJosePem(JoseAlgorithm::kHs256, SecretOf(std::string(64, 's'))),
              kInvalidArgument);
  EXPECT_CODE(JosePublicDer(JoseAlgorithm::kHs256, JoseTestKey(JoseAlgorithm::kHs256)),
              kInvalidArgument);
}

TEST(JoseKey, TheOlderPemFormsAreImported) {
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr rsa,
                       LoadJosePrivate(JoseAlgorithm::kRs256, JoseTestKey(JoseAlgorithm::kRs256)));
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr ec,
                       LoadJosePrivate(JoseAlgorithm::kEs256, JoseTestKey(JoseAlgorithm::kEs256)));
  const std::pair<JoseAlgorithm, EVP_PKEY*> both[] = {{JoseAlgorithm::kRs256, rsa.get()},
                                                      {JoseAlgorithm::kEs256, ec.get()}};
  for (const auto& [algorithm, key] : both) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(
        PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
        1);
    ASSERT_OK_AND_ASSIGN(const SecretBytes imported,
                         ImportJosePem(algorithm, SecretOf(BioText(bio.get()))));
    EXPECT_TRUE(imported == JoseTestKey(algorithm));
  }
}

TEST(JoseKey, AKeyOfTheWrongStrengthOrTypeIsRefused) {
  const std::string rsa =
      "an RS256 key must be RSA of 3072 to 4096 bits, with an odd public "
      "exponent of 17 to 64 bits (65537 is usual)";
  const std::string ec = "an ES256 key must be on the curve P-256";
  const std::string ed = "an EdDSA key must be Ed25519";
  const struct {
    const char* name;
    JoseAlgorithm algorithm;
    EvpKeyPtr key;
    std::string message;
  } kCases[] = {
      {"RSA of 2048 bits", JoseAlgorithm::kRs256, EvpKeyPtr(EVP_RSA_gen(2048)), rsa},
      {"a key for PSS only", JoseAlgorithm::kRs256, MakePss(), rsa},
      {"P-256 for RSA", JoseAlgorithm::kRs256, EvpKeyPtr(EVP_EC_gen("P-256")), rsa},
      {"P-384", JoseAlgorithm::kEs256, EvpKeyPtr(EVP_EC_gen("P-384")), ec},
      {"secp256k1, which has 256 bits too", JoseAlgorithm::kEs256,
       EvpKeyPtr(EVP_EC_gen("secp256k1")), ec},
      {"Ed25519 for P-256", JoseAlgorithm::kEs256, MakeEdwards("ED25519"), ec},
      {"Ed448", JoseAlgorithm::kEdDsa, MakeEdwards("ED448"), ed},
      {"X25519, which signs nothing", JoseAlgorithm::kEdDsa, MakeEdwards("X25519"), ed},
  };
  for (const auto& one : kCases) {
    ASSERT_NE(one.key, nullptr) << one.name;
    const std::string pem = PrivatePem(one.key.get());
    const absl::Status refused = ImportJosePem(one.algorithm, SecretOf(pem)).status();
    EXPECT_EQ(ToStatus(refused).code(), absl::StatusCode::kInvalidArgument) << one.name;
    EXPECT_EQ(refused.message(), one.message) << one.name;
    EXPECT_EQ(ToStatus(CheckJoseKey(one.algorithm, SecretOf(DerOfPem(pem)))).code(),
              absl::StatusCode::kInvalidArgument)
        << one.name;
  }
}

// The modulus is chance, as nobody looks at its factors here.
std::string RsaPublic(int bits, const char* exponent) {
  const std::unique_ptr<BIGNUM, OpenSslFree<BN_free>> n(BN_new());
  BIGNUM* read = nullptr;
  EXPECT_EQ(BN_rand(n.get(), bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
  EXPECT_GT(BN_hex2bn(&read, exponent), 0);
  const std::unique_ptr<BIGNUM, OpenSslFree<BN_free>> e(read);
  const std::unique_ptr<OSSL_PARAM_BLD, OpenSslFree<OSSL_PARAM_BLD_free>> builder(
      OSSL_PARAM_BLD_new());
  EXPECT_EQ(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()), 1);
  EXPECT_EQ(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()), 1);
  const std::unique_ptr<OSSL_PARAM, OpenSslFree<OSSL_PARAM_free>> params(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, OpenSslFree<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  EVP_PKEY* made = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()), 1);
  const EvpKeyPtr key(made);
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key.get(), &data);
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

TEST(JoseKey, RsaHasBoundsOfModulusAndExponent) {
  const struct {
    int bits;
    const char* exponent;
    bool good;
  } kCases[] = {
      {3071, "010001", false},
      {3072, "010001", true},
      {4096, "010001", true},
      {4097, "010001", false},
      {2048, "010001", false},
      {3072, "03", false},
      {3072, "FFFF", false},
      {3072, "010002", false},
      {3072, "FFFFFFFFFFFFFFFF", true},
      {3072, "010000000000000001", false},
      {3072, "01", false},
  };
  for (const auto& one : kCases) {
    const absl::Status status =
        LoadJosePublic(JoseAlgorithm::kRs256, RsaPublic(one.bits, one.exponent)).status();
    EXPECT_EQ(status.ok(), one.good) << one.bits << " " << one.exponent << ": " << status;
    if (!one.good) EXPECT_CODE(status, kInvalidArgument);
  }
}

TEST(JoseKey, TextThatHoldsNoPrivateKeyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr key,
                       LoadJosePrivate(JoseAlgorithm::kEs256, JoseTestKey(JoseAlgorithm::kEs256)));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  char passphrase[] = "passphrase";
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), passphrase, 10,
                                          nullptr, nullptr),
            1);
  const std::string pem = PrivatePem(key.get());
  EXPECT_OK(ImportJosePem(JoseAlgorithm::kEs256, SecretOf(pem)));
  for (const std::string& bad :
       {std::string(), std::string("-----BEGIN PRIVATE KEY-----\n"), BioText(bio.get()),
        PemText("PUBLIC KEY", JoseTestPublic(JoseAlgorithm::kEs256)),
        pem.substr(0, pem.size() - 3)}) {
    const absl::Status refused = ImportJosePem(JoseAlgorithm::kEs256, SecretOf(bad)).status();
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "no unencrypted private key in PEM form was found");
  }
  EXPECT_OK(ImportJosePem(JoseAlgorithm::kEs256, SecretOf(std::string(1000, '\n') + pem)));
  EXPECT_CODE(ImportJosePem(JoseAlgorithm::kEs256, SecretOf(std::string(16 * 1024, '\n') + pem)),
              kInvalidArgument);
}

// The private half of one key with the public half of another signs what nobody can verify.
TEST(JoseKey, NumbersThatDoNotBelongTogetherAreRefusedOnImport) {
  for (const auto& [algorithm, at] : {std::pair(JoseAlgorithm::kEs256, size_t{40}),
                                      std::pair(JoseAlgorithm::kRs256, size_t{600})}) {
    std::string der(JoseTestKey(algorithm).ExposeForCrypto());
    EXPECT_OK(ImportJosePem(algorithm, SecretOf(PemText("PRIVATE KEY", der))));
    der[at] = static_cast<char>(der[at] ^ 1);
    const absl::Status refused =
        ImportJosePem(algorithm, SecretOf(PemText("PRIVATE KEY", der))).status();
    EXPECT_CODE(refused, kInvalidArgument);
    EXPECT_EQ(refused.message(), "the private key is damaged: its numbers do not belong together");
  }
}

// RFC 7515 appendix A.3.1 and RFC 8037 appendix A.1, A.2: both halves are published.
TEST(JoseKey, ThePublicHalfIsThatOfTheStandards) {
  ASSERT_OK_AND_ASSIGN(const std::string ec,
                       JosePublicDer(JoseAlgorithm::kEs256,
                                     P256Private("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")));
  EXPECT_EQ(HexEncode(ec), HexEncode(P256Public("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                                                "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")));
  ASSERT_OK_AND_ASSIGN(
      const std::string ed,
      JosePublicDer(JoseAlgorithm::kEdDsa,
                    Ed25519Private("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")));
  EXPECT_EQ(HexEncode(ed), HexEncode(Ed25519Public("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")));
}

TEST(JoseKey, APointOffTheCurveIsRefused) {
  std::string der = JoseTestPublic(JoseAlgorithm::kEs256);
  EXPECT_OK(LoadJosePublic(JoseAlgorithm::kEs256, der));
  der.back() = static_cast<char>(der.back() ^ 1);
  EXPECT_CODE(LoadJosePublic(JoseAlgorithm::kEs256, der), kInvalidArgument);
}

}  // namespace
}  // namespace keyturn
