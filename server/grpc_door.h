// The door of gRPC: turns what gRPC hands over into a Call, runs it on the callback thread or on
// the worker pool, and answers. A service method is one `return door.Unary(...)`. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <utility>

#include "base/limits.h"
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
    // A unary call whose caller would wait for longer ends then, even if its reply is on its way:
    // a peer that does not take a reply must not hold its memory for as long as it likes.
    absl::Duration longest_call = absl::Seconds(limits::kDeadlineSecondsMax);
  };
  explicit GrpcDoor(const Parts& parts) : parts_(parts) {}

  // `resource` (StatusOr<Resource>()) runs once the caller is identified, `run_on` (RunOn()) after
  // it was admitted, `body` (Status(Call&)) last. All must be copyable, and what they refer to must
  // live as long as the gRPC call, as request and response do.
  template <typename ResourceFn, typename RunOnFn, typename Body>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const MethodInfo& method,
                                  ResourceFn resource, RunOnFn run_on, Body body) {
    const absl::Duration left = TimeLeft(*context);
    grpc::ServerUnaryReactor* const reactor = NewReactor(context, left);
    auto call = std::make_shared<Call>(parts_.gate, method, OriginOf(*context, left));
    absl::Status status = call->Admit(resource);
    if (!status.ok()) {
      Reply(context, *call, status, reactor);
      return reactor;
    }
    if (run_on() == RunOn::kCallbackThread && !parts_.reads_block && !call->uses_token()) {
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
  // A place for work that holds a worker for long, until the handle dies; nullptr when
  // limits::kWorkStreamsMax are taken, so that such work leaves most workers to others.
  std::shared_ptr<void> TakeWorkPlace();
  WorkerPool& pool() { return parts_.pool; }

 private:
  // Of the caller's deadline, in real time; it may be infinite.
  static absl::Duration TimeLeft(const grpc::CallbackServerContext& context);
  grpc::ServerUnaryReactor* NewReactor(grpc::CallbackServerContext* context, absl::Duration left);
  CallOrigin OriginOf(grpc::CallbackServerContext& context, absl::Duration left);
  static void Reply(grpc::CallbackServerContext* context, const Call& call,
                    const absl::Status& status, grpc::ServerUnaryReactor* reactor);

  Parts parts_;
  const std::shared_ptr<std::atomic<int>> works_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace keyturn
