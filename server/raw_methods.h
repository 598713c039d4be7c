// Every method of every service is a raw one, which gets and gives bytes: gRPC 1.51 answers a
// request that it cannot parse by itself, with UNIMPLEMENTED, and the service hears nothing of it,
// so the call would not be identified, limited, audited or counted. GrpcDoor parses instead.
#pragma once

#include <grpcpp/grpcpp.h>

namespace keyturn::raw {

using Context = grpc::CallbackServerContext;
using Bytes = grpc::ByteBuffer;
using Reactor = grpc::ServerUnaryReactor;
using StreamReactor = grpc::ServerWriteReactor<grpc::ByteBuffer>;

template <typename Service, template <typename> class... Methods>
struct Chain {
  using Type = Service;
};
template <typename Service, template <typename> class First, template <typename> class... Rest>
struct Chain<Service, First, Rest...> {
  using Type = First<typename Chain<Service, Rest...>::Type>;
};

// `Service` with its methods, each a WithRawCallbackMethod_X of the generated code.
template <typename Service, template <typename> class... Methods>
using Of = typename Chain<Service, Methods...>::Type;

}  // namespace keyturn::raw
