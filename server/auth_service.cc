#include "server/auth_service.h"

#include "auth/permissions.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "server/timestamps.h"

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

grpc::ServerUnaryReactor* AuthServiceImpl::Login(grpc::CallbackServerContext* context,
                                                 const v1::LoginRequest* request,
                                                 v1::LoginResponse* response) {
  return parts_.door.Unary(context, Method("Login"), RunOn::kCallbackThread,
                           Resource::None(request->role()),
                           [=, this](Call& call) { return LogIn(call, *request, response); });
}

grpc::ServerUnaryReactor* AuthServiceImpl::Logout(grpc::CallbackServerContext* context,
                                                  const v1::LogoutRequest*, v1::LogoutResponse*) {
  return parts_.door.Unary(
      context, Method("Logout"), RunOn::kPool, Resource::None(),
      [this](Call& call) -> absl::Status {
        const std::string& id = call.identity().token_id;
        if (id.empty()) {
          return WithReason(
              absl::FailedPreconditionError("the call was made with a certificate, not a token; "
                                            "there is nothing to revoke"),
              "NO_TOKEN");
        }
        call.Note("token_id", id);
        return parts_.tokens.Revoke(call.updater(), id).status();
      });
}

grpc::ServerUnaryReactor* AuthServiceImpl::WhoAmI(grpc::CallbackServerContext* context,
                                                  const v1::WhoAmIRequest*,
                                                  v1::WhoAmIResponse* response) {
  return parts_.door.Unary(context, Method("WhoAmI"), RunOn::kCallbackThread, Resource::None(),
                           [response](Call& call) {
                             const Identity& identity = call.identity();
                             response->set_principal(identity.principal);
                             response->set_method(identity.auth_method);
                             response->set_role(identity.role);
                             response->set_token_id(identity.token_id);
                             for (const std::string& policy : identity.policies) {
                               response->add_policies(policy);
                             }
                             if (identity.expire_time != absl::InfiniteFuture()) {
                               *response->mutable_expire_time() = ToTimestamp(identity.expire_time);
                             }
                             return absl::OkStatus();
                           });
}

grpc::ServerUnaryReactor* AuthServiceImpl::CanI(grpc::CallbackServerContext* context,
                                                const v1::CanIRequest* request,
                                                v1::CanIResponse* response) {
  return parts_.door.Unary(context, Method("CanI"), RunOn::kCallbackThread,
                           Resource::None(request->path()), [=, this](Call& call) -> absl::Status {
                             RETURN_IF_ERROR(ValidatePermission(request->permission()));
                             std::shared_ptr<const GrantSet> grants = call.identity().grants;
                             if (request->policies_size() > 0) {
                               RETURN_IF_ERROR(call.Require("admin:policy", ""));
                               const std::vector<std::string> policies(request->policies().begin(),
                                                                       request->policies().end());
                               if (policies.size() > limits::kPoliciesPerIdentityMax) {
                                 return absl::InvalidArgumentError(absl::StrCat(
                                     "policies must be at most ", limits::kPoliciesPerIdentityMax));
                               }
                               for (const std::string& policy : policies) {
                                 RETURN_IF_ERROR(parts_.policies.GetPolicy(policy).status());
                               }
                               grants = parts_.policies.GrantsOf(policies);
                             }
                             const GrantSet::Decision decision =
                                 grants->Explain(request->permission(), request->path(),
                                                 call.clock().Now(), call.credentials().source);
                             response->set_allowed(decision.allowed);
                             response->set_reason(decision.reason);
                             return absl::OkStatus();
                           });
}

}  // namespace keyturn
