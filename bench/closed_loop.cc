#include "bench/closed_loop.h"

#include <atomic>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "bench/measure.h"
#include "bench/vault_world.h"

namespace keyturn::bench {
namespace {

constexpr int64_t kDeadlineSeconds = 20;

std::vector<std::unique_ptr<v1::SecretService::Stub>> Connect(const Target& target, int count) {
  std::vector<std::unique_ptr<v1::SecretService::Stub>> stubs;
  for (int i = 0; i < count; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(v1::SecretService::NewStub(
        grpc::CreateCustomChannel(target.address, target.credentials, arguments)));
  }
  return stubs;
}

// Keyturn refuses calls without one.
void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                     gpr_time_from_seconds(kDeadlineSeconds, GPR_TIMESPAN)));
}

void FillPut(const std::string& path, size_t value_bytes, v1::PutRequest* request) {
  request->set_path(path);
  request->set_replace(true);
  v1::Field* const field = request->mutable_data()->add_fields();
  field->set_name("value");
  field->set_value(std::string(value_bytes, 'v'));
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
  Slot(Run& run, v1::SecretService::Stub& stub, unsigned seed)
      : run_(run), stub_(stub), random_(seed) {}

  void Next() {
    context_ = std::make_unique<grpc::ClientContext>();
    SetDeadline(context_.get());
    if (!run_.target.token.empty()) {
      context_->AddMetadata("authorization", "Bearer " + run_.target.token);
    }
    const std::string path = PathOf(random_() % run_.options.keys);
    start_ = NowNanos();
    const auto done = [this](const grpc::Status& status) { Done(status); };
    if (run_.options.op == Op::kGet) {
      get_.set_path(path);
      stub_.async()->Get(context_.get(), &get_, &got_, done);
    } else {
      put_.Clear();
      FillPut(path, run_.options.value_bytes, &put_);
      stub_.async()->Put(context_.get(), &put_, &written_, done);
    }
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
  v1::SecretService::Stub& stub_;
  std::minstd_rand random_;
  std::unique_ptr<grpc::ClientContext> context_;
  int64_t start_ = 0;
  v1::GetRequest get_;
  v1::GetResponse got_;
  v1::PutRequest put_;
  v1::PutResponse written_;
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

LoopResult RunLoop(const Target& target, const LoopOptions& options) {
  const auto stubs = Connect(target, options.connections);
  Run run{.target = target, .options = options, .left = absl::BlockingCounter(options.in_flight)};
  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < options.in_flight; ++i) {
    const size_t connection = static_cast<size_t>(i) % stubs.size();
    slots.push_back(
        std::make_unique<Slot>(run, *stubs[connection], 17u + static_cast<unsigned>(i)));
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
  const auto stubs = Connect(target, 4);
  constexpr uint64_t kAtOnce = 64;
  for (uint64_t first = 0; first < count; first += kAtOnce) {
    const uint64_t some = std::min(kAtOnce, count - first);
    absl::BlockingCounter left(static_cast<int>(some));
    std::vector<grpc::ClientContext> contexts(some);
    std::vector<v1::PutRequest> requests(some);
    std::vector<v1::PutResponse> responses(some);
    for (uint64_t i = 0; i < some; ++i) {
      if (!target.token.empty()) {
        contexts[i].AddMetadata("authorization", "Bearer " + target.token);
      }
      SetDeadline(&contexts[i]);
      FillPut(PathOf(first + i), value_bytes, &requests[i]);
      stubs[i % stubs.size()]->async()->Put(&contexts[i], &requests[i], &responses[i],
                                            [&left](const grpc::Status& status) {
                                              if (!status.ok()) Die(status.error_message());
                                              left.DecrementCount();
                                            });
    }
    left.Wait();
  }
}

}  // namespace keyturn::bench
