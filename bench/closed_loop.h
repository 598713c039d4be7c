// A closed loop over gRPC: so many calls in flight, each answered one followed by the next, over
// several connections (one HTTP/2 connection serialises on its own thread).
#pragma once

#include <cstdint>
#include <string>

#include "bench/callers.h"

namespace keyturn::bench {

struct LoopOptions {
  int connections = 4;
  int in_flight = 64;
  double seconds = 5;
  double warm_up_seconds = 1;
  uint64_t keys = 10'000;  // uniform at random
};

struct LoopResult {
  uint64_t calls = 0;
  uint64_t errors = 0;
  std::string first_error;
  double per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double server_cpu_us = 0;  // per call
  double client_cpu_us = 0;
};

LoopResult RunLoop(const Target& target, const CallerFactory& callers, const LoopOptions& options);

// Writes keys 0 to count-1, 64 at a time. Dies on an error.
void Preload(const Target& target, uint64_t count, size_t value_bytes);

}  // namespace keyturn::bench
