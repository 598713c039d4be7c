// keyturn.v1.TokenService over gRPC. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "auth/token_store.h"
#include "keyturn/v1/token_service.grpc.pb.h"
#include "server/credential_list.h"
#include "server/grpc_door.h"

namespace keyturn {

using TokenMethods =
    raw::Of<v1::TokenService::Service, v1::TokenService::WithRawCallbackMethod_Create,
            v1::TokenService::WithRawCallbackMethod_List,
            v1::TokenService::WithRawCallbackMethod_Revoke,
            v1::TokenService::WithRawCallbackMethod_Renew>;

class TokenServiceImpl final : public TokenMethods {
 public:
  // All outlive this.
  TokenServiceImpl(GrpcDoor& door, const MethodTable& methods, AuthStore& policies,
                   TokenStore& tokens, CredentialList& revoked)
      : door_(door), methods_(methods), policies_(policies), tokens_(tokens), revoked_(revoked) {}

  raw::Reactor* Create(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Revoke(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Renew(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;

 private:
  absl::Status CreateFor(Call& call, const v1::CreateTokenRequest& request,
                         v1::CreateTokenResponse* response);

  GrpcDoor& door_;
  const MethodTable& methods_;
  AuthStore& policies_;
  TokenStore& tokens_;
  CredentialList& revoked_;
};

}  // namespace keyturn
