#include "tests/support/dudect.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace keyturn {
namespace {

constexpr size_t kBatch = 1000;
// Of all measurements of the first batches; the first is no cut at all.
constexpr std::array<double, 6> kPercentiles = {1.0, 0.99, 0.95, 0.9, 0.75, 0.5};
constexpr size_t kReported = 3;
constexpr size_t kBatchesToLearn = 4;  // caches and predictors warm up; they give the cuts

int64_t Nanos() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

class Statistics {
 public:
  void Learn(std::vector<int64_t> times) {
    std::sort(times.begin(), times.end());
    for (size_t p = 0; p < kPercentiles.size(); ++p) {
      const auto at = static_cast<size_t>(kPercentiles[p] * static_cast<double>(times.size()));
      cuts_[p] = at >= times.size() ? INT64_MAX : times[at];
    }
  }
  void Add(int of_class, int64_t time) {
    for (size_t p = 0; p < kPercentiles.size(); ++p) {
      if (time <= cuts_[p]) moments_[p][of_class].Add(static_cast<double>(time));
    }
  }
  TimingResult Result() const {
    TimingResult result;
    for (const auto& of_classes : moments_) {
      const double t = WelchT(of_classes[0], of_classes[1]);
      if (std::abs(t) > std::abs(result.t)) result.t = t;
    }
    for (int c = 0; c < 2; ++c) result.mean_nanos[c] = moments_[kReported][c].mean();
    return result;
  }

 private:
  std::array<int64_t, kPercentiles.size()> cuts_{};
  std::array<std::array<RunningMoments, 2>, kPercentiles.size()> moments_;
};

}  // namespace

double WelchT(const RunningMoments& a, const RunningMoments& b) {
  if (a.count() < 2 || b.count() < 2) return 0;
  const double error = a.variance() / a.count() + b.variance() / b.count();
  return error == 0 ? 0 : (a.mean() - b.mean()) / std::sqrt(error);
}

TimingResult MeasureTiming(int samples, std::mt19937_64& random,
                           const std::function<void(const std::vector<int>& classes)>& prepare,
                           const std::function<void(size_t i)>& operation) {
  Statistics statistics;
  std::vector<int64_t> learned;
  std::vector<int> classes(kBatch);
  std::vector<int64_t> times(kBatch);
  const size_t batches = kBatchesToLearn + (static_cast<size_t>(samples) + kBatch - 1) / kBatch;
  for (size_t batch = 0; batch < batches; ++batch) {
    for (int& of_class : classes) of_class = static_cast<int>(random() & 1);
    prepare(classes);
    for (size_t i = 0; i < kBatch; ++i) {
      const int64_t start = Nanos();
      operation(i);
      times[i] = Nanos() - start;
    }
    if (batch < kBatchesToLearn) {
      learned.insert(learned.end(), times.begin(), times.end());
      if (batch + 1 == kBatchesToLearn) statistics.Learn(learned);
      continue;
    }
    for (size_t i = 0; i < kBatch; ++i) statistics.Add(classes[i], times[i]);
  }
  return statistics.Result();
}

}  // namespace keyturn
