// keyturn.v1.ConsumerService over gRPC. Thread-safe.
#pragma once

#include "keyturn/v1/consumer_service.grpc.pb.h"
#include "rotation/usage/usage.h"
#include "server/grpc_door.h"

namespace keyturn {

using ConsumerMethods =
    raw::Of<v1::ConsumerService::Service, v1::ConsumerService::WithRawCallbackMethod_List,
            v1::ConsumerService::WithRawCallbackMethod_Acknowledge,
            v1::ConsumerService::WithRawCallbackMethod_Forget>;

class ConsumerServiceImpl final : public ConsumerMethods {
 public:
  // All outlive this.
  ConsumerServiceImpl(GrpcDoor& door, const MethodTable& methods, Usage& usage)
      : door_(door), methods_(methods), usage_(usage) {}

  raw::Reactor* List(raw::Context* context, const raw::Bytes* request,
                     raw::Bytes* response) override;
  raw::Reactor* Acknowledge(raw::Context* context, const raw::Bytes* request,
                            raw::Bytes* response) override;
  raw::Reactor* Forget(raw::Context* context, const raw::Bytes* request,
                       raw::Bytes* response) override;

 private:
  // A method whose answer is what `run` returns.
  template <typename Request, typename Response, typename ResourceFn, typename Run>
  raw::Reactor* Answer(const UnaryWire& wire, const char* method, ResourceFn resource, Run run);

  GrpcDoor& door_;
  const MethodTable& methods_;
  Usage& usage_;
};

}  // namespace keyturn
