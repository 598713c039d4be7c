#include "crypto/jose_signature.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "crypto/jose_pkey.h"
#include "crypto/mac.h"
#include "crypto/x509_types.h"

namespace keyturn {
namespace {

using MdContextPtr = std::unique_ptr<EVP_MD_CTX, OpenSslFree<EVP_MD_CTX_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, OpenSslFree<ECDSA_SIG_free>>;

constexpr size_t kP256Bytes = 32;
constexpr size_t kEd25519Bytes = 64;
// n, the order of P-256's base point (SP 800-186 section 3.2.1.3), big-endian.
constexpr absl::string_view kP256Order(
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51",
    kP256Bytes);

const unsigned char* Bytes(absl::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

// Fetched once: OpenSSL 3 looks an algorithm up by name on each implicit use. Ed25519 hashes by
// itself.
const EVP_MD* DigestOf(JoseAlgorithm algorithm) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm == JoseAlgorithm::kEdDsa ? nullptr : sha256;
}

absl::Status Failed() {
  ERR_clear_error();
  return absl::InternalError("OpenSSL could not sign");
}

// JWS has r and s as two numbers of 32 bytes, OpenSSL as DER (RFC 7518 section 3.4).
absl::StatusOr<std::string> EcdsaFromDer(absl::string_view der) {
  const unsigned char* data = Bytes(der);
  const EcdsaPtr parts(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  std::string out(2 * kP256Bytes, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  if (parts == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), to, kP256Bytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), to + kP256Bytes, kP256Bytes) < 0) {
    return Failed();
  }
  return out;
}

// Big-endian bytes of one width compare as the numbers do.
bool InOrder(absl::string_view number) {
  return number.find_first_not_of('\0') != absl::string_view::npos && number < kP256Order;
}

// "" when r or s is not within 1 to n-1. OpenSSL looks too; this does not rest on it.
std::string EcdsaToDer(absl::string_view signature) {
  const absl::string_view r = signature.substr(0, kP256Bytes), s = signature.substr(kP256Bytes);
  if (!InOrder(r) || !InOrder(s)) return "";
  const EcdsaPtr parts(ECDSA_SIG_new());
  BIGNUM* const r_number = BN_bin2bn(Bytes(r), kP256Bytes, nullptr);
  BIGNUM* const s_number = BN_bin2bn(Bytes(s), kP256Bytes, nullptr);
  if (parts == nullptr || ECDSA_SIG_set0(parts.get(), r_number, s_number) != 1) {
    BN_free(r_number);
    BN_free(s_number);
    return "";
  }
  unsigned char* data = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &data);
  if (size < 0) return "";
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

// Contexts that have worked with one key before: a new one costs a tenth of an ES256 signature.
// They refer to the key, so they go with its owner. Thread-safe.
class MdContexts {
 public:
  // One to be initialised again; nullptr when there is no memory.
  MdContextPtr Take() {
    const absl::MutexLock lock(&mu_);
    if (idle_.empty()) return MdContextPtr(EVP_MD_CTX_new());
    MdContextPtr context = std::move(idle_.back());
    idle_.pop_back();
    return context;
  }
  // One that has done its work; of one that failed, nothing is known.
  void GiveBack(MdContextPtr context) {
    const absl::MutexLock lock(&mu_);
    if (idle_.size() < kIdleMax) idle_.push_back(std::move(context));
  }

 private:
  // So many threads can work with one key at once and make no new ones.
  static constexpr size_t kIdleMax = 16;

  absl::Mutex mu_;
  std::vector<MdContextPtr> idle_ ABSL_GUARDED_BY(mu_);
};

class HmacSigner final : public JoseSigner {
 public:
  explicit HmacSigner(SecretBytes key) : key_(std::move(key)) {}
  absl::StatusOr<std::string> Sign(absl::string_view bytes) const override {
    return HmacSha256(key_.ExposeForCrypto(), bytes);
  }

 private:
  const SecretBytes key_;
};

class HmacVerifier final : public JoseVerifier {
 public:
  explicit HmacVerifier(SecretBytes key) : key_(std::move(key)) {}
  bool Verify(absl::string_view bytes, absl::string_view signature) const override {
    return ConstantTimeEquals(HmacSha256(key_.ExposeForCrypto(), bytes), signature);
  }
  size_t signature_size() const override { return kSha256Size; }

 private:
  const SecretBytes key_;
};

bool SetPadding(JoseAlgorithm algorithm, EVP_PKEY_CTX* context) {
  return algorithm != JoseAlgorithm::kRs256 ||
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
}

// The key is only read; a context is used by one call at a time.
class PkeySigner final : public JoseSigner {
 public:
  PkeySigner(JoseAlgorithm algorithm, EvpKeyPtr key)
      : algorithm_(algorithm), key_(std::move(key)) {}

  absl::StatusOr<std::string> Sign(absl::string_view bytes) const override {
    MdContextPtr context = contexts_.Take();
    EVP_PKEY_CTX* settings = nullptr;  // belongs to context
    size_t size = static_cast<size_t>(EVP_PKEY_get_size(key_.get()));
    std::string out(size, '\0');
    if (context == nullptr ||
        EVP_DigestSignInit(context.get(), &settings, DigestOf(algorithm_), nullptr, key_.get()) !=
            1 ||
        !SetPadding(algorithm_, settings) ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                       Bytes(bytes), bytes.size()) != 1) {
      return Failed();
    }
    contexts_.GiveBack(std::move(context));
    out.resize(size);
    return algorithm_ == JoseAlgorithm::kEs256 ? EcdsaFromDer(out) : out;
  }

 private:
  const JoseAlgorithm algorithm_;
  const EvpKeyPtr key_;
  mutable MdContexts contexts_;
};

class PkeyVerifier final : public JoseVerifier {
 public:
  PkeyVerifier(JoseAlgorithm algorithm, EvpKeyPtr key)
      : algorithm_(algorithm), key_(std::move(key)) {}

  bool Verify(absl::string_view bytes, absl::string_view signature) const override {
    if (signature.size() != signature_size()) return false;
    std::string der;
    if (algorithm_ == JoseAlgorithm::kEs256) {
      der = EcdsaToDer(signature);
      if (der.empty()) return false;
      signature = der;
    }
    MdContextPtr context = contexts_.Take();
    EVP_PKEY_CTX* settings = nullptr;  // belongs to context
    const bool good = context != nullptr &&
                      EVP_DigestVerifyInit(context.get(), &settings, DigestOf(algorithm_), nullptr,
                                           key_.get()) == 1 &&
                      SetPadding(algorithm_, settings) &&
                      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                                       Bytes(bytes), bytes.size()) == 1;
    if (good) {
      contexts_.GiveBack(std::move(context));
    } else {
      ERR_clear_error();
    }
    return good;
  }

  size_t signature_size() const override {
    switch (algorithm_) {
      case JoseAlgorithm::kEs256:
        return 2 * kP256Bytes;
      case JoseAlgorithm::kEdDsa:
        return kEd25519Bytes;
      default:
        return static_cast<size_t>(EVP_PKEY_get_size(key_.get()));
    }
  }

 private:
  const JoseAlgorithm algorithm_;
  const EvpKeyPtr key_;
  mutable MdContexts contexts_;
};

absl::StatusOr<SecretBytes> CopyHmacKey(const SecretBytes& key) {
  RETURN_IF_ERROR(CheckJoseKey(JoseAlgorithm::kHs256, key));
  return SecretBytes::CopyOf(key.ExposeForCrypto());
}

}  // namespace

absl::StatusOr<std::unique_ptr<const JoseSigner>> JoseSigner::New(JoseAlgorithm algorithm,
                                                                  const SecretBytes& key) {
  if (algorithm == JoseAlgorithm::kHs256) {
    ASSIGN_OR_RETURN(SecretBytes copy, CopyHmacKey(key));
    return std::make_unique<const HmacSigner>(std::move(copy));
  }
  ASSIGN_OR_RETURN(EvpKeyPtr loaded, LoadJosePrivate(algorithm, key));
  return std::make_unique<const PkeySigner>(algorithm, std::move(loaded));
}

absl::StatusOr<std::unique_ptr<const JoseVerifier>> JoseVerifier::FromPrivate(
    JoseAlgorithm algorithm, const SecretBytes& key) {
  if (algorithm == JoseAlgorithm::kHs256) {
    ASSIGN_OR_RETURN(SecretBytes copy, CopyHmacKey(key));
    return std::make_unique<const HmacVerifier>(std::move(copy));
  }
  // Only the public half is kept: who verifies holds nothing that signs.
  ASSIGN_OR_RETURN(const std::string public_der, JosePublicDer(algorithm, key));
  return FromPublic(algorithm, public_der);
}

absl::StatusOr<std::unique_ptr<const JoseVerifier>> JoseVerifier::FromPublic(
    JoseAlgorithm algorithm, absl::string_view public_der) {
  ASSIGN_OR_RETURN(EvpKeyPtr loaded, LoadJosePublic(algorithm, public_der));
  return std::make_unique<const PkeyVerifier>(algorithm, std::move(loaded));
}

}  // namespace keyturn
