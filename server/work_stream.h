// A stream for long work: the work runs on a worker, and the client is told how far it is as fast
// as it listens. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "server/grpc_door.h"
#include "server/streams.h"

namespace keyturn {

// What the work reports and the stream tells. A report that the client was too slow for is replaced
// by the next. Thread-safe.
template <typename Message>
class WorkReport {
 public:
  // CANCELLED when nobody listens any more: the client went away, or the server stops.
  absl::Status Publish(Message message) {
    {
      const absl::MutexLock lock(&mu_);
      latest_ = std::move(message);
      news_ = true;
    }
    return wake_() ? absl::OkStatus() : absl::CancelledError("the client went away");
  }

  void Fail(absl::Status status) {
    {
      const absl::MutexLock lock(&mu_);
      status_ = std::move(status);
    }
    wake_();
  }

  absl::StatusOr<StreamStep<Message>> NextStep() {
    const absl::MutexLock lock(&mu_);
    RETURN_IF_ERROR(status_);
    StreamStep<Message> step;
    if (!news_) return step;
    news_ = false;
    step.messages.push_back(latest_);
    step.end = latest_.done();
    return step;
  }

  // Before the work starts. `wake` returns whether the stream is still open.
  void SetWake(std::function<bool()> wake) { wake_ = std::move(wake); }

 private:
  std::function<bool()> wake_;
  absl::Mutex mu_;
  Message latest_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  bool news_ ABSL_GUARDED_BY(mu_) = false;
};

inline absl::Status TooMuchWork() {
  return WithRetryAfter(
      WithReason(absl::ResourceExhaustedError(absl::StrCat(
                     "at most ", limits::kWorkStreamsMax,
                     " verifications and the like run at once; try again when one has ended")),
                 "BUSY"),
      absl::Milliseconds(limits::kBusyRetryMilliseconds));
}

// Admits the call, whose request says nothing but must be a `Request`, and runs `work` on the pool,
// unless limits::kWorkStreamsMax run already: RESOURCE_EXHAUSTED, reason BUSY. The stream ends
// after the message that is done(), or with the error that `work` returns. Work returns what
// Publish returned if that was not OK. What `work` refers to lives as long as the server.
template <typename Request, typename Message>
raw::StreamReactor* StartWork(GrpcDoor& door, raw::Context* context, const raw::Bytes* request,
                              const MethodInfo& method,
                              std::function<absl::Status(WorkReport<Message>& report)> work) {
  using Stream = PullStream<Message>;
  std::shared_ptr<Call> call = door.NewCall(*context, method);
  std::shared_ptr<void> place;
  const absl::Status admitted = call->Run(
      [&]() -> absl::StatusOr<Resource> {
        Request parsed;
        RETURN_IF_ERROR(ParseMessage(*request, &parsed));
        return Resource::None();
      },
      [&](Call&) {
        place = door.TakeWorkPlace();
        return place != nullptr ? absl::OkStatus() : TooMuchWork();
      });
  if (!admitted.ok()) return Stream::Failed(door, context, std::move(call), admitted);

  auto report = std::make_shared<WorkReport<Message>>();
  Stream* const stream =
      Stream::Start(door, context, std::move(call), [report](Call&) { return report->NextStep(); });
  report->SetWake([weak = std::weak_ptr<Stream>(stream->shared_from_this())] {
    const std::shared_ptr<Stream> alive = weak.lock();
    if (alive != nullptr) alive->Wake();
    return alive != nullptr;
  });
  WorkerPool::Job job = [report, place = std::move(place), work = std::move(work)] {
    if (absl::Status status = work(*report); !status.ok()) report->Fail(std::move(status));
  };
  if (!door.pool().Post(std::move(job))) stream->Fail(GrpcDoor::Busy());
  return stream;
}

}  // namespace keyturn
