// keyturn.v1.ApiKeyService over gRPC. Thread-safe.
#pragma once

#include "keyturn/v1/api_key_service.grpc.pb.h"
#include "rotation/api_key/api_keys.h"
#include "server/credential_list.h"
#include "server/grpc_door.h"

namespace keyturn {

using ApiKeyMethods = raw::Of<
    v1::ApiKeyService::Service, v1::ApiKeyService::WithRawCallbackMethod_Create,
    v1::ApiKeyService::WithRawCallbackMethod_Get, v1::ApiKeyService::WithRawCallbackMethod_List,
    v1::ApiKeyService::WithRawCallbackMethod_Update, v1::ApiKeyService::WithRawCallbackMethod_Roll,
    v1::ApiKeyService::WithRawCallbackMethod_SetGrace,
    v1::ApiKeyService::WithRawCallbackMethod_Revoke,
    v1::ApiKeyService::WithRawCallbackMethod_Import,
    v1::ApiKeyService::WithRawCallbackMethod_Verify>;

class ApiKeyServiceImpl final : public ApiKeyMethods {
 public:
  // All outlive this. `list` is told what is revoked.
  ApiKeyServiceImpl(GrpcDoor& door, const MethodTable& methods, ApiKeys& keys, CredentialList& list)
      : door_(door), methods_(methods), keys_(keys), list_(list) {}

  raw::Reactor* Create(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Get(raw::Context* context, const raw::Bytes* request,
                    raw::Bytes* response) override;
  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Update(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Roll(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* SetGrace(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Revoke(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Import(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Verify(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;

 private:
  // A method about the key request.id(), with its permission asked on the key's path.
  template <typename Request, typename Response, typename Run>
  raw::Reactor* OfKey(const UnaryWire& wire, const char* method, RunOn run_on, Run run);

  absl::Status TakeOver(Call& call, const v1::ImportApiKeysRequest& request,
                        v1::ImportApiKeysResponse* response);
  absl::Status Check(Call& call, const v1::VerifyApiKeyRequest& request,
                     v1::VerifyApiKeyResponse* response);

  const MethodInfo& Method(const char* name) const { return methods_.Get("ApiKeyService", name); }

  GrpcDoor& door_;
  const MethodTable& methods_;
  ApiKeys& keys_;
  CredentialList& list_;
};

}  // namespace keyturn
