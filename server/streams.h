// Streams to clients that are pulled, not pushed: a stream holds at most one batch of messages, and
// asks for the next one when the client has taken the last. A slow client thus costs no memory, and
// falls behind until its position is too old.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "server/grpc_door.h"

namespace keyturn {

// The streams that are open: woken together, counted, bounded. Thread-safe.
class StreamRegistry : public std::enable_shared_from_this<StreamRegistry> {
 public:
  // Stays registered until the handle dies; nullptr when limits::kWatchersMax are open.
  std::shared_ptr<void> Add(std::function<void()> wake);
  void WakeAll();
  size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  absl::Mutex mu_;
  std::list<std::function<void()>> wakers_ ABSL_GUARDED_BY(mu_);
  std::atomic<size_t> size_{0};
};

// What a stream has to say next. `fill` runs on the pool, never twice at once.
template <typename Message>
struct StreamStep {
  std::deque<Message> messages;
  bool end = false;    // after these
  bool again = false;  // there is more at once
};

template <typename Message>
class PullStream : public raw::StreamReactor,
                   public std::enable_shared_from_this<PullStream<Message>> {
 public:
  using Fill = std::function<absl::StatusOr<StreamStep<Message>>(Call&)>;

  // Starts a stream for an admitted call. It owns itself until gRPC is done with it.
  static PullStream* Start(GrpcDoor& door, raw::Context* context, std::shared_ptr<Call> call,
                           Fill fill) {
    auto stream = std::shared_ptr<PullStream>(
        new PullStream(door, context, std::move(call), std::move(fill)));
    stream->self_ = stream;
    return stream.get();
  }
  // A stream that only fails.
  static PullStream* Failed(GrpcDoor& door, raw::Context* context, std::shared_ptr<Call> call,
                            const absl::Status& status) {
    PullStream* const stream = Start(door, context, std::move(call), nullptr);
    stream->Fail(status);
    return stream;
  }

  // Ends a stream that was not woken yet.
  void Fail(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    End(status);
  }

  // Keeps `handle` (a registration) until the stream is done.
  void Keep(std::shared_ptr<void> handle) {
    absl::MutexLock lock(&mu_);
    handles_.push_back(std::move(handle));
  }

  // There may be something to say. Cheap; any thread.
  void Wake() {
    absl::MutexLock lock(&mu_);
    pending_ = true;
    Continue();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    queue_.pop_front();
    if (!ok) cancelled_ = true;
    Continue();
  }

  void OnCancel() override {
    absl::MutexLock lock(&mu_);
    cancelled_ = true;
    Continue();
  }

  void OnDone() override {
    std::vector<std::shared_ptr<void>> handles;
    {
      absl::MutexLock lock(&mu_);
      handles.swap(handles_);
    }
    handles.clear();
    const std::shared_ptr<PullStream> last = std::move(self_);
  }

 private:
  PullStream(GrpcDoor& door, raw::Context* context, std::shared_ptr<Call> call, Fill fill)
      : door_(door), context_(context), call_(std::move(call)), fill_(std::move(fill)) {}

  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    finished_ = true;
    this->Finish(GrpcDoor::Finish(context_, *call_, status));
  }

  // Starts whatever is next, if nothing is under way.
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_ || writing_ || filling_) return;
    if (cancelled_) return End(absl::CancelledError("the client went away"));
    if (!queue_.empty()) {
      if (const absl::Status status = SerializeMessage(queue_.front(), &bytes_); !status.ok()) {
        return End(status);
      }
      writing_ = true;
      this->StartWrite(&bytes_);
      return;
    }
    if (ended_) return End(end_status_);
    if (!pending_) return;
    pending_ = false;
    filling_ = true;
    auto self = this->shared_from_this();
    WorkerPool::Job job = [self] { self->RunFill(); };
    if (door_.pool().Post(std::move(job))) return;
    filling_ = false;
    pending_ = true;
    TryLater();
  }

  // The pool is full. There may be no further wake: work that is done tells of it once.
  void TryLater() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (trying_later_) return;
    trying_later_ = true;
    // A new one each time: one that calls cannot be set again by what it calls.
    later_ = std::make_unique<grpc::Alarm>();
    later_->Set(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                             gpr_time_from_millis(limits::kBusyRetryMilliseconds, GPR_TIMESPAN)),
                [weak = this->weak_from_this()](bool due) {
                  const std::shared_ptr<PullStream> alive = due ? weak.lock() : nullptr;
                  if (alive == nullptr) return;
                  absl::MutexLock lock(&alive->mu_);
                  alive->trying_later_ = false;
                  alive->Continue();
                });
  }

  absl::StatusOr<StreamStep<Message>> NextStep() {
    RETURN_IF_ERROR(call_->Recheck());
    return fill_(*call_);
  }

  void RunFill() {
    absl::StatusOr<StreamStep<Message>> step = NextStep();
    absl::MutexLock lock(&mu_);
    filling_ = false;
    if (!step.ok()) {
      ended_ = true;
      end_status_ = step.status();
    } else {
      queue_ = std::move(step->messages);
      ended_ = step->end;
      pending_ = pending_ || step->again;
    }
    Continue();
  }

  GrpcDoor& door_;
  raw::Context* const context_;
  const std::shared_ptr<Call> call_;
  const Fill fill_;
  std::shared_ptr<PullStream> self_;

  absl::Mutex mu_;
  std::vector<std::shared_ptr<void>> handles_ ABSL_GUARDED_BY(mu_);
  std::deque<Message> queue_ ABSL_GUARDED_BY(mu_);
  grpc::ByteBuffer bytes_ ABSL_GUARDED_BY(mu_);  // of the front, while it is written
  absl::Status end_status_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::Alarm> later_ ABSL_GUARDED_BY(mu_);
  bool trying_later_ ABSL_GUARDED_BY(mu_) = false;
  bool pending_ ABSL_GUARDED_BY(mu_) = false;
  bool filling_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace keyturn
