// What it costs to sign and to verify a token with a key of the vault, all of it but the door: the
// path is resolved, the key set looked up, claims are written or read and checked, the revocation
// list is asked (here one that has nothing). Next to it what OpenSSL alone takes for the signature,
// on as many bytes, with a context that is made once.
#include <benchmark/benchmark.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "absl/strings/str_cat.h"
#include "base/coding.h"
#include "bench/measure.h"
#include "bench/vault_world.h"
#include "rotation/jwt/jwt.h"
#include "rotation/jwt/settings.h"

namespace keyturn::bench {
namespace {

constexpr const char* kAlgorithms[] = {"HS256", "RS256", "ES256", "EdDSA"};
constexpr size_t kSignedBytes = 330;  // of the tokens below: header and payload

class JwtWorld {
 public:
  JwtWorld() : vault_(directory_.path() + "/vault", false) {
    const auto update = [this](absl::string_view, absl::string_view, UpdateFn fn) {
      return vault_.store().Update(fn);
    };
    rotation_ = Rotation::Create(
        {.store = vault_.store(),
         .keyring = vault_.keyring(),
         .clock = Clock::Real(),
         .update = update,
         .password_policy = [](const std::string&) -> absl::StatusOr<v1::PasswordPolicy> {
           return absl::NotFoundError("none");
         },
         .driver = [](const SecretMetadata&, const std::string&) -> Driver* { return nullptr; },
         .users = [](const Uuid&, SecretVersion) { return std::vector<std::string>(); }});
    jwt_ = Jwt::Create(
        {.store = vault_.store(),
         .keyring = vault_.keyring(),
         .clock = Clock::Real(),
         .vault = vault_.vault(),
         .rotation = *rotation_,
         .update = update,
         .revoked =
             [](const v1::RevocationQuery&) {
               return absl::StatusOr<std::optional<std::string>>(std::optional<std::string>());
             },
         .revoke = [](const std::vector<JwtContext::Issued>&) { return absl::OkStatus(); },
         .revoke_kid = [](const std::string&, absl::Time) { return absl::OkStatus(); }});
    CheckOk(jwt_->OnUnsealed());
    for (const char* const algorithm : kAlgorithms) {
      v1::CreateJwtKeyRequest request;
      request.set_path(absl::StrCat("team/service/", algorithm));
      request.mutable_settings()->set_algorithm(algorithm);
      request.mutable_settings()->set_issuer("alcs-auth");
      request.mutable_settings()->add_audiences("alcs-api");
      OrDie(jwt_->CreateKey(vault_.store(), request, "bench"));
    }
  }

  v1::SignJwtResponse Sign(int algorithm) {
    v1::SignJwtRequest request;
    request.set_path(absl::StrCat("team/service/", kAlgorithms[algorithm]));
    request.set_subject("user-4711");
    request.add_permissions("read");
    request.set_ttl_seconds(86'400);
    return OrDie(jwt_->Sign(vault_.store(), request));
  }
  bool Verify(const v1::VerifyJwtRequest& request) { return OrDie(jwt_->Verify(request)).valid(); }

 private:
  ScratchDirectory directory_;
  VaultWorld vault_;
  std::unique_ptr<Rotation> rotation_;
  std::unique_ptr<Jwt> jwt_;
};

JwtWorld& World() {
  static JwtWorld& world = *new JwtWorld;
  return world;
}

void BM_Sign(benchmark::State& state) {
  const int algorithm = static_cast<int>(state.range(0));
  benchmark::DoNotOptimize(World().Sign(algorithm));  // with keys that are made by now
  state.SetLabel(kAlgorithms[algorithm]);
  for (auto _ : state) benchmark::DoNotOptimize(World().Sign(algorithm));
}
BENCHMARK(BM_Sign)->DenseRange(0, 3);

void BM_Verify(benchmark::State& state) {
  const int algorithm = static_cast<int>(state.range(0));
  state.SetLabel(kAlgorithms[algorithm]);
  v1::VerifyJwtRequest request;
  request.set_path(absl::StrCat("team/service/", kAlgorithms[algorithm]));
  request.set_token(World().Sign(algorithm).token());
  for (auto _ : state) {
    if (!World().Verify(request)) Die("a good token was refused");
  }
}
BENCHMARK(BM_Verify)->DenseRange(0, 3);

EVP_PKEY* BareKey(int algorithm) {
  switch (algorithm) {
    case 1:
      return EVP_RSA_gen(3072);
    case 2:
      return EVP_EC_gen("P-256");
    default:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
}

const EVP_MD* BareDigest(int algorithm) { return algorithm == 3 ? nullptr : EVP_sha256(); }

std::string BareSign(EVP_MD_CTX* context, EVP_PKEY* key, int algorithm, const std::string& bytes) {
  std::string signature(512, '\0');
  size_t size = signature.size();
  const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (EVP_DigestSignInit(context, nullptr, BareDigest(algorithm), nullptr, key) != 1 ||
      EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                     bytes.size()) != 1) {
    Die("OpenSSL did not sign");
  }
  signature.resize(size);
  return signature;
}

void BM_BareSign(benchmark::State& state) {
  const int algorithm = static_cast<int>(state.range(0));
  state.SetLabel(kAlgorithms[algorithm]);
  EVP_PKEY* const key = BareKey(algorithm);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const std::string bytes(kSignedBytes, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(BareSign(context, key, algorithm, bytes));
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
}
BENCHMARK(BM_BareSign)->DenseRange(1, 3);

void BM_BareVerify(benchmark::State& state) {
  const int algorithm = static_cast<int>(state.range(0));
  state.SetLabel(kAlgorithms[algorithm]);
  EVP_PKEY* const key = BareKey(algorithm);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const std::string bytes(kSignedBytes, 'x');
  const std::string signature = BareSign(context, key, algorithm, bytes);
  for (auto _ : state) {
    if (EVP_DigestVerifyInit(context, nullptr, BareDigest(algorithm), nullptr, key) != 1 ||
        EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size()) != 1) {
      Die("OpenSSL refused its own signature");
    }
  }
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
}
BENCHMARK(BM_BareVerify)->DenseRange(1, 3);

}  // namespace
}  // namespace keyturn::bench

BENCHMARK_MAIN();
