// keyturn.v1.PolicyService over gRPC: policies, roles and password policies. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "keyturn/v1/policy_service.grpc.pb.h"
#include "server/credential_list.h"
#include "server/grpc_door.h"

namespace keyturn {

using PolicyMethods =
    raw::Of<v1::PolicyService::Service, v1::PolicyService::WithRawCallbackMethod_PutPolicy,
            v1::PolicyService::WithRawCallbackMethod_GetPolicy,
            v1::PolicyService::WithRawCallbackMethod_ListPolicies,
            v1::PolicyService::WithRawCallbackMethod_DeletePolicy,
            v1::PolicyService::WithRawCallbackMethod_PutRole,
            v1::PolicyService::WithRawCallbackMethod_GetRole,
            v1::PolicyService::WithRawCallbackMethod_ListRoles,
            v1::PolicyService::WithRawCallbackMethod_DeleteRole,
            v1::PolicyService::WithRawCallbackMethod_PutPasswordPolicy,
            v1::PolicyService::WithRawCallbackMethod_ListPasswordPolicies,
            v1::PolicyService::WithRawCallbackMethod_DeletePasswordPolicy>;

class PolicyServiceImpl final : public PolicyMethods {
 public:
  // All outlive this.
  PolicyServiceImpl(GrpcDoor& door, const MethodTable& methods, AuthStore& store,
                    CredentialList& revoked)
      : door_(door), methods_(methods), store_(store), revoked_(revoked) {}

  raw::Reactor* PutPolicy(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* GetPolicy(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* ListPolicies(raw::Context* context, const raw::Bytes* request,
                             raw::Bytes* response) override;
  raw::Reactor* DeletePolicy(raw::Context* context, const raw::Bytes* request,
                             raw::Bytes* response) override;
  raw::Reactor* PutRole(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;
  raw::Reactor* GetRole(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;
  raw::Reactor* ListRoles(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* DeleteRole(raw::Context* context, const raw::Bytes* request,
                           raw::Bytes* response) override;
  raw::Reactor* PutPasswordPolicy(raw::Context* context, const raw::Bytes* request,
                                  raw::Bytes* response) override;
  raw::Reactor* ListPasswordPolicies(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) override;
  raw::Reactor* DeletePasswordPolicy(raw::Context* context, const raw::Bytes* request,
                                     raw::Bytes* response) override;

 private:
  absl::Status EndLogins(Call& call, const std::string& role);

  // Writes go to the pool, reads come from the mirror in memory. `resource` names what it is about.
  template <typename Request, typename Response, typename ResourceFn, typename Body>
  raw::Reactor* Write(const UnaryWire& wire, const char* method, ResourceFn resource, Body body) {
    return door_.Unary<Request, Response>(wire, methods_.Get("PolicyService", method), RunOn::kPool,
                                          resource, body);
  }
  template <typename Request, typename Response, typename ResourceFn, typename Body>
  raw::Reactor* Read(const UnaryWire& wire, const char* method, ResourceFn resource, Body body) {
    return door_.Unary<Request, Response>(wire, methods_.Get("PolicyService", method),
                                          RunOn::kCallbackThread, resource, body);
  }

  // Nobody writes policies that give more than the writer has.
  absl::Status CheckChange(const Call& call, const std::string& name, const v1::Policy* next) const;
  absl::Status CheckRole(const Call& call, const std::string& name, const v1::Role* next) const;

  GrpcDoor& door_;
  const MethodTable& methods_;
  AuthStore& store_;
  CredentialList& revoked_;
};

}  // namespace keyturn
