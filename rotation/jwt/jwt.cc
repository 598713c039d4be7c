#include "rotation/jwt/jwt.h"

#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "rotation/jwt/admin.h"
#include "rotation/jwt/key_sets.h"
#include "rotation/jwt/refresh.h"
#include "rotation/jwt/settings.h"
#include "rotation/jwt/tokens.h"

namespace keyturn {
namespace {

JwtUse UseOf(const Uuid& secret, const v1::SignJwtResponse& made) {
  return {secret, VersionIn(made.kid()), EndOfToken(ToTime(made.expire_time()))};
}

// Owns the parts and hands each call to the one that does it.
class JwtImpl : public Jwt {
 public:
  explicit JwtImpl(JwtContext context)
      : context_(std::move(context)),
        sets_(context_.store, context_.keyring, context_.vault, context_.clock),
        admin_(context_),
        tokens_(context_, sets_),
        refresh_(context_, sets_, tokens_),
        published_(context_, sets_) {}

  absl::Status OnUnsealed() override {
    sets_.Open();
    published_.Open();
    return refresh_.OnUnsealed();
  }
  void OnSealed() override {
    refresh_.OnSealed();
    published_.Close();
    sets_.Close();
  }
  void OnCommitted(absl::Span<const CommittedUpdate> group) override {
    refresh_.OnCommitted(group);
    published_.OnCommitted(group);
  }

  absl::StatusOr<v1::JwtKey> CreateKey(Updater& updater, const v1::CreateJwtKeyRequest& request,
                                       const std::string& principal) override {
    return admin_.Create(updater, request, principal);
  }
  absl::StatusOr<v1::JwtKey> AdoptKey(Updater& updater,
                                      const v1::AdoptJwtKeyRequest& request) override {
    return admin_.Adopt(updater, request);
  }
  absl::StatusOr<v1::JwtKey> UpdateKey(Updater& updater, const v1::UpdateJwtKeyRequest& request,
                                       const absl::Status& may_read) override {
    return admin_.Update(updater, request, may_read);
  }
  absl::Status RevokeKeys(const std::string& path, absl::Span<const uint64_t> versions,
                          bool all) override {
    return admin_.RevokeKeys(path, versions, all);
  }
  absl::StatusOr<v1::JwtKey> GetKey(const v1::GetJwtKeyRequest& request) override {
    return admin_.Get(request.path());
  }

  absl::StatusOr<v1::GetJwksResponse> GetJwks(const v1::GetJwksRequest& request) override {
    ASSIGN_OR_RETURN(const JwtKeySets::Found found, sets_.Get(request.path()));
    const v1::JwtKeySettings& settings = found.keys->settings();
    if (AlgorithmOf(settings) == JoseAlgorithm::kHs256) {
      return WithReason(absl::FailedPreconditionError(
                            "an HS256 key has no public half: who verifies with it can sign. Have "
                            "tokens verified (keyturn jwt verify), or make an EdDSA key"),
                        "NO_PUBLIC_KEY");
    }
    v1::GetJwksResponse response;
    response.set_jwks(JwksDocument(found.keys->jwks()));
    response.set_max_age_seconds(absl::ToInt64Seconds(JwksMaxAgeOf(settings)));
    return response;
  }

  absl::StatusOr<v1::SignJwtResponse> Sign(Updater& updater, const v1::SignJwtRequest& request,
                                           JwtUse* use) override {
    ASSIGN_OR_RETURN(const JwtKeySets::Found found, sets_.Get(request.path()));
    ASSIGN_OR_RETURN(const JwtTokens::Claims claims,
                     JwtTokens::ClaimsOf(request, found.keys->settings()));
    const bool refreshed = request.with_refresh_token();
    if (refreshed && request.use() == v1::SignJwtRequest::SERVICE) {
      return absl::InvalidArgumentError(
          "with_refresh_token: a service has none; it signs anew instead");
    }
    ASSIGN_OR_RETURN(v1::SignJwtResponse response,
                     tokens_.Mint(*found.keys, claims, context_.clock.Now()));
    if (refreshed) RETURN_IF_ERROR(refresh_.Begin(updater, found.secret, claims, &response));
    *use = UseOf(found.secret, response);
    return response;
  }

  absl::StatusOr<v1::VerifyJwtResponse> Verify(const v1::VerifyJwtRequest& request,
                                               JwtUse* use) override {
    return tokens_.Verify(request, use);
  }
  absl::StatusOr<v1::SignJwtResponse> Refresh(Updater& updater,
                                              const v1::RefreshJwtRequest& request,
                                              JwtUse* use) override {
    Uuid secret;
    ASSIGN_OR_RETURN(v1::SignJwtResponse response, refresh_.Refresh(updater, request, &secret));
    *use = UseOf(secret, response);
    return response;
  }
  absl::Status RevokeRefresh(Updater& updater, const v1::RevokeRefreshRequest& request) override {
    return refresh_.Revoke(updater, request);
  }
  absl::StatusOr<PublishedJwks> Published() override { return published_.Get(); }
  Stats stats() const override {
    return {.keys_damaged = sets_.damaged(), .times_published = published_.times_made()};
  }
  absl::StatusOr<int> RunDue(absl::Time* next) override {
    ASSIGN_OR_RETURN(const int forgotten, published_.Forget());
    ASSIGN_OR_RETURN(const int purged, refresh_.RunDue(next));
    return forgotten + purged;
  }

 private:
  const JwtContext context_;
  JwtKeySets sets_;
  const JwtAdmin admin_;
  const JwtTokens tokens_;
  JwtRefresh refresh_;
  PublishedKeys published_;
};

}  // namespace

std::unique_ptr<Jwt> Jwt::Create(JwtContext context) {
  return std::make_unique<JwtImpl>(std::move(context));
}

}  // namespace keyturn
