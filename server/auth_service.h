// keyturn.v1.AuthService over gRPC. Thread-safe.
#pragma once

#include "auth/auth_store.h"
#include "auth/authenticator.h"
#include "auth/token_store.h"
#include "keyturn/v1/auth_service.grpc.pb.h"
#include "server/grpc_door.h"

namespace keyturn {

class AuthServiceImpl final : public v1::AuthService::CallbackService {
 public:
  // All outlive this.
  struct Parts {
    GrpcDoor& door;
    const MethodTable& methods;
    AuthStore& policies;
    TokenStore& tokens;
    Authenticator& authenticator;
  };
  explicit AuthServiceImpl(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Login(grpc::CallbackServerContext* context,
                                  const v1::LoginRequest* request,
                                  v1::LoginResponse* response) override;
  grpc::ServerUnaryReactor* Logout(grpc::CallbackServerContext* context,
                                   const v1::LogoutRequest* request,
                                   v1::LogoutResponse* response) override;
  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context,
                                   const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* CanI(grpc::CallbackServerContext* context,
                                 const v1::CanIRequest* request,
                                 v1::CanIResponse* response) override;

 private:
  absl::Status LogIn(Call& call, const v1::LoginRequest& request, v1::LoginResponse* response);

  const MethodInfo& Method(const char* name) const {
    return parts_.methods.Get("AuthService", name);
  }

  Parts parts_;
};

}  // namespace keyturn
