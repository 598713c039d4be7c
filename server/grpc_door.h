// The door of gRPC: turns what gRPC hands over into a Call, runs it on the callback thread or on
// the worker pool, and answers. A service method is one `return door.Unary(...)`. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "server/call.h"
#include "server/peer_certificates.h"
#include "server/worker_pool.h"

namespace keyturn {

enum class RunOn {
  kCallbackThread,  // quick, never blocks
  kPool,            // waits for a disk, scans, or computes for long
};

class GrpcDoor {
 public:
  struct Parts {
    GateParts& gate;
    WorkerPool& pool;
    PeerCertificates& peers;
    // Reads wait for the audit log's fdatasync, so none may stay on a callback thread.
    bool reads_block = false;
  };
  explicit GrpcDoor(const Parts& parts) : parts_(parts) {}

  // `resource` (StatusOr<Resource>()) runs once the caller is identified, `run_on` (RunOn()) after
  // it was admitted, `body` (Status(Call&)) last. All must be copyable, and what they refer to must
  // live as long as the gRPC call, as request and response do.
  template <typename ResourceFn, typename RunOnFn, typename Body>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const MethodInfo& method,
                                  ResourceFn resource, RunOnFn run_on, Body body) {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    auto call = std::make_shared<Call>(parts_.gate, method, OriginOf(*context));
    absl::Status status = call->Admit(resource);
    if (!status.ok()) {
      Reply(context, *call, status, reactor);
      return reactor;
    }
    if (run_on() == RunOn::kCallbackThread && !parts_.reads_block) {
      Reply(context, *call, call->Execute(body), reactor);
      return reactor;
    }
    WorkerPool::Job job = [call, context, reactor, body] {
      Reply(context, *call, call->Execute(body), reactor);
    };
    if (!parts_.pool.Post(std::move(job))) {
      Reply(context, *call, call->Refuse(Busy()), reactor);
    }
    return reactor;
  }

  // The same for a resource known at once.
  template <typename Body>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const MethodInfo& method,
                                  RunOn run_on, Resource resource, Body body) {
    return Unary(
        context, method, [resource]() -> absl::StatusOr<Resource> { return resource; },
        [run_on] { return run_on; }, body);
  }

  // For streams, which make their own reactor.
  std::shared_ptr<Call> NewCall(grpc::CallbackServerContext& context, const MethodInfo& method);
  static grpc::Status Finish(grpc::CallbackServerContext* context, const Call& call,
                             const absl::Status& status);
  static absl::Status Busy();
  WorkerPool& pool() { return parts_.pool; }

 private:
  CallOrigin OriginOf(grpc::CallbackServerContext& context);
  static void Reply(grpc::CallbackServerContext* context, const Call& call,
                    const absl::Status& status, grpc::ServerUnaryReactor* reactor);

  Parts parts_;
};

}  // namespace keyturn
