// keyturn.v1.AuthService over gRPC. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "auth/authenticator.h"
#include "auth/token_store.h"
#include "keyturn/v1/auth_service.grpc.pb.h"
#include "server/credential_list.h"
#include "server/grpc_door.h"

namespace keyturn {

using AuthMethods = raw::Of<v1::AuthService::Service, v1::AuthService::WithRawCallbackMethod_Login,
                            v1::AuthService::WithRawCallbackMethod_Logout,
                            v1::AuthService::WithRawCallbackMethod_WhoAmI,
                            v1::AuthService::WithRawCallbackMethod_CanI>;

class AuthServiceImpl final : public AuthMethods {
 public:
  // All outlive this.
  struct Parts {
    GrpcDoor& door;
    const MethodTable& methods;
    AuthStore& policies;
    TokenStore& tokens;
    Authenticator& authenticator;
    CredentialList& revoked;
  };
  explicit AuthServiceImpl(const Parts& parts) : parts_(parts) {}

  raw::Reactor* Login(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;
  raw::Reactor* Logout(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* WhoAmI(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* CanI(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;

 private:
  absl::Status LogIn(Call& call, const v1::LoginRequest& request, v1::LoginResponse* response);
  absl::Status Explain(Call& call, const v1::CanIRequest& request, v1::CanIResponse* response);

  const MethodInfo& Method(const char* name) const {
    return parts_.methods.Get("AuthService", name);
  }

  Parts parts_;
};

}  // namespace keyturn
