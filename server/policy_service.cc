#include "server/policy_service.h"

#include "auth/delegation.h"
#include "base/status_macros.h"
#include "server/delegate.h"
#include "vault/generate.h"

namespace keyturn {

using Reactor = grpc::ServerUnaryReactor;
using Context = grpc::CallbackServerContext;

absl::Status PolicyServiceImpl::CheckChange(const Call& call, const std::string& name,
                                            const v1::Policy* next) const {
  const absl::StatusOr<v1::Policy> previous = store_.GetPolicy(name);
  return CheckPolicyChange(*call.identity().grants, previous.ok() ? &*previous : nullptr, next);
}

absl::Status PolicyServiceImpl::CheckRole(const Call& call, const std::string& name,
                                          const v1::Role* next) const {
  const absl::StatusOr<v1::Role> previous = store_.GetRole(name);
  return CheckRoleChange(call.identity(), previous.ok() ? &*previous : nullptr, next, store_);
}

Reactor* PolicyServiceImpl::PutPolicy(Context* context, const v1::PutPolicyRequest* request,
                                      v1::Policy* response) {
  return Write(context, "PutPolicy", request->policy().name(),
               [=, this](Call& call) -> absl::Status {
                 RETURN_IF_ERROR(CheckChange(call, request->policy().name(), &request->policy()));
                 ASSIGN_OR_RETURN(*response, store_.PutPolicy(call.updater(), request->policy()));
                 return absl::OkStatus();
               });
}

Reactor* PolicyServiceImpl::GetPolicy(Context* context, const v1::GetPolicyRequest* request,
                                      v1::Policy* response) {
  return Read(context, "GetPolicy", request->name(), [=, this](Call&) -> absl::Status {
    ASSIGN_OR_RETURN(*response, store_.GetPolicy(request->name()));
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::ListPolicies(Context* context, const v1::ListPoliciesRequest*,
                                         v1::ListPoliciesResponse* response) {
  return Read(context, "ListPolicies", "", [=, this](Call&) -> absl::Status {
    for (v1::Policy& item : store_.ListPolicies()) *response->add_policies() = std::move(item);
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::DeletePolicy(Context* context, const v1::DeletePolicyRequest* request,
                                         v1::DeletePolicyResponse*) {
  return Write(context, "DeletePolicy", request->name(), [=, this](Call& call) -> absl::Status {
    RETURN_IF_ERROR(CheckChange(call, request->name(), nullptr));
    return store_.DeletePolicy(call.updater(), request->name());
  });
}

Reactor* PolicyServiceImpl::PutRole(Context* context, const v1::PutRoleRequest* request,
                                    v1::Role* response) {
  return Write(context, "PutRole", request->role().name(), [=, this](Call& call) -> absl::Status {
    RETURN_IF_ERROR(CheckRole(call, request->role().name(), &request->role()));
    ASSIGN_OR_RETURN(*response, store_.PutRole(call.updater(), request->role()));
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::GetRole(Context* context, const v1::GetRoleRequest* request,
                                    v1::Role* response) {
  return Read(context, "GetRole", request->name(), [=, this](Call&) -> absl::Status {
    ASSIGN_OR_RETURN(*response, store_.GetRole(request->name()));
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::ListRoles(Context* context, const v1::ListRolesRequest*,
                                      v1::ListRolesResponse* response) {
  return Read(context, "ListRoles", "", [=, this](Call&) -> absl::Status {
    for (v1::Role& item : store_.ListRoles()) *response->add_roles() = std::move(item);
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::DeleteRole(Context* context, const v1::DeleteRoleRequest* request,
                                       v1::DeleteRoleResponse*) {
  return Write(context, "DeleteRole", request->name(), [=, this](Call& call) -> absl::Status {
    RETURN_IF_ERROR(CheckRole(call, request->name(), nullptr));
    return store_.DeleteRole(call.updater(), request->name());
  });
}

Reactor* PolicyServiceImpl::PutPasswordPolicy(Context* context,
                                              const v1::PutPasswordPolicyRequest* request,
                                              v1::PasswordPolicy* response) {
  return Write(context, "PutPasswordPolicy", request->policy().name(),
               [=, this](Call& call) -> absl::Status {
                 RETURN_IF_ERROR(CheckPasswordPolicy(request->policy()));
                 ASSIGN_OR_RETURN(*response,
                                  store_.PutPasswordPolicy(call.updater(), request->policy()));
                 return absl::OkStatus();
               });
}

Reactor* PolicyServiceImpl::ListPasswordPolicies(Context* context,
                                                 const v1::ListPasswordPoliciesRequest*,
                                                 v1::ListPasswordPoliciesResponse* response) {
  return Read(context, "ListPasswordPolicies", "", [=, this](Call&) -> absl::Status {
    for (v1::PasswordPolicy& item : store_.ListPasswordPolicies())
      *response->add_policies() = std::move(item);
    return absl::OkStatus();
  });
}

Reactor* PolicyServiceImpl::DeletePasswordPolicy(Context* context,
                                                 const v1::DeletePasswordPolicyRequest* request,
                                                 v1::DeletePasswordPolicyResponse*) {
  return Write(context, "DeletePasswordPolicy", request->name(), [=, this](Call& call) {
    return store_.DeletePasswordPolicy(call.updater(), request->name());
  });
}

}  // namespace keyturn
