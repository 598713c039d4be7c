#include "bench/closed_loop.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "bench/measure.h"

namespace keyturn::bench {
namespace {

std::vector<std::shared_ptr<grpc::Channel>> Connect(const Target& target, int count) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels.push_back(grpc::CreateCustomChannel(target.address, target.credentials, arguments));
  }
  return channels;
}

// What the calls of one run share.
struct Run {
  const Target& target;
  const LoopOptions& options;
  std::atomic<bool> measuring{false};
  std::atomic<bool> stop{false};
  absl::BlockingCounter left;
};

// One call in flight. All of its steps come one after another.
class Slot {
 public:
  Slot(Run& run, std::unique_ptr<Caller> caller, unsigned seed)
      : run_(run), caller_(std::move(caller)), random_(seed) {}

  void Next() {
    context_ = std::make_unique<grpc::ClientContext>();
    Prepare(run_.target, context_.get());
    start_ = NowNanos();
    caller_->Start(context_.get(), random_() % run_.options.keys,
                   [this](const grpc::Status& status) { Done(status); });
  }

  std::vector<int64_t> nanos;
  uint64_t errors = 0;
  std::string first_error;

 private:
  void Done(const grpc::Status& status) {
    if (!status.ok()) {
      if (++errors == 1) first_error = status.error_message();
    } else if (run_.measuring.load(std::memory_order_relaxed)) {
      nanos.push_back(NowNanos() - start_);
    }
    if (run_.stop.load(std::memory_order_relaxed)) {
      run_.left.DecrementCount();
    } else {
      Next();
    }
  }

  Run& run_;
  const std::unique_ptr<Caller> caller_;
  std::minstd_rand random_;
  std::unique_ptr<grpc::ClientContext> context_;
  int64_t start_ = 0;
};

void Wait(double seconds) {
  absl::Notification never;
  never.WaitForNotificationWithTimeout(absl::Seconds(seconds));
}

LoopResult Summarise(const std::vector<std::unique_ptr<Slot>>& slots, double seconds,
                     double server_cpu, double client_cpu) {
  LoopResult result;
  std::vector<int64_t> nanos;
  for (const auto& slot : slots) {
    nanos.insert(nanos.end(), slot->nanos.begin(), slot->nanos.end());
    result.errors += slot->errors;
    if (result.first_error.empty()) result.first_error = slot->first_error;
  }
  result.calls = nanos.size();
  const double calls = std::max<double>(1, static_cast<double>(result.calls));
  result.per_second = static_cast<double>(result.calls) / seconds;
  result.server_cpu_us = server_cpu * 1e6 / calls;
  result.client_cpu_us = client_cpu * 1e6 / calls;
  result.p50_ms = static_cast<double>(Percentile(&nanos, 0.5)) / 1e6;
  result.p99_ms = static_cast<double>(Percentile(&nanos, 0.99)) / 1e6;
  return result;
}

}  // namespace

LoopResult RunLoop(const Target& target, const CallerFactory& callers, const LoopOptions& options) {
  const auto channels = Connect(target, options.connections);
  Run run{.target = target, .options = options, .left = absl::BlockingCounter(options.in_flight)};
  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < options.in_flight; ++i) {
    const auto& channel = channels[static_cast<size_t>(i) % channels.size()];
    slots.push_back(std::make_unique<Slot>(run, callers(channel), 17u + static_cast<unsigned>(i)));
  }
  for (const auto& slot : slots) slot->Next();
  Wait(options.warm_up_seconds);
  const double server_cpu = CpuSeconds(target.pid);
  const double client_cpu = CpuSeconds(0);
  const int64_t start = NowNanos();
  run.measuring = true;
  Wait(options.seconds);
  run.measuring = false;
  const double seconds = static_cast<double>(NowNanos() - start) / 1e9;
  const double server_used = CpuSeconds(target.pid) - server_cpu;
  const double client_used = CpuSeconds(0) - client_cpu;
  run.stop = true;
  run.left.Wait();
  return Summarise(slots, seconds, server_used, client_used);
}

void Preload(const Target& target, uint64_t count, size_t value_bytes) {
  const auto channels = Connect(target, 4);
  const CallerFactory puts = Puts(value_bytes);
  constexpr uint64_t kAtOnce = 64;
  std::vector<std::unique_ptr<Caller>> callers;
  for (uint64_t i = 0; i < kAtOnce; ++i) callers.push_back(puts(channels[i % channels.size()]));
  for (uint64_t first = 0; first < count; first += kAtOnce) {
    const uint64_t some = std::min(kAtOnce, count - first);
    absl::BlockingCounter left(static_cast<int>(some));
    std::vector<grpc::ClientContext> contexts(some);
    for (uint64_t i = 0; i < some; ++i) {
      Prepare(target, &contexts[i]);
      callers[i]->Start(&contexts[i], first + i, [&left](const grpc::Status& status) {
        if (!status.ok()) Die(status.error_message());
        left.DecrementCount();
      });
    }
    left.Wait();
  }
}

}  // namespace keyturn::bench
