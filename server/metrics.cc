#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/version.h"

namespace keyturn {
namespace {

constexpr size_t kCodes = 17;  // absl::StatusCode: 0 to 16

prometheus::Histogram::BucketBoundaries Boundaries() {
  return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
          0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};
}

// Of targets: programs and servers outside, which may take minutes.
prometheus::Histogram::BucketBoundaries TargetBoundaries() {
  return {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
}

class MetricsImpl : public Metrics {
 public:
  explicit MetricsImpl(const MethodTable& methods)
      : calls_(prometheus::BuildCounter()
                   .Name("keyturn_calls_total")
                   .Help("Calls by method and status code.")
                   .Register(registry_)),
        seconds_(prometheus::BuildHistogram()
                     .Name("keyturn_call_seconds")
                     .Help("Time from the arrival of a call to its answer.")
                     .Register(registry_)),
        target_calls_(prometheus::BuildCounter()
                          .Name("keyturn_target_calls_total")
                          .Help("Calls of targets of rotation, by target, call and outcome.")
                          .Register(registry_)),
        target_seconds_(prometheus::BuildHistogram()
                            .Name("keyturn_target_call_seconds")
                            .Help("Time from a call of a target to its answer, or its end.")
                            .Register(registry_)),
        counters_(methods.methods().size()) {
    prometheus::BuildGauge()
        .Name("keyturn_build_info")
        .Help("1; the labels say what was built.")
        .Register(registry_)
        .Add({{"version", kVersion}})
        .Set(1);
    for (const MethodInfo& method : methods.methods()) {
      histograms_.push_back(&seconds_.Add({{"method", method.name}}, Boundaries()));
    }
  }

  void CountCall(const MethodInfo& method, absl::StatusCode code, int64_t nanos) override {
    const size_t number = static_cast<size_t>(code) < kCodes ? static_cast<size_t>(code) : 2;
    std::atomic<prometheus::Counter*>& slot = counters_[method.index][number];
    prometheus::Counter* counter = slot.load(std::memory_order_acquire);
    if (counter == nullptr) {
      // Add gives the same counter for the same labels, so a race is harmless.
      counter =
          &calls_.Add({{"method", method.name},
                       {"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(number))}});
      slot.store(counter, std::memory_order_release);
    }
    counter->Increment();
    histograms_[method.index]->Observe(static_cast<double>(nanos) * 1e-9);
  }

  void CountTargetCall(const std::string& target, const std::string& call,
                       const std::string& outcome, absl::Duration took) override {
    target_calls_.Add({{"target", target}, {"call", call}, {"outcome", outcome}}).Increment();
    target_seconds_.Add({{"target", target}}, TargetBoundaries())
        .Observe(absl::ToDoubleSeconds(took));
  }

  void AddGauge(const std::string& name, const std::string& help,
                std::function<double()> read) override {
    Add({name, help, prometheus::MetricType::Gauge, std::move(read)});
  }

  void AddCounter(const std::string& name, const std::string& help,
                  std::function<double()> read) override {
    Add({name, help, prometheus::MetricType::Counter, std::move(read)});
  }

  std::string Render() override {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    const absl::ReaderMutexLock lock(&mu_);
    for (const Reader& reader : readers_) {
      prometheus::MetricFamily family;
      family.name = reader.name;
      family.help = reader.help;
      family.type = reader.type;
      prometheus::ClientMetric metric;
      if (reader.type == prometheus::MetricType::Gauge) {
        metric.gauge.value = reader.read();
      } else {
        metric.counter.value = reader.read();
      }
      family.metric.push_back(std::move(metric));
      families.push_back(std::move(family));
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  struct Reader {
    std::string name, help;
    prometheus::MetricType type;
    std::function<double()> read;
  };

  void Add(Reader reader) {
    const absl::MutexLock lock(&mu_);
    readers_.push_back(std::move(reader));
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& calls_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  prometheus::Family<prometheus::Counter>& target_calls_;
  prometheus::Family<prometheus::Histogram>& target_seconds_;
  std::vector<std::array<std::atomic<prometheus::Counter*>, kCodes>> counters_;
  std::vector<prometheus::Histogram*> histograms_;

  absl::Mutex mu_;  // pages are served before the last listener adds its own
  std::vector<Reader> readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::Create(const MethodTable& methods) {
  return std::make_unique<MetricsImpl>(methods);
}

}  // namespace keyturn
