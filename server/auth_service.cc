#include "server/auth_service.h"

#include "auth/permissions.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/timestamps.h"
#include "server/revocation_service.h"

namespace keyturn {

absl::Status AuthServiceImpl::LogIn(Call& call, const v1::LoginRequest& request,
                                    v1::LoginResponse* response) {
  const Credentials& credentials = call.credentials();
  if (credentials.certificate == nullptr) {
    return WithReason(absl::FailedPreconditionError(
                          "login exchanges the connection's client certificate for a token, and "
                          "this connection has none"),
                      "NO_CERTIFICATE");
  }
  if (request.ttl_seconds() < 0 || request.ttl_seconds() > limits::kTokenTtlSecondsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("ttl_seconds must be 0 to ", limits::kTokenTtlSecondsMax));
  }
  ASSIGN_OR_RETURN(const v1::Role role, parts_.authenticator.RoleFor(credentials, request.role()));
  const PeerCertificate& certificate = *credentials.certificate;
  int64_t ttl = request.ttl_seconds() != 0 ? request.ttl_seconds() : role.token_ttl_seconds();
  if (ttl == 0) ttl = limits::kTokenTtlSecondsDefault;
  if (role.token_max_ttl_seconds() > 0) ttl = std::min(ttl, role.token_max_ttl_seconds());

  TokenParams params;
  params.principal = certificate.spiffe_id.empty() ? absl::StrCat("cert:", certificate.sha256)
                                                   : certificate.spiffe_id;
  params.auth_method = "certificate";
  params.display_name = role.name();
  params.role = role.name();
  params.policies = {role.policies().begin(), role.policies().end()};
  params.bound_cidrs = {role.bound_cidrs().begin(), role.bound_cidrs().end()};
  params.certificate_sha256 = certificate.sha256;
  params.not_after = certificate.not_after;
  if (role.has_not_after()) params.not_after = std::min(params.not_after, ToTime(role.not_after()));
  params.ttl = std::min(absl::Seconds(ttl), params.not_after - call.clock().Now());
  ASSIGN_OR_RETURN(const CreatedToken created, parts_.tokens.CreateStateless(params));
  call.Note("token_id", created.info.id());
  call.Note("role", role.name());
  response->set_token(std::string(created.token.ExposeForWire()));
  *response->mutable_expire_time() = created.info.expire_time();
  response->set_principal(params.principal);
  *response->mutable_policies() = role.policies();
  return absl::OkStatus();
}

raw::Reactor* AuthServiceImpl::Login(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) {
  return parts_.door.Unary<v1::LoginRequest, v1::LoginResponse>(
      {context, request, response}, Method("Login"), RunOn::kCallbackThread,
      [](const auto& asked) { return Resource::None(asked.role()); },
      [this](Call& call, const auto& asked, auto* out) { return LogIn(call, asked, out); });
}

raw::Reactor* AuthServiceImpl::Logout(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return parts_.door.Unary<v1::LogoutRequest, v1::LogoutResponse>(
      {context, request, response}, Method("Logout"), RunOn::kPool,
      [this](Call& call, const auto&, auto*) -> absl::Status {
        const std::string& id = call.identity().token_id;
        if (id.empty()) {
          return WithReason(
              absl::FailedPreconditionError("the call was made with a certificate, not a token; "
                                            "there is nothing to revoke"),
              "NO_TOKEN");
        }
        call.Note("token_id", id);
        // The list first: whoever has to try again can.
        RETURN_IF_ERROR(RevokeTokenId(call, parts_.revoked, id, "logout"));
        return parts_.tokens.Revoke(call.updater(), id).status();
      });
}

raw::Reactor* AuthServiceImpl::WhoAmI(raw::Context* context, const raw::Bytes* request,
                                      raw::Bytes* response) {
  return parts_.door.Unary<v1::WhoAmIRequest, v1::WhoAmIResponse>(
      {context, request, response}, Method("WhoAmI"), RunOn::kCallbackThread,
      [](Call& call, const auto&, auto* out) {
        const Identity& identity = call.identity();
        out->set_principal(identity.principal);
        out->set_method(identity.auth_method);
        out->set_role(identity.role);
        out->set_token_id(identity.token_id);
        for (const std::string& policy : identity.policies) out->add_policies(policy);
        if (identity.expire_time != absl::InfiniteFuture()) {
          *out->mutable_expire_time() = ToTimestamp(identity.expire_time);
        }
        return absl::OkStatus();
      });
}

absl::Status AuthServiceImpl::Explain(Call& call, const v1::CanIRequest& request,
                                      v1::CanIResponse* response) {
  RETURN_IF_ERROR(ValidatePermission(request.permission()));
  std::shared_ptr<const GrantSet> grants = call.identity().grants;
  if (request.policies_size() > 0) {
    RETURN_IF_ERROR(call.Require("admin:policy", ""));
    const std::vector<std::string> policies(request.policies().begin(), request.policies().end());
    if (policies.size() > limits::kPoliciesPerIdentityMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("policies must be at most ", limits::kPoliciesPerIdentityMax));
    }
    for (const std::string& policy : policies) {
      RETURN_IF_ERROR(parts_.policies.GetPolicy(policy).status());
    }
    grants = parts_.policies.GrantsOf(policies);
  }
  const GrantSet::Decision decision = grants->Explain(
      request.permission(), request.path(), call.clock().Now(), call.credentials().source);
  response->set_allowed(decision.allowed);
  response->set_reason(decision.reason);
  return absl::OkStatus();
}

raw::Reactor* AuthServiceImpl::CanI(raw::Context* context, const raw::Bytes* request,
                                    raw::Bytes* response) {
  return parts_.door.Unary<v1::CanIRequest, v1::CanIResponse>(
      {context, request, response}, Method("CanI"), RunOn::kCallbackThread,
      [](const auto& asked) { return Resource::None(asked.path()); },
      [this](Call& call, const auto& asked, auto* out) { return Explain(call, asked, out); });
}

}  // namespace keyturn
