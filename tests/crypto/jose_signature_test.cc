#include "crypto/jose_signature.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <thread>

#include "crypto/jose_pkey.h"
#include "crypto/mac.h"
#include "tests/crypto/jose_vectors.h"

namespace keyturn {
namespace {

// n, the order of P-256's base point.
const std::string& Order() {
  static const auto* const order = new std::string(
      *HexDecode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
  return *order;
}

std::unique_ptr<const JoseVerifier> VerifierOf(const JoseVector& vector) {
  if (vector.algorithm == JoseAlgorithm::kHs256) {
    return *JoseVerifier::FromPrivate(vector.algorithm, SecretOf(vector.shared_bytes));
  }
  return *JoseVerifier::FromPublic(vector.algorithm, vector.public_der);
}

TEST(JoseSignature, VerifiesWhatOthersSignedAndNothingElse) {
  for (const JoseVector& vector : JoseVectors()) {
    const std::unique_ptr<const JoseVerifier> verifier = VerifierOf(vector);
    EXPECT_TRUE(verifier->Verify(vector.signing_input, vector.signature)) << vector.name;
    EXPECT_EQ(verifier->signature_size(), vector.signature.size()) << vector.name;
    EXPECT_FALSE(verifier->Verify(vector.signing_input + "x", vector.signature)) << vector.name;
    EXPECT_FALSE(verifier->Verify("", vector.signature)) << vector.name;
    for (size_t bit = 0; bit < vector.signature.size() * 8; ++bit) {
      std::string flipped = vector.signature;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(verifier->Verify(vector.signing_input, flipped)) << vector.name << " " << bit;
    }
  }
}

// Signatures of HMAC and Ed25519 are the same each time, so ours can be compared with theirs.
TEST(JoseSignature, SignsAsTheStandardsDo) {
  for (const JoseVector& vector : JoseVectors()) {
    if (vector.algorithm != JoseAlgorithm::kHs256 && vector.algorithm != JoseAlgorithm::kEdDsa) {
      continue;
    }
    const SecretBytes key = vector.algorithm == JoseAlgorithm::kHs256
                                ? SecretOf(vector.shared_bytes)
                                : Ed25519Private("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    ASSERT_OK_AND_ASSIGN(const auto signer, JoseSigner::New(vector.algorithm, key));
    ASSERT_OK_AND_ASSIGN(const std::string signature, signer->Sign(vector.signing_input));
    EXPECT_EQ(HexEncode(signature), HexEncode(vector.signature)) << vector.name;
  }
}

TEST(JoseSignature, EachKeyVerifiesItsOwnByEitherHalf) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    ASSERT_OK_AND_ASSIGN(const auto signer, JoseSigner::New(algorithm, JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const std::string signature, signer->Sign("message"));
    ASSERT_OK_AND_ASSIGN(const auto verifier,
                         JoseVerifier::FromPrivate(algorithm, JoseTestKey(algorithm)));
    EXPECT_TRUE(verifier->Verify("message", signature));
    EXPECT_FALSE(verifier->Verify("Message", signature));
    EXPECT_EQ(signature.size(), verifier->signature_size());
    ASSERT_OK_AND_ASSIGN(const auto other,
                         JoseVerifier::FromPrivate(algorithm, JoseTestKey(algorithm, 1)));
    EXPECT_FALSE(other->Verify("message", signature));
    if (algorithm == JoseAlgorithm::kHs256) continue;
    ASSERT_OK_AND_ASSIGN(const auto by_public,
                         JoseVerifier::FromPublic(algorithm, JoseTestPublic(algorithm)));
    EXPECT_TRUE(by_public->Verify("message", signature));
    EXPECT_EQ(by_public->signature_size(), signature.size());
  }
}

TEST(JoseSignature, OfAnotherLengthIsRefused) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    ASSERT_OK_AND_ASSIGN(const auto signer, JoseSigner::New(algorithm, JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const std::string signature, signer->Sign("m"));
    ASSERT_OK_AND_ASSIGN(const auto verifier,
                         JoseVerifier::FromPrivate(algorithm, JoseTestKey(algorithm)));
    EXPECT_TRUE(verifier->Verify("m", signature));
    for (const std::string& bad :
         {std::string(), signature.substr(1), signature.substr(0, signature.size() - 1),
          signature.substr(0, 16), signature + "x", signature + std::string(1, '\0'),
          std::string(1, '\0') + signature, signature + signature}) {
      EXPECT_FALSE(verifier->Verify("m", bad)) << JoseAlgorithmName(algorithm);
    }
  }
}

// In DER a number may be shorter than 32 bytes; it is filled up with zeros in front.
TEST(JoseSignature, EcdsaNumbersAreAlways32Bytes) {
  ASSERT_OK_AND_ASSIGN(const auto signer,
                       JoseSigner::New(JoseAlgorithm::kEs256, JoseTestKey(JoseAlgorithm::kEs256)));
  ASSERT_OK_AND_ASSIGN(
      const auto verifier,
      JoseVerifier::FromPrivate(JoseAlgorithm::kEs256, JoseTestKey(JoseAlgorithm::kEs256)));
  int short_ones = 0;
  for (int i = 0; i < 10'000 && short_ones < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::string signature, signer->Sign("m"));
    ASSERT_EQ(signature.size(), 64u);
    if (signature[0] != '\0' && signature[32] != '\0') continue;
    ++short_ones;
    EXPECT_TRUE(verifier->Verify("m", signature));
  }
  EXPECT_EQ(short_ones, 3);
}

TEST(JoseSignature, EcdsaNumbersOutOfOrderAreRefused) {
  const JoseVector vector = JoseVectors()[1];
  const std::unique_ptr<const JoseVerifier> verifier = VerifierOf(vector);
  const std::string r = vector.signature.substr(0, 32), s = vector.signature.substr(32);
  EXPECT_TRUE(verifier->Verify(vector.signing_input, r + s));
  std::string above = Order();
  above.back() = static_cast<char>(above.back() + 1);
  for (const std::string& bad : {std::string(32, '\0'), Order(), above, std::string(32, '\xff')}) {
    EXPECT_FALSE(verifier->Verify(vector.signing_input, bad + s));
    EXPECT_FALSE(verifier->Verify(vector.signing_input, r + bad));
    EXPECT_FALSE(verifier->Verify(vector.signing_input, bad + bad));
  }
}

// As the header says of ES256: one message has two signatures.
TEST(JoseSignature, TheOtherEcdsaSignatureOfAMessageVerifies) {
  const JoseVector vector = JoseVectors()[1];
  std::string mirrored = vector.signature;  // n - s, digit by digit from the end
  int borrow = 0;
  for (size_t left = 32; left > 0; --left) {
    char& digit = mirrored[31 + left];
    const int difference =
        static_cast<unsigned char>(Order()[left - 1]) - static_cast<unsigned char>(digit) - borrow;
    borrow = difference < 0 ? 1 : 0;
    digit = static_cast<char>(difference);
  }
  EXPECT_NE(mirrored, vector.signature);
  EXPECT_TRUE(VerifierOf(vector)->Verify(vector.signing_input, mirrored));
}

TEST(JoseSignature, RsaTakesNoOtherPaddingOrHash) {
  ASSERT_OK_AND_ASSIGN(const EvpKeyPtr key,
                       LoadJosePrivate(JoseAlgorithm::kRs256, JoseTestKey(JoseAlgorithm::kRs256)));
  ASSERT_OK_AND_ASSIGN(
      const auto verifier,
      JoseVerifier::FromPublic(JoseAlgorithm::kRs256, JoseTestPublic(JoseAlgorithm::kRs256)));
  const auto sign = [&](const EVP_MD* digest, int padding) {
    const std::unique_ptr<EVP_MD_CTX, OpenSslFree<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* settings = nullptr;
    std::string out(384, '\0');
    size_t size = out.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), &settings, digest, nullptr, key.get()), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(settings, padding), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                             reinterpret_cast<const unsigned char*>("m"), 1),
              1);
    return out;
  };
  EXPECT_TRUE(verifier->Verify("m", sign(EVP_sha256(), RSA_PKCS1_PADDING)));
  EXPECT_FALSE(verifier->Verify("m", sign(EVP_sha1(), RSA_PKCS1_PADDING)));
  EXPECT_FALSE(verifier->Verify("m", sign(EVP_sha512(), RSA_PKCS1_PADDING)));
  EXPECT_FALSE(verifier->Verify("m", sign(EVP_sha256(), RSA_PKCS1_PSS_PADDING)));
}

TEST(JoseSignature, APublicKeyIsNoSharedSecret) {
  for (const JoseAlgorithm algorithm :
       {JoseAlgorithm::kRs256, JoseAlgorithm::kEs256, JoseAlgorithm::kEdDsa}) {
    EXPECT_OK(JoseVerifier::FromPublic(algorithm, JoseTestPublic(algorithm)));
    EXPECT_CODE(JoseVerifier::FromPublic(JoseAlgorithm::kHs256, JoseTestPublic(algorithm)),
                kInvalidArgument);
    EXPECT_CODE(JoseSigner::New(algorithm, SecretOf(JoseTestPublic(algorithm))), kInvalidArgument);
    EXPECT_CODE(JoseSigner::New(algorithm, JoseTestKey(JoseAlgorithm::kHs256)), kInvalidArgument);
  }
  EXPECT_CODE(JoseSigner::New(JoseAlgorithm::kHs256, SecretOf("short")), kInvalidArgument);
  EXPECT_CODE(JoseVerifier::FromPrivate(JoseAlgorithm::kHs256, SecretOf("short")),
              kInvalidArgument);
}

TEST(JoseSignature, ThreadsShareASignerAndAVerifier) {
  for (const JoseAlgorithm algorithm : kEveryJoseAlgorithm) {
    ASSERT_OK_AND_ASSIGN(const auto signer, JoseSigner::New(algorithm, JoseTestKey(algorithm)));
    ASSERT_OK_AND_ASSIGN(const auto verifier,
                         JoseVerifier::FromPrivate(algorithm, JoseTestKey(algorithm)));
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10; ++i) {
          const std::string message = absl::StrCat(thread, "/", i);
          const absl::StatusOr<std::string> signature = signer->Sign(message);
          if (signature.ok() && verifier->Verify(message, *signature) &&
              !verifier->Verify("other", *signature)) {
            ++good;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, 40) << JoseAlgorithmName(algorithm);
  }
}

}  // namespace
}  // namespace keyturn
