// keyturn.v1.JwtService over gRPC. Thread-safe.
#pragma once

#include "keyturn/v1/jwt_service.grpc.pb.h"
#include "rotation/jwt/jwt.h"
#include "rotation/usage/usage.h"
#include "server/grpc_door.h"

namespace keyturn {

using JwtMethods = raw::Of<
    v1::JwtService::Service, v1::JwtService::WithRawCallbackMethod_CreateKey,
    v1::JwtService::WithRawCallbackMethod_AdoptKey, v1::JwtService::WithRawCallbackMethod_UpdateKey,
    v1::JwtService::WithRawCallbackMethod_GetKey, v1::JwtService::WithRawCallbackMethod_GetJwks,
    v1::JwtService::WithRawCallbackMethod_Sign, v1::JwtService::WithRawCallbackMethod_Verify,
    v1::JwtService::WithRawCallbackMethod_Refresh,
    v1::JwtService::WithRawCallbackMethod_RevokeRefresh>;

class JwtServiceImpl final : public JwtMethods {
 public:
  // All outlive this.
  JwtServiceImpl(GrpcDoor& door, const MethodTable& methods, Jwt& jwt, Usage& usage)
      : door_(door), methods_(methods), jwt_(jwt), usage_(usage) {}

  raw::Reactor* CreateKey(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* AdoptKey(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* UpdateKey(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* GetKey(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* GetJwks(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;
  raw::Reactor* Sign(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Verify(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Refresh(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;
  raw::Reactor* RevokeRefresh(raw::Context* context, const raw::Bytes* request,
                              raw::Bytes* response) override;

 private:
  // A method about the key at request.path() whose answer is what `run` returns.
  template <typename Request, typename Response, typename Run>
  raw::Reactor* OfKey(const UnaryWire& wire, const char* method, RunOn run_on, Run run);

  // Who had a token of which key signed or verified.
  void NoteUse(Call& call, const JwtUse& use);

  GrpcDoor& door_;
  const MethodTable& methods_;
  Jwt& jwt_;
  Usage& usage_;
};

}  // namespace keyturn
