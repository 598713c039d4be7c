// What the benchmarks measure with: latencies, CPU and memory of a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace keyturn::bench {

// Steady clock.
int64_t NowNanos();

// Seconds of CPU that a process (0: this one) has used, user and system, all threads.
double CpuSeconds(pid_t pid);

// A field of /proc/<pid>/status in kB ("RssAnon", "VmRSS"); -1 when it is not there.
int64_t MemoryKb(pid_t pid, const std::string& field);

// The value below which a share `q` of the samples lies. Sorts them.
int64_t Percentile(std::vector<int64_t>* nanos, double q);

// Prints the message and exits: a benchmark without its parts has no result.
[[noreturn]] void Die(const std::string& message);

inline void CheckOk(const absl::Status& status) {
  if (!status.ok()) Die(status.ToString());
}
template <typename T>
T OrDie(absl::StatusOr<T> result) {
  CheckOk(result.status());
  return *std::move(result);
}

}  // namespace keyturn::bench
