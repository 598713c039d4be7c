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

using SystemMethods = raw::Of<
    v1::SystemService::Service, v1::SystemService::WithRawCallbackMethod_Status,
    v1::SystemService::WithRawCallbackMethod_Init, v1::SystemService::WithRawCallbackMethod_Unseal,
    v1::SystemService::WithRawCallbackMethod_Seal, v1::SystemService::WithRawCallbackMethod_Verify,
    v1::SystemService::WithRawCallbackMethod_RotateKek,
    v1::SystemService::WithRawCallbackMethod_RewrapStatus,
    v1::SystemService::WithRawCallbackMethod_Purge,
    v1::SystemService::WithRawCallbackMethod_StartRekey,
    v1::SystemService::WithRawCallbackMethod_GiveRekeyKey,
    v1::SystemService::WithRawCallbackMethod_CancelRekey,
    v1::SystemService::WithRawCallbackMethod_RekeyStatus,
    v1::SystemService::WithRawCallbackMethod_IssueCertificate>;

class SystemServiceImpl final : public SystemMethods {
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
    Clock& clock;
    bool dev = false;
  };
  explicit SystemServiceImpl(const Parts& parts) : parts_(parts) {}

  raw::Reactor* Status(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Init(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Unseal(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Seal(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::StreamReactor* Verify(raw::Context* context, const raw::Bytes* request) override;
  raw::Reactor* RotateKek(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* RewrapStatus(raw::Context* context, const raw::Bytes* request,
                             raw::Bytes* response) override;
  raw::StreamReactor* Purge(raw::Context* context, const raw::Bytes* request) override;
  raw::Reactor* StartRekey(raw::Context* context, const raw::Bytes* request,
                           raw::Bytes* response) override;
  raw::Reactor* GiveRekeyKey(raw::Context* context, const raw::Bytes* request,
                             raw::Bytes* response) override;
  raw::Reactor* CancelRekey(raw::Context* context, const raw::Bytes* request,
                            raw::Bytes* response) override;
  raw::Reactor* RekeyStatus(raw::Context* context, const raw::Bytes* request,
                            raw::Bytes* response) override;
  raw::Reactor* IssueCertificate(raw::Context* context, const raw::Bytes* request,
                                 raw::Bytes* response) override;

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
