// keyturn.v1.PolicyService over gRPC: policies, roles and password policies. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "keyturn/v1/policy_service.grpc.pb.h"
#include "server/grpc_door.h"

namespace keyturn {

class PolicyServiceImpl final : public v1::PolicyService::CallbackService {
 public:
  // All outlive this.
  PolicyServiceImpl(GrpcDoor& door, const MethodTable& methods, AuthStore& store)
      : door_(door), methods_(methods), store_(store) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* PutPolicy(Context* context, const v1::PutPolicyRequest* request,
                     v1::Policy* response) override;
  Reactor* GetPolicy(Context* context, const v1::GetPolicyRequest* request,
                     v1::Policy* response) override;
  Reactor* ListPolicies(Context* context, const v1::ListPoliciesRequest* request,
                        v1::ListPoliciesResponse* response) override;
  Reactor* DeletePolicy(Context* context, const v1::DeletePolicyRequest* request,
                        v1::DeletePolicyResponse* response) override;
  Reactor* PutRole(Context* context, const v1::PutRoleRequest* request,
                   v1::Role* response) override;
  Reactor* GetRole(Context* context, const v1::GetRoleRequest* request,
                   v1::Role* response) override;
  Reactor* ListRoles(Context* context, const v1::ListRolesRequest* request,
                     v1::ListRolesResponse* response) override;
  Reactor* DeleteRole(Context* context, const v1::DeleteRoleRequest* request,
                      v1::DeleteRoleResponse* response) override;
  Reactor* PutPasswordPolicy(Context* context, const v1::PutPasswordPolicyRequest* request,
                             v1::PasswordPolicy* response) override;
  Reactor* ListPasswordPolicies(Context* context, const v1::ListPasswordPoliciesRequest* request,
                                v1::ListPasswordPoliciesResponse* response) override;
  Reactor* DeletePasswordPolicy(Context* context, const v1::DeletePasswordPolicyRequest* request,
                                v1::DeletePasswordPolicyResponse* response) override;

 private:
  // Writes go to the pool, reads come from the mirror in memory.
  template <typename Body>
  Reactor* Write(Context* context, const char* method, const std::string& name, Body body) {
    return door_.Unary(context, methods_.Get("PolicyService", method), RunOn::kPool,
                       Resource::None(name), body);
  }
  template <typename Body>
  Reactor* Read(Context* context, const char* method, const std::string& name, Body body) {
    return door_.Unary(context, methods_.Get("PolicyService", method), RunOn::kCallbackThread,
                       Resource::None(name), body);
  }

  // Nobody writes policies that give more than the writer has.
  absl::Status CheckChange(const Call& call, const std::string& name, const v1::Policy* next) const;
  absl::Status CheckRole(const Call& call, const std::string& name, const v1::Role* next) const;

  GrpcDoor& door_;
  const MethodTable& methods_;
  AuthStore& store_;
};

}  // namespace keyturn
