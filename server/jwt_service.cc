#include "server/jwt_service.h"

#include "base/status_macros.h"
#include "crypto/jose_key.h"

namespace keyturn {
namespace {

// By its id a token is found again in the logs of who was shown it.
absl::StatusOr<v1::SignJwtResponse> Noted(Call& call, absl::StatusOr<v1::SignJwtResponse> signed_) {
  RETURN_IF_ERROR(signed_.status());
  call.Note("jti", signed_->jti());
  call.Note("kid", signed_->kid());
  return signed_;
}

// The published set is one for all who verify: whoever adds to it can be any issuer to those who
// look no further than the signature and the name.
absl::Status RequirePublish(Call& call, const std::string& path,
                            const v1::JwtKeySettings& settings) {
  const std::optional<JoseAlgorithm> algorithm = JoseAlgorithmFromName(settings.algorithm());
  const bool listed =
      algorithm.has_value() && *algorithm != JoseAlgorithm::kHs256 && !settings.unlisted();
  return listed ? call.Require("jwt:publish", path) : absl::OkStatus();
}

}  // namespace

template <typename Request, typename Response, typename Run>
raw::Reactor* JwtServiceImpl::OfKey(const UnaryWire& wire, const char* method, RunOn run_on,
                                    Run run) {
  return door_.Unary<Request, Response>(
      wire, methods_.Get("JwtService", method), run_on,
      [](const Request& request) { return Resource::Path(request.path()); },
      [run](Call& call, const Request& request, Response* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, run(call, request));
        return absl::OkStatus();
      });
}

void JwtServiceImpl::NoteUse(Call& call, const JwtUse& use) {
  if (use.version == SecretVersion()) return;
  usage_.Note({use.secret, use.version, call.identity().principal, call.event().time,
               /*acknowledged=*/false, use.token_end});
}

raw::Reactor* JwtServiceImpl::CreateKey(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return OfKey<v1::CreateJwtKeyRequest, v1::JwtKey>(
      {context, request, response}, "CreateKey", RunOn::kPool,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::JwtKey> {
        // When another secret rotates shows in when this one waits for it.
        for (const v1::RotationOrder& order : asked.policy().after()) {
          RETURN_IF_ERROR(call.Require("secret:list", order.path()));
        }
        RETURN_IF_ERROR(RequirePublish(call, asked.path(), asked.settings()));
        return jwt_.CreateKey(call.updater(), asked, call.identity().principal);
      });
}

raw::Reactor* JwtServiceImpl::AdoptKey(raw::Context* context, const raw::Bytes* request,
                                       raw::Bytes* response) {
  return OfKey<v1::AdoptJwtKeyRequest, v1::JwtKey>(
      {context, request, response}, "AdoptKey", RunOn::kPool,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::JwtKey> {
        RETURN_IF_ERROR(RequirePublish(call, asked.path(), asked.settings()));
        return jwt_.AdoptKey(call.updater(), asked);
      });
}

raw::Reactor* JwtServiceImpl::UpdateKey(raw::Context* context, const raw::Bytes* request,
                                        raw::Bytes* response) {
  return OfKey<v1::UpdateJwtKeyRequest, v1::JwtKey>(
      {context, request, response}, "UpdateKey", RunOn::kPool,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::JwtKey> {
        RETURN_IF_ERROR(RequirePublish(call, asked.path(), asked.settings()));
        return jwt_.UpdateKey(call.updater(), asked, call.Require("secret:read", asked.path()));
      });
}

raw::Reactor* JwtServiceImpl::GetKey(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  return OfKey<v1::GetJwtKeyRequest, v1::JwtKey>(
      {context, request, response}, "GetKey", RunOn::kPool,
      [this](Call&, const auto& asked) { return jwt_.GetKey(asked); });
}

raw::Reactor* JwtServiceImpl::GetJwks(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return OfKey<v1::GetJwksRequest, v1::GetJwksResponse>(
      {context, request, response}, "GetJwks", RunOn::kPool,
      [this](Call&, const auto& asked) { return jwt_.GetJwks(asked); });
}

raw::Reactor* JwtServiceImpl::Sign(raw::Context* context, const raw::Bytes* request,
                                   raw::Bytes* response) {
  return OfKey<v1::SignJwtRequest, v1::SignJwtResponse>(
      {context, request, response}, "Sign", RunOn::kPool, [this](Call& call, const auto& asked) {
        JwtUse use;
        absl::StatusOr<v1::SignJwtResponse> made = jwt_.Sign(call.updater(), asked, &use);
        NoteUse(call, use);
        return Noted(call, std::move(made));
      });
}

raw::Reactor* JwtServiceImpl::Verify(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  return OfKey<v1::VerifyJwtRequest, v1::VerifyJwtResponse>(
      {context, request, response}, "Verify", RunOn::kCallbackThread,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::VerifyJwtResponse> {
        JwtUse use;
        ASSIGN_OR_RETURN(v1::VerifyJwtResponse answer, jwt_.Verify(asked, &use));
        NoteUse(call, use);
        call.Note("valid", answer.valid() ? "true" : "false");
        if (answer.valid()) {
          call.Note("jti", answer.jti());
        } else {
          call.Note("reason", answer.reason());
        }
        return answer;
      });
}

raw::Reactor* JwtServiceImpl::Refresh(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return OfKey<v1::RefreshJwtRequest, v1::SignJwtResponse>(
      {context, request, response}, "Refresh", RunOn::kPool, [this](Call& call, const auto& asked) {
        JwtUse use;
        absl::StatusOr<v1::SignJwtResponse> made = jwt_.Refresh(call.updater(), asked, &use);
        NoteUse(call, use);
        return Noted(call, std::move(made));
      });
}

raw::Reactor* JwtServiceImpl::RevokeRefresh(raw::Context* context, const raw::Bytes* request,
                                            raw::Bytes* response) {
  return OfKey<v1::RevokeRefreshRequest, v1::RevokeRefreshResponse>(
      {context, request, response}, "RevokeRefresh", RunOn::kPool,
      [this](Call& call, const auto& asked) -> absl::StatusOr<v1::RevokeRefreshResponse> {
        RETURN_IF_ERROR(jwt_.RevokeRefresh(call.updater(), asked));
        return v1::RevokeRefreshResponse();
      });
}

}  // namespace keyturn
