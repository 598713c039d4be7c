// keyturn.v1.RotationService over gRPC. Thread-safe.
#pragma once

#include "keyturn/v1/rotation_service.grpc.pb.h"
#include "rotation/rotation.h"
#include "server/grpc_door.h"

namespace keyturn {

using RotationMethods =
    raw::Of<v1::RotationService::Service, v1::RotationService::WithRawCallbackMethod_SetPolicy,
            v1::RotationService::WithRawCallbackMethod_RemovePolicy,
            v1::RotationService::WithRawCallbackMethod_Pause,
            v1::RotationService::WithRawCallbackMethod_Resume,
            v1::RotationService::WithRawCallbackMethod_GetStatus,
            v1::RotationService::WithRawCallbackMethod_List,
            v1::RotationService::WithRawCallbackMethod_ListRuns,
            v1::RotationService::WithRawCallbackMethod_Forecast,
            v1::RotationService::WithRawCallbackMethod_Rotate,
            v1::RotationService::WithRawCallbackMethod_Cancel,
            v1::RotationService::WithRawCallbackMethod_Rollback,
            v1::RotationService::WithRawCallbackMethod_SetGrace,
            v1::RotationService::WithRawCallbackMethod_Retire,
            v1::RotationService::WithRawCallbackMethod_AcceptClock>;

class RotationServiceImpl final : public RotationMethods {
 public:
  // All outlive this.
  RotationServiceImpl(GrpcDoor& door, const MethodTable& methods, Rotation& rotation)
      : door_(door), methods_(methods), rotation_(rotation) {}

  raw::Reactor* SetPolicy(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* RemovePolicy(raw::Context* context, const raw::Bytes* request,
                             raw::Bytes* response) override;
  raw::Reactor* Pause(raw::Context* context, const raw::Bytes* request,
                      raw::Bytes* response) override;
  raw::Reactor* Resume(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* GetStatus(raw::Context* context, const raw::Bytes* request,
                          raw::Bytes* response) override;
  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* ListRuns(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Forecast(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Rotate(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Cancel(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* Rollback(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* SetGrace(raw::Context* context, const raw::Bytes* request,
                         raw::Bytes* response) override;
  raw::Reactor* Retire(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;
  raw::Reactor* AcceptClock(raw::Context* context, const raw::Bytes* request,
                            raw::Bytes* response) override;

 private:
  // A method about the secret at request.path() whose answer is what `run` returns.
  template <typename Request, typename Response, typename Run>
  raw::Reactor* OfSecret(const UnaryWire& wire, const char* method, Run run);

  GrpcDoor& door_;
  const MethodTable& methods_;
  Rotation& rotation_;
};

}  // namespace keyturn
