// keyturn.v1.SecretService over gRPC. Get, BatchGet and Put are raw methods (secret_wire.h).
// Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "auth/auth_store.h"
#include "keyturn/v1/secret_service.grpc.pb.h"
#include "server/grpc_door.h"
#include "server/secret_wire.h"
#include "server/streams.h"
#include "vault/vault.h"

namespace keyturn {

template <typename Base>
using TypedSecretMethods =
    v1::SecretService::WithCallbackMethod_Generate<v1::SecretService::WithCallbackMethod_Describe<
        v1::SecretService::WithCallbackMethod_List<v1::SecretService::WithCallbackMethod_Search<
            v1::SecretService::WithCallbackMethod_UpdateMetadata<
                v1::SecretService::WithCallbackMethod_Delete<
                    v1::SecretService::WithCallbackMethod_Undelete<
                        v1::SecretService::WithCallbackMethod_Destroy<
                            v1::SecretService::WithCallbackMethod_Erase<
                                v1::SecretService::WithCallbackMethod_Rename<
                                    v1::SecretService::WithCallbackMethod_Watch<Base>>>>>>>>>>>;

using SecretMethods = v1::SecretService::WithRawCallbackMethod_Put<
    v1::SecretService::WithRawCallbackMethod_Get<v1::SecretService::WithRawCallbackMethod_BatchGet<
        TypedSecretMethods<v1::SecretService::Service>>>>;

class SecretServiceImpl final : public SecretMethods {
 public:
  // All outlive this.
  struct Parts {
    GrpcDoor& door;
    const MethodTable& methods;
    Vault& vault;
    AuthStore& policies;
    Store& store;
    StreamRegistry& watchers;
  };
  explicit SecretServiceImpl(const Parts& parts);

  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* BatchGet(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Generate(grpc::CallbackServerContext* context,
                                     const v1::GenerateRequest* request,
                                     v1::PutResponse* response) override;
  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest* request,
                                     v1::SecretInfo* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListRequest* request,
                                 v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext* context,
                                   const v1::SearchRequest* request,
                                   v1::SearchResponse* response) override;
  grpc::ServerUnaryReactor* UpdateMetadata(grpc::CallbackServerContext* context,
                                           const v1::UpdateMetadataRequest* request,
                                           v1::SecretInfo* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const v1::DeleteRequest* request,
                                   v1::SecretInfo* response) override;
  grpc::ServerUnaryReactor* Undelete(grpc::CallbackServerContext* context,
                                     const v1::UndeleteRequest* request,
                                     v1::SecretInfo* response) override;
  grpc::ServerUnaryReactor* Destroy(grpc::CallbackServerContext* context,
                                    const v1::DestroyRequest* request,
                                    v1::DestroyResponse* response) override;
  grpc::ServerUnaryReactor* Erase(grpc::CallbackServerContext* context,
                                  const v1::EraseRequest* request,
                                  v1::EraseResponse* response) override;
  grpc::ServerUnaryReactor* Rename(grpc::CallbackServerContext* context,
                                   const v1::RenameRequest* request,
                                   v1::RenameResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;

 private:
  // A method whose resource is request->path() and whose answer is what `run` returns.
  template <typename Response, typename Run>
  grpc::ServerUnaryReactor* OnPath(grpc::CallbackServerContext* context, const char* method,
                                   RunOn run_on, Resource resource, Response* response, Run run);
  const MethodInfo& Method(const char* name) const {
    return parts_.methods.Get("SecretService", name);
  }
  // For a reply, of whose memory the caller has a bounded share.
  absl::StatusOr<HeldRead> ReadOne(Call& call, const v1::GetRequest& request);
  // Of a batch: asks for the permission first.
  absl::StatusOr<HeldRead> ReadItem(Call& call, const v1::GetRequest& request);
  absl::StatusOr<v1::PutResponse> GenerateAndPut(Call& call, const v1::GenerateRequest& request);

  Parts parts_;
  const MethodInfo& put_;
  const MethodInfo& get_;
};

}  // namespace keyturn
