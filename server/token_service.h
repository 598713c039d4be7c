// keyturn.v1.TokenService over gRPC. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "auth/token_store.h"
#include "keyturn/v1/token_service.grpc.pb.h"
#include "server/grpc_door.h"

namespace keyturn {

class TokenServiceImpl final : public v1::TokenService::CallbackService {
 public:
  // All outlive this.
  TokenServiceImpl(GrpcDoor& door, const MethodTable& methods, AuthStore& policies,
                   TokenStore& tokens)
      : door_(door), methods_(methods), policies_(policies), tokens_(tokens) {}

  grpc::ServerUnaryReactor* Create(grpc::CallbackServerContext* context,
                                   const v1::CreateTokenRequest* request,
                                   v1::CreateTokenResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListTokensRequest* request,
                                 v1::ListTokensResponse* response) override;
  grpc::ServerUnaryReactor* Revoke(grpc::CallbackServerContext* context,
                                   const v1::RevokeTokenRequest* request,
                                   v1::RevokeTokenResponse* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewTokenRequest* request,
                                  v1::TokenInfo* response) override;

 private:
  absl::Status CreateFor(Call& call, const v1::CreateTokenRequest& request,
                         v1::CreateTokenResponse* response);

  GrpcDoor& door_;
  const MethodTable& methods_;
  AuthStore& policies_;
  TokenStore& tokens_;
};

}  // namespace keyturn
