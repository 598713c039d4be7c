// Whether the time of an operation depends on a secret, after "Dude, is my code constant time?"
// (Reparaz, Balasch, Verbauwhede, 2016, https://eprint.iacr.org/2016/1123; their program is
// https://github.com/oreparaz/dudect). Two classes of inputs are measured in random order, and
// Welch's t-test tells their means apart: as they are, and with the slowest cut off at several
// percentiles, because interrupts are of the machine and not of the code. |t| above 4.5 is a
// difference that chance does not explain. Not thread-safe.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace keyturn {

// Mean and variance of what is added, in one pass (Welford, 1962).
class RunningMoments {
 public:
  void Add(double value) {
    ++count_;
    const double delta = value - mean_;
    mean_ += delta / count_;
    squares_ += delta * (value - mean_);
  }
  double count() const { return count_; }
  double mean() const { return mean_; }
  double variance() const { return count_ < 2 ? 0 : squares_ / (count_ - 1); }

 private:
  double count_ = 0, mean_ = 0, squares_ = 0;
};

// Welch's t of two samples: 0 when either has nothing to say.
double WelchT(const RunningMoments& a, const RunningMoments& b);

struct TimingResult {
  double t = 0;               // the largest in absolute value over the percentiles
  double mean_nanos[2] = {};  // of each class, without the slowest tenth
};

// Measures `samples` calls of operation(i), where i is the place in a batch that prepare(classes)
// has made inputs for: element i is the class (0 or 1) of input i. Preparing is not measured.
TimingResult MeasureTiming(int samples, std::mt19937_64& random,
                           const std::function<void(const std::vector<int>& classes)>& prepare,
                           const std::function<void(size_t i)>& operation);

}  // namespace keyturn
