// What tests of times share: measured as tests/support/dudect.h says. Here with a few samples,
// which finds a comparison that stops at the first difference; `./dev timing` takes 10^6 of each
// (KEYTURN_TIMING_SAMPLES).
//
// A measurement on a machine that others use is wrong now and then, so a difference counts when it
// is found three times in a row.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/dudect.h"
#include "tests/support/seed.h"

namespace keyturn {

class Timing {
 protected:
  static constexpr double kThreshold = 4.5;
  static constexpr int kTries = 3;

  using Prepare = std::function<void(const std::vector<int>& classes)>;
  using Operation = std::function<void(size_t i)>;

  // The smallest |t| of a few measurements.
  TimingResult Least(const Prepare& prepare, const Operation& operation) {
    TimingResult least;
    for (int tried = 0; tried < kTries; ++tried) {
      const TimingResult result = MeasureTiming(samples_, random_, prepare, operation);
      if (tried == 0 || std::abs(result.t) < std::abs(least.t)) least = result;
      if (std::abs(least.t) < kThreshold) break;
    }
    return least;
  }
  void ExpectNoDifference(const std::string& what, const Prepare& prepare,
                          const Operation& operation) {
    const TimingResult result = Least(prepare, operation);
    Print(what, result);
    EXPECT_LT(std::abs(result.t), kThreshold) << what;
  }
  void Print(const std::string& what, const TimingResult& result) const {
    std::printf("%-44s %8d samples  |t| %6.2f  %.1f and %.1f ns\n", what.c_str(), samples_,
                std::abs(result.t), result.mean_nanos[0], result.mean_nanos[1]);
  }

  const int samples_ = TestCount("KEYTURN_TIMING_SAMPLES", kSanitized ? 2000 : 50'000);
  std::mt19937_64 random_{TestSeed()};
  volatile int sink_ = 0;
};

}  // namespace keyturn
