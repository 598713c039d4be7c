// keyturn.v1.SecretService over gRPC. The values of Get, BatchGet and Put pass by protobuf
// (secret_wire.h). Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "auth/auth_store.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "rotation/jwt/jwt.h"
#include "rotation/usage/usage.h"
#include "server/grpc_door.h"
#include "server/secret_wire.h"
#include "server/streams.h"
#include "vault/vault.h"

namespace keyturn {

using SecretMethods = raw::Of<
    v1::SecretService::Service, v1::SecretService::WithRawCallbackMethod_Put,
    v1::SecretService::WithRawCallbackMethod_Get, v1::SecretService::WithRawCallbackMethod_BatchGet,
    v1::SecretService::WithRawCallbackMethod_Generate,
    v1::SecretService::WithRawCallbackMethod_Describe,
    v1::SecretService::WithRawCallbackMethod_List, v1::SecretService::WithRawCallbackMethod_Search,
    v1::SecretService::WithRawCallbackMethod_Adopt,
    v1::SecretService::WithRawCallbackMethod_UpdateMetadata,
    v1::SecretService::WithRawCallbackMethod_Delete,
    v1::SecretService::WithRawCallbackMethod_Undelete,
    v1::SecretService::WithRawCallbackMethod_Destroy,
    v1::SecretService::WithRawCallbackMethod_Erase, v1::SecretService::WithRawCallbackMethod_Rename,
    v1::SecretService::WithRawCallbackMethod_Watch>;

class SecretServiceImpl final : public SecretMethods {
 public:
  // All outlive this.
  struct Parts {
    GrpcDoor& door;
    const MethodTable& methods;
    Vault& vault;
    Usage& usage;
    Jwt& jwt;
    AuthStore& policies;
    Store& store;
    StreamRegistry& watchers;
  };
  explicit SecretServiceImpl(const Parts& parts);

  raw::Reactor* Put(raw::Context* context, const raw::Bytes* request,
                    raw::Bytes* response) override;
  raw::Reactor* Get(raw::Context* context, const raw::Bytes* request,
                    raw::Bytes* response) override;
  raw::Reactor* BatchGet(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Generate(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Describe(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Search(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Adopt(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;
  raw::Reactor* UpdateMetadata(raw::Context* context, const raw::Bytes* request,
                               raw::Bytes* response) override;
  raw::Reactor* Delete(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Undelete(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Destroy(raw::Context* context, const raw::Bytes* request,
                        raw::Bytes* response) override;
  raw::Reactor* Erase(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;
  raw::Reactor* Rename(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::StreamReactor* Watch(raw::Context* context, const raw::Bytes* request) override;

 private:
  // A method whose answer is what `run` returns.
  template <typename Request, typename Response, typename ResourceFn, typename Run>
  raw::Reactor* Answer(const UnaryWire& wire, const char* method, RunOn run_on, ResourceFn resource,
                       Run run);
  const MethodInfo& Method(const char* name) const {
    return parts_.methods.Get("SecretService", name);
  }
  // For a reply, of whose memory the caller has a bounded share. It counts as a use of the version.
  absl::StatusOr<HeldRead> ReadOne(Call& call, const v1::GetRequest& request);
  // Of a batch: asks for the permission first.
  absl::StatusOr<HeldRead> ReadItem(Call& call, const v1::GetRequest& request);
  // Of the value that is to be made: the kind that the secret has or is to have.
  absl::StatusOr<v1::Kind> KindToGenerate(const PutParams& params) const;
  absl::StatusOr<v1::PutResponse> GenerateAndPut(Call& call, const v1::GenerateRequest& request);

  Parts parts_;
  const MethodInfo& put_;
  const MethodInfo& get_;
};

}  // namespace keyturn
