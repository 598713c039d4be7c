// The door of gRPC: turns what gRPC hands over into a Call, runs it on the callback thread or on
// the worker pool, and answers. A service method is one `return door.Unary(...)`. Requests are
// parsed here, once the caller is identified: one that does not parse is refused with
// INVALID_ARGUMENT, as any call is. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "base/status_macros.h"
#include "server/call.h"
#include "server/message_wire.h"
#include "server/peer_certificates.h"
#include "server/raw_methods.h"
#include "server/worker_pool.h"

namespace keyturn {

enum class RunOn {
  kCallbackThread,  // quick, never blocks
  kPool,            // waits for a disk, scans, or computes for long
};

// What gRPC hands over of a unary call. The buffers live as long as the call.
struct UnaryWire {
  raw::Context* context;
  const raw::Bytes* request;
  raw::Bytes* response;
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
  raw::Reactor* Unary(raw::Context* context, const MethodInfo& method, ResourceFn resource,
                      RunOnFn run_on, Body body) {
    const absl::Duration left = TimeLeft(*context);
    raw::Reactor* const reactor = NewReactor(context, left);
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

  // The same between messages: `resource` is Resource(const Request&), and `body`
  // Status(Call&, const Request&, Response*).
  template <typename Request, typename Response, typename ResourceFn, typename Body>
  raw::Reactor* Unary(const UnaryWire& wire, const MethodInfo& method, RunOn run_on,
                      ResourceFn resource, Body body) {
    struct Messages {
      Request request;
      Response response;
    };
    auto messages = std::make_shared<Messages>();
    return Unary(
        wire.context, method,
        [messages, wire, resource]() -> absl::StatusOr<Resource> {
          RETURN_IF_ERROR(ParseMessage(*wire.request, &messages->request));
          return resource(messages->request);
        },
        [run_on] { return run_on; },
        [messages, wire, body](Call& call) -> absl::Status {
          RETURN_IF_ERROR(body(call, messages->request, &messages->response));
          return SerializeMessage(messages->response, wire.response);
        });
  }
  // And for a method that is about no resource.
  template <typename Request, typename Response, typename Body>
  raw::Reactor* Unary(const UnaryWire& wire, const MethodInfo& method, RunOn run_on, Body body) {
    return Unary<Request, Response>(
        wire, method, run_on, [](const Request&) { return Resource::None(); }, body);
  }

  // For streams, which make their own reactor.
  std::shared_ptr<Call> NewCall(raw::Context& context, const MethodInfo& method);
  static grpc::Status Finish(raw::Context* context, const Call& call, const absl::Status& status);
  static absl::Status Busy();
  // A place for work that holds a worker for long, until the handle dies; nullptr when
  // limits::kWorkStreamsMax are taken, so that such work leaves most workers to others.
  std::shared_ptr<void> TakeWorkPlace();
  WorkerPool& pool() { return parts_.pool; }

 private:
  // Of the caller's deadline, in real time; it may be infinite.
  static absl::Duration TimeLeft(const raw::Context& context);
  raw::Reactor* NewReactor(raw::Context* context, absl::Duration left);
  CallOrigin OriginOf(raw::Context& context, absl::Duration left);
  static void Reply(raw::Context* context, const Call& call, const absl::Status& status,
                    raw::Reactor* reactor);

  Parts parts_;
  const std::shared_ptr<std::atomic<int>> works_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace keyturn
