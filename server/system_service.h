// keyturn.v1.SystemService over gRPC. Thread-safe.
#pragma once

#include <atomic>

#include "keyturn/v1/system_service.grpc.pb.h"
#include "server/client_ca.h"
#include "server/grpc_door.h"
#include "server/key_turner.h"
#include "server/lifecycle.h"
#include "server/streams.h"

namespace keyturn {

class SystemServiceImpl final : public v1::SystemService::CallbackService {
 public:
  // All outlive this.
  struct Parts {
    GrpcDoor& door;
    const MethodTable& methods;
    Lifecycle& lifecycle;
    Keyring& keyring;
    Store& store;
    Vault& vault;
    ClientCa& client_ca;
    const KeyTurner& key_turner;
    bool dev = false;
  };
  explicit SystemServiceImpl(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const v1::StatusRequest* request,
                                   v1::StatusResponse* response) override;
  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context,
                                 const v1::InitRequest* request,
                                 v1::InitResponse* response) override;
  grpc::ServerUnaryReactor* Unseal(grpc::CallbackServerContext* context,
                                   const v1::UnsealRequest* request,
                                   v1::StatusResponse* response) override;
  grpc::ServerUnaryReactor* Seal(grpc::CallbackServerContext* context,
                                 const v1::SealRequest* request,
                                 v1::StatusResponse* response) override;
  grpc::ServerWriteReactor<v1::VerifyResponse>* Verify(grpc::CallbackServerContext* context,
                                                       const v1::VerifyRequest* request) override;
  grpc::ServerUnaryReactor* RotateKek(grpc::CallbackServerContext* context,
                                      const v1::RotateKekRequest* request,
                                      v1::RotateKekResponse* response) override;
  grpc::ServerUnaryReactor* RewrapStatus(grpc::CallbackServerContext* context,
                                         const v1::RewrapStatusRequest* request,
                                         v1::RewrapStatusResponse* response) override;
  grpc::ServerWriteReactor<v1::PurgeResponse>* Purge(grpc::CallbackServerContext* context,
                                                     const v1::PurgeRequest* request) override;
  grpc::ServerUnaryReactor* StartRekey(grpc::CallbackServerContext* context,
                                       const v1::StartRekeyRequest* request,
                                       v1::StartRekeyResponse* response) override;
  grpc::ServerUnaryReactor* GiveRekeyKey(grpc::CallbackServerContext* context,
                                         const v1::GiveRekeyKeyRequest* request,
                                         v1::GiveRekeyKeyResponse* response) override;
  grpc::ServerUnaryReactor* CancelRekey(grpc::CallbackServerContext* context,
                                        const v1::CancelRekeyRequest* request,
                                        v1::CancelRekeyResponse* response) override;
  grpc::ServerUnaryReactor* RekeyStatus(grpc::CallbackServerContext* context,
                                        const v1::RekeyStatusRequest* request,
                                        v1::RekeyStatusResponse* response) override;
  grpc::ServerUnaryReactor* IssueCertificate(grpc::CallbackServerContext* context,
                                             const v1::IssueCertificateRequest* request,
                                             v1::IssueCertificateResponse* response) override;

 private:
  v1::StatusResponse StatusFor(const Call& call) const;
  absl::Status InitFor(Call& call, const v1::InitRequest& request, v1::InitResponse* response);
  absl::Status UnsealFor(Call& call, const v1::UnsealRequest& request,
                         v1::StatusResponse* response);
  absl::Status Issue(Call& call, const v1::IssueCertificateRequest& request,
                     v1::IssueCertificateResponse* response);
  const MethodInfo& Method(const char* name) const {
    return parts_.methods.Get("SystemService", name);
  }

  Parts parts_;
  std::atomic<bool> unsealing_{false};  // by somebody on the network
};

}  // namespace keyturn
